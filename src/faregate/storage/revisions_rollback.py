"""Going back to the document of an earlier revision, and what stays."""

from collections.abc import Iterator

import msgspec
import sqlalchemy as sa

from faregate.configuration.difference import Change
from faregate.configuration.document import Document
from faregate.storage.key_rows import count_commanded_since, revoked_hashes
from faregate.storage.revisions_history import state_at
from faregate.storage.revisions_planning import Plan
from faregate.storage.revisions_state import State
from faregate.storage.revisions_writing import Writer


class RolledBack(msgspec.Struct, frozen=True):
    """The revision in force, what changed, and what is not undone."""

    number: int
    changes: list[Change]
    remarks: tuple[str, ...]


def plan_roll_back(
    connection: sa.Connection, writer: Writer, state: State, number: int
) -> tuple[Plan, tuple[str, ...]]:
    """What leads back to a revision's document, and what can't be undone.

    Values are those that were sealed then. Raises `MissingError`, `ConfigurationError`.
    """
    old = state_at(connection, number)
    revoked = revoked_hashes(connection, (key.secret for key in old.written.keys))
    stay = [key.name for key in old.written.keys if not key.revoked and key.secret in revoked]
    keys = tuple(
        msgspec.structs.replace(key, revoked=True) if key.secret in revoked else key
        for key in old.written.keys
    )
    document = msgspec.structs.replace(old.written, keys=keys) if stay else old.written
    expanded = writer.planner.expand(document, {}, old)
    expanded.check()
    plan = writer.plan(connection, state, expanded)
    remarks = [
        *(f"the key {name} was revoked since, and stays so" for name in stay),
        *_credit(state.written, document),
    ]
    if count := count_commanded_since(connection, number):
        what, stays = ("1 key that was", "stays as it is")
        if count > 1:
            what, stays = (f"{count} keys that were", "stay as they are")
        remarks.append(f"{what} made, changed or revoked by command since {stays}")
    return plan, tuple(remarks)


def _credit(current: Document, old: Document) -> Iterator[str]:
    """Grants that are not in the old document; their credit was given."""
    known = {(wallet.name, grant.name) for wallet in old.wallets for grant in wallet.grants}
    for wallet in current.wallets:
        for grant in wallet.grants:
            if (wallet.name, grant.name) not in known:
                yield (
                    f"the credit of the grant {grant.name} to the wallet {wallet.name} was given, "
                    "and stays so"
                )
