"""A worker's side of the ledger: slices are drawn, given back, asked for.

A worker is told what happened, or that nothing did. Where the connection broke while a transaction
was ended, neither is known: then the worker takes it that nothing happened, and its next
transaction makes that true. For this each write leaves its number in the worker's row.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

from faregate.core.clock import Clock
from faregate.core.errors import StorageError
from faregate.ledger import reckoning
from faregate.ledger.purses import Drawn, DrawRequest, PurseSpec, Return, Standing
from faregate.storage.ledger_connection import LedgerConnection, Session
from faregate.storage.ledger_purses import (
    Facts,
    PurseRow,
    carried_amounts,
    encode_percents,
    find_purses,
    load_facts,
    lock_purses,
    open_purses,
    stand,
)

_LOCK_WORKER: Final = "SELECT vanished_ns, operation FROM workers WHERE worker = ? FOR UPDATE"
_JOIN: Final = """
INSERT INTO workers (worker, node, seen_ns, operation) VALUES (?, ?, ?, 0)
ON CONFLICT (worker) DO NOTHING
"""
_COUNT: Final = "UPDATE workers SET operation = ? WHERE worker = ?"
_BEAT: Final = """
UPDATE workers SET seen_ns = ?, vanished_ns = NULL, operation = ? WHERE worker = ?
"""
_OWN: Final = """
SELECT purse_id, amount, settled, posted FROM draws WHERE worker = ? AND purse_id IN ?*
"""
_KEEP_DRAW: Final = """
INSERT INTO draws (worker, purse_id, amount, settled, posted) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (worker, purse_id) DO UPDATE SET
    amount = excluded.amount, settled = excluded.settled, posted = excluded.posted
"""
_KEEP_PURSE: Final = """
UPDATE purses SET cap = ?, starts_ns = ?, ends_ns = ?, rolling_ns = ?, alert_at = ?, drawn = ?
WHERE purse_id = ?
"""
_KEEP_DRAWN: Final = "UPDATE purses SET drawn = ? WHERE purse_id = ?"
_COUNT_ASKS: Final = "UPDATE asked_back SET seq = seq + 1 WHERE purse_id = ''"
_ASKS: Final = "SELECT seq FROM asked_back WHERE purse_id = ''"
_ASK: Final = """
INSERT INTO asked_back (purse_id, seq, worker) VALUES (?, ?, ?)
ON CONFLICT (purse_id) DO UPDATE SET seq = excluded.seq, worker = excluded.worker
"""
_ASKED: Final = "SELECT purse_id, seq, worker FROM asked_back WHERE seq > ?"

Result = TypeVar("Result")


class Draw:
    """A worker's part of a purse, as its row."""

    __slots__ = ("amount", "posted", "settled")

    def __init__(self, amount: int = 0, settled: int = 0, posted: int = 0) -> None:
        self.amount = amount
        self.settled = settled
        self.posted = posted

    @property
    def coming_back(self) -> int:
        """What of it is not said to be settled."""
        return reckoning.coming_back(self.amount, self.settled, self.posted)


class _Moved(NamedTuple):
    """What one write did: its number, and by how much draws rose or fell."""

    operation: int
    amounts: tuple[tuple[str, int], ...]


