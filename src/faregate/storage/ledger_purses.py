"""Rows of purses: found, locked, opened; and how they stand."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from faregate.ledger import credit, reckoning
from faregate.ledger.purses import PurseSpec, Standing
from faregate.storage.ledger_connection import Session

_COLUMNS: Final = "purse_id, kind, name, subject, cap, carried, spent, drawn, rolling_ns, alert_at"
_FIND: Final = f"SELECT {_COLUMNS} FROM purses WHERE purse_id IN ?* ORDER BY purse_id"  # noqa: S608
_LOCK: Final = _FIND + " FOR UPDATE"
_OPEN: Final = """
INSERT INTO purses (purse_id, kind, name, subject, unit, cap, carried, spent, drawn,
                    starts_ns, ends_ns, rolling_ns, alert_at)
VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?) ON CONFLICT (purse_id) DO NOTHING
"""
_BALANCES: Final = "SELECT account, balance_nano FROM accounts WHERE account IN ?*"
_EXPIRED: Final = """
SELECT number, wallet, remaining_nano, expires_ns FROM grants
WHERE remaining_nano > 0 AND expires_ns <= ? AND wallet IN ?*
"""
_BUCKETS: Final = "SELECT purse_id, starts_ns, spent FROM purse_buckets WHERE purse_id IN ?*"
# As `reckoning.coming_back`, added up.
_COMING_BACK: Final = """
SELECT purse_id, CAST(SUM(CASE WHEN settled <= posted THEN amount
                               WHEN amount > settled - posted THEN amount - (settled - posted)
                               ELSE 0 END) AS BIGINT)
FROM draws WHERE purse_id IN ?* AND amount > 0 GROUP BY purse_id
"""

_decode_percents: Final = msgspec.json.Decoder(tuple[int, ...]).decode


class PurseRow(msgspec.Struct):
    """A purse as the ledger keeps it."""

    purse_id: str
    kind: str
    name: str
    subject: str
    cap: int
    carried: int
    spent: int
    drawn: int
    rolling_ns: int | None
    alert_at: tuple[int, ...]

    @property
    def capacity(self) -> int:
        """What may be in it, but for a wallet."""
        return self.cap + self.carried


class Facts(msgspec.Struct):
    """What else tells how purses stand.

    By purse, but for expired lots, which are by the name of their wallet.
    """

    balances: dict[str, int]
    expired: dict[str, list[credit.Lot]]
    buckets: dict[str, dict[int, int]]
    coming_back: dict[str, int]


def find_purses(session: Session, purse_ids: Iterable[str]) -> dict[str, PurseRow]:
    """Those that are there."""
    return _read(session, _FIND, purse_ids)


def lock_purses(session: Session, purse_ids: Iterable[str]) -> dict[str, PurseRow]:
    """Those that are there; nobody else changes them meanwhile."""
    return _read(session, _LOCK, purse_ids)


def _read(session: Session, statement: str, purse_ids: Iterable[str]) -> dict[str, PurseRow]:
    wanted = sorted(set(purse_ids))
    if not wanted:
        return {}
    rows = session.rows(statement, wanted)
    return {row[0]: _purse(*row) for row in rows}


def _purse(*row: Any) -> PurseRow:
    purse = PurseRow(*row)
    purse.alert_at = _decode_percents(row[-1])
    return purse


def open_purses(session: Session, specs: Sequence[PurseSpec]) -> dict[str, PurseRow]:
    """The purses of `specs`, locked; those that weren't there are made."""
    by_id = {spec.purse_id: spec for spec in specs}
    purses = lock_purses(session, by_id)
    missing = [by_id[purse_id] for purse_id in sorted(by_id) if purse_id not in purses]
    if missing:
        carried = carried_amounts(session, missing)
        session.run_many(_OPEN, [_opening(spec, carried[spec.purse_id]) for spec in missing])
        purses.update(lock_purses(session, [spec.purse_id for spec in missing]))
    return purses


def carried_amounts(session: Session, specs: Iterable[PurseSpec]) -> dict[str, int]:
    """What each purse takes over from the one before, when it is opened now."""
    specs = list(specs)
    before = find_purses(session, [spec.carry_from for spec in specs if spec.carry_from])
    carried = dict.fromkeys((spec.purse_id for spec in specs), 0)
    for spec in specs:
        purse = before.get(spec.carry_from or "")
        if purse is not None:
            carried[spec.purse_id] = reckoning.carried_over(
                spec.carry_max, purse.capacity, purse.spent, purse.drawn
            )
    return carried


def _opening(spec: PurseSpec, carried: int) -> tuple[object, ...]:
    return (
        spec.purse_id,
        spec.kind,
        spec.name,
        spec.subject,
        int(spec.unit),
        spec.cap or 0,
        carried,
        spec.starts_ns,
        spec.ends_ns,
        spec.rolling_ns,
        encode_percents(spec.alert_at),
    )


def encode_percents(percents: tuple[int, ...]) -> str:
    """As the column `alert_at` has them."""
    return msgspec.json.encode(percents).decode()


def load_facts(session: Session, purses: Mapping[str, PurseRow], now_ns: int) -> Facts:
    """What else tells how these purses stand."""
    facts = Facts({}, {}, {}, {})
    if not purses:
        return facts
    wallets = {purse.purse_id: purse.name for purse in purses.values() if purse.kind == "wallet"}
    if wallets:
        facts.balances.update(session.rows(_BALANCES, sorted(wallets)))
        expired = session.rows(_EXPIRED, now_ns, sorted(wallets.values()))
        for number, wallet, remaining_nano, expires_ns in expired:
            lot = credit.Lot(number, True, remaining_nano, expires_ns)
            facts.expired.setdefault(wallet, []).append(lot)
    rolling = [purse.purse_id for purse in purses.values() if purse.rolling_ns is not None]
    if rolling:
        for purse_id, starts_ns, spent in session.rows(_BUCKETS, rolling):
            facts.buckets.setdefault(purse_id, {})[starts_ns] = spent
    coming_back = session.rows(_COMING_BACK, list(purses))
    facts.coming_back.update(coming_back)
    return facts


def stand(purse: PurseRow, facts: Facts, now_ns: int) -> Standing:
    """How a purse stands; credit that has expired counts as taken back."""
    frees: tuple[tuple[int, int], ...] = ()
    if purse.kind == "wallet":
        balance = facts.balances.get(purse.purse_id, 0)
        expired = facts.expired.get(purse.name, ())
        cap = balance - credit.expired_nano(expired, balance - purse.drawn, now_ns)
        spent = 0
    elif purse.rolling_ns is not None:
        frees = reckoning.frees(facts.buckets.get(purse.purse_id, {}), purse.rolling_ns, now_ns)
        cap, spent = purse.capacity, sum(amount for _, amount in frees)
    else:
        cap, spent = purse.capacity, purse.spent
    back = facts.coming_back.get(purse.purse_id, 0)
    available = reckoning.available(cap, spent, purse.drawn)
    return Standing(cap, spent, purse.drawn, available, back, frees)
