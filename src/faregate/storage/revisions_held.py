"""The state that was read or stored last, while it is the newest.

It is held for each open database, and shared by all who read the document there.
"""

from weakref import WeakKeyDictionary

import sqlalchemy as sa

from faregate.storage.revisions_rows import newest_document, read_items
from faregate.storage.revisions_state import NOTHING, State, state_of

Mark = tuple[int, int]
"""A revision's number and time: a backup that was put back may have the number alone."""

_held: WeakKeyDictionary[sa.Engine, tuple[Mark, State]] = WeakKeyDictionary()


def state_in_force(connection: sa.Connection) -> State:
    """What is in force in this transaction; raises `StorageError`."""
    mark = newest_document(connection)
    held_mark, held = _held.get(connection.engine, ((0, 0), NOTHING))
    if mark != held_mark:
        held = state_of(mark[0], read_items(connection), held)
        hold(connection.engine, mark, held)
    return held


def hold(engine: sa.Engine, mark: Mark, state: State) -> None:
    """Hold what was committed."""
    _held[engine] = mark, state


def read_document(connection: sa.Connection) -> tuple[int, State] | None:
    """The newest revision's number and its state, if there is one."""
    state = state_in_force(connection)
    return (state.number, state) if state.number else None