class LedgerDraws:
    """`gate.ports.LedgerSource` of one worker."""

    def __init__(self, connection: LedgerConnection, worker: str, node: str, clock: Clock) -> None:
        self._connection = connection
        self._worker = worker
        self._node = node
        self._clock = clock
        self._operation = 0
        # Of the write that is being tried, and of those that ended nobody knows how.
        self._trying: _Moved | None = None
        self._unknown: list[_Moved] = []

    def draw(self, requests: Sequence[DrawRequest]) -> list[Drawn]:
        """Take slices: of each purse what there is, at most what is wanted."""
        return self._write(lambda session: self._draw(session, requests))

    def give_back(self, returns: Sequence[Return]) -> None:
        """Put unused parts of slices back; never what was told to be settled."""
        self._write(lambda session: self._give_back(session, returns))

    def ask_back(self, purse_ids: Sequence[str]) -> None:
        """Ask all other workers to give back what they don't use of these purses."""
        wanted = sorted(set(purse_ids) - {""})

        def ask(session: Session) -> None:
            session.run(_COUNT_ASKS)
            asks = session.rows(_ASKS)[0][0]
            session.run_many(_ASK, [(purse_id, asks, self._worker) for purse_id in wanted])

        self._connection.write(ask, repeatable=True)

    def asked_back(self, cursor: int) -> tuple[int, list[str]]:
        """Purses that others asked for after `cursor`, and where to go on from."""
        rows = self._connection.read(lambda session: session.rows(_ASKED, cursor))
        wanted = {purse_id for purse_id, _, worker in rows if worker != self._worker}
        return max((seq for _, seq, _ in rows), default=cursor), sorted(wanted - {""})

    def standings(self, specs: Sequence[PurseSpec]) -> list[Standing]:
        """How purses stand; changes nothing."""
        return self._connection.read(lambda session: self._look(session, specs))

    def beat(self) -> bool:
        """Say that this worker lives; False: it counted as vanished."""
        return self._write(self._beat)

    def close(self) -> None:
        """Let go of the ledger."""
        self._connection.close()

    # -- transactions ----------------------------------------------------------------------------

    def _write(self, work: Callable[[Session], Result]) -> Result:
        self._operation += 1
        try:
            result = self._connection.write(work)
        except StorageError:
            if self._connection.uncertain and self._trying is not None:
                self._unknown.append(self._trying)
            raise
        self._unknown.clear()
        return result

    def _begin(self, session: Session) -> bool:
        """Lock this worker's row and settle what is unknown; whether it is vanished."""
        rows = session.rows(_LOCK_WORKER, self._worker)
        if not rows:
            session.run(_JOIN, self._worker, self._node, self._clock.wall_ns())
            rows = session.rows(_LOCK_WORKER, self._worker)
        vanished_ns, operation = rows[0]
        for unknown in self._unknown:
            # The last one that was kept; it has undone those before it.
            if unknown.operation == operation and vanished_ns is None:
                self._undo(session, unknown.amounts)
        return vanished_ns is not None

    def _draw(self, session: Session, requests: Sequence[DrawRequest]) -> list[Drawn]:
        vanished = self._begin(session)
        now_ns = self._clock.wall_ns()
        specs = {request.spec.purse_id: request.spec for request in requests}
        purses = open_purses(session, list(specs.values()))
        own = self._own(session, list(purses))
        for spec in specs.values():
            purses[spec.purse_id].cap = spec.cap or 0
            purses[spec.purse_id].rolling_ns = spec.rolling_ns
        facts = load_facts(session, purses, now_ns)
        drawn, moved = [], []
        for request in requests:
            purse = purses[request.spec.purse_id]
            available = stand(purse, facts, now_ns).available
            # A worker that is given up holds nothing until it has heard of that.
            granted = 0 if vanished else min(max(0, request.want), available)
            if granted or purse.purse_id in own:
                draw = own.setdefault(purse.purse_id, Draw())
                _take(purse, draw, facts, granted, request.settled)
            moved.append((purse.purse_id, granted))
            drawn.append(Drawn(granted, stand(purse, facts, now_ns)))
        session.run_many(
            _KEEP_PURSE, [_kept(spec, purses[spec.purse_id].drawn) for spec in specs.values()]
        )
        self._keep(session, own, tuple(moved))
        return drawn

    def _give_back(self, session: Session, returns: Sequence[Return]) -> None:
        self._begin(session)
        purses = lock_purses(session, [returned.purse_id for returned in returns])
        own = self._own(session, list(purses))
        moved = []
        for returned in returns:
            draw = own.get(returned.purse_id)
            if draw is None:
                continue
            draw.settled = max(draw.settled, returned.settled)
            amount = min(max(0, returned.amount), draw.coming_back)
            draw.amount -= amount
            purses[returned.purse_id].drawn -= amount
            moved.append((returned.purse_id, -amount))
        session.run_many(_KEEP_DRAWN, [(purse.drawn, purse.purse_id) for purse in purses.values()])
        self._keep(session, own, tuple(moved))

    def _beat(self, session: Session) -> bool:
        vanished = self._begin(session)
        self._trying = _Moved(self._operation, ())
        session.run(_BEAT, self._clock.wall_ns(), self._operation, self._worker)
        return not vanished

    def _undo(self, session: Session, amounts: Sequence[tuple[str, int]]) -> None:
        """Make undone what the worker believes not to be done."""
        purses = lock_purses(session, [purse_id for purse_id, _ in amounts])
        own = self._own(session, list(purses))
        now_ns = self._clock.wall_ns()
        facts = load_facts(session, purses, now_ns)
        for purse_id, amount in amounts:
            draw, purse = own.get(purse_id), purses.get(purse_id)
            if draw is None or purse is None:
                continue
            # What went back unheard of may have been drawn by others since.
            back = min(-amount, stand(purse, facts, now_ns).available)
            change = -min(amount, draw.amount) if amount > 0 else back
            draw.amount += change
            purse.drawn += change
        session.run_many(_KEEP_DRAWN, [(purse.drawn, purse.purse_id) for purse in purses.values()])
        self._keep_draws(session, own)

    def _look(self, session: Session, specs: Sequence[PurseSpec]) -> list[Standing]:
        now_ns = self._clock.wall_ns()
        known = find_purses(session, [spec.purse_id for spec in specs])
        carried = carried_amounts(session, [spec for spec in specs if spec.purse_id not in known])
        purses = {spec.purse_id: _looked_at(spec, known, carried) for spec in specs}
        facts = load_facts(session, purses, now_ns)
        return [stand(purses[spec.purse_id], facts, now_ns) for spec in specs]

    def _own(self, session: Session, purse_ids: list[str]) -> dict[str, Draw]:
        rows = session.rows(_OWN, self._worker, purse_ids) if purse_ids else []
        return {row[0]: Draw(*row[1:]) for row in rows}

    def _keep(
        self, session: Session, own: dict[str, Draw], amounts: tuple[tuple[str, int], ...]
    ) -> None:
        self._keep_draws(session, own)
        self._trying = _Moved(self._operation, amounts)
        session.run(_COUNT, self._operation, self._worker)

    def _keep_draws(self, session: Session, own: dict[str, Draw]) -> None:
        rows = [
            (self._worker, purse_id, draw.amount, draw.settled, draw.posted)
            for purse_id, draw in own.items()
        ]
        session.run_many(_KEEP_DRAW, rows)


def _take(purse: PurseRow, draw: Draw, facts: Facts, granted: int, settled: int) -> None:
    back = facts.coming_back.get(purse.purse_id, 0) - draw.coming_back
    draw.settled = max(draw.settled, settled)
    draw.amount += granted
    purse.drawn += granted
    facts.coming_back[purse.purse_id] = back + draw.coming_back


def _kept(spec: PurseSpec, drawn: int) -> tuple[object, ...]:
    return (
        spec.cap or 0,
        spec.starts_ns,
        spec.ends_ns,
        spec.rolling_ns,
        encode_percents(spec.alert_at),
        drawn,
        spec.purse_id,
    )


def _looked_at(spec: PurseSpec, known: dict[str, PurseRow], carried: dict[str, int]) -> PurseRow:
    row = known.get(spec.purse_id)
    return PurseRow(
        purse_id=spec.purse_id,
        kind=spec.kind,
        name=spec.name,
        subject=spec.subject,
        cap=spec.cap or 0,
        carried=row.carried if row else carried[spec.purse_id],
        spent=row.spent if row else 0,
        drawn=row.drawn if row else 0,
        rolling_ns=spec.rolling_ns,
        alert_at=spec.alert_at,
    )
