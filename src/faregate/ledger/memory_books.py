"""The state of a ledger in memory, and what changes it step by step."""

from typing import Any, NamedTuple

import msgspec

from faregate.ledger import credit, reckoning
from faregate.ledger.events import LedgerEvent, empty_event, threshold_event
from faregate.ledger.purses import PurseSpec, Standing, wallet_purse_id
from faregate.ledger.spending import Spending, spending


class Purse(msgspec.Struct):
    """A purse as the ledger keeps it; a wallet spends its balance."""

    purse_id: str
    kind: str
    name: str
    subject: str
    cap: int
    carried: int = 0
    spent: int = 0
    drawn: int = 0
    starts_ns: int | None = None
    ends_ns: int | None = None
    rolling_ns: int | None = None
    alert_at: tuple[int, ...] = ()
    buckets: dict[int, int] = msgspec.field(default_factory=dict)


class Draw(msgspec.Struct):
    """A worker's part of a purse.

    `amount` is drawn, not posted; `settled` what it told, `posted` what of that arrived.
    """

    amount: int = 0
    settled: int = 0
    posted: int = 0


class Worker(msgspec.Struct):
    """A worker, as far as the ledger has heard of it."""

    node: str
    seen_ns: int
    vanished: bool


class Transfer(NamedTuple):
    """One movement between two accounts; it never changes."""

    transfer_id: str
    kind: str
    debit: str
    credit: str
    amount_nano: int
    created_ns: int


class Books:
    """Accounts, lots, purses, draws. Accounts always add up to zero."""

    def __init__(self) -> None:
        self.accounts: dict[str, int] = {}
        self.lots: dict[str, list[credit.Lot]] = {}
        self.references: set[tuple[str, str]] = set()
        self.transfers: list[Transfer] = []
        self.charges: dict[str, Any] = {}
        self.purses: dict[str, Purse] = {}
        self.draws: dict[tuple[str, str], Draw] = {}
        self.workers: dict[str, Worker] = {}
        self.asked: list[tuple[str, str]] = []
        self.events: list[LedgerEvent] = []
        self.noted: set[str] = set()
        self.spending: Spending = {}
        self._told: set[tuple[str, ...]] = set()

    # -- wallets ---------------------------------------------------------------------------------

    def balance(self, wallet: str) -> int:
        """What is in a wallet."""
        return self.accounts.get(wallet_purse_id(wallet), 0)

    def grant(
        self,
        wallet: str,
        amount_nano: int,
        reference: str | None,
        promotional: bool,
        expires_ns: int | None,
        now_ns: int,
    ) -> bool:
        """Add a lot, once a reference."""
        if amount_nano <= 0:
            raise ValueError("a grant is above zero")
        reference = f"grant-{len(self.transfers)}" if reference is None else reference
        if (wallet, reference) in self.references:
            return False
        self.references.add((wallet, reference))
        self._add_lot(wallet, amount_nano, promotional, expires_ns)
        source = "promotion" if promotional else "funding"
        self._move("grant", source, wallet_purse_id(wallet), amount_nano, now_ns)
        return True

    def adjust(self, wallet: str, amount_nano: int, now_ns: int) -> None:
        """Correct a balance upwards, or downwards by what isn't drawn."""
        account = wallet_purse_id(wallet)
        if amount_nano >= 0:
            self._add_lot(wallet, amount_nano, False, None)
            self._move("adjustment", "adjustment", account, amount_nano, now_ns)
            return
        purse = self.purses.get(account)
        undrawn = self.balance(wallet) - (purse.drawn if purse else 0)
        if -amount_nano > undrawn:
            raise ValueError("more than what is there and not held")
        self._consume(wallet, -amount_nano, now_ns)
        self._move("adjustment", account, "adjustment", -amount_nano, now_ns)

    def expire(self, wallet: str, now_ns: int) -> int:
        """Take back credit that has expired and isn't drawn; how much it was."""
        account = wallet_purse_id(wallet)
        purse = self.purses.get(account)
        undrawn = self.balance(wallet) - (purse.drawn if purse else 0)
        taken = credit.expire(self.lots.get(wallet, []), undrawn, now_ns)
        self._take(wallet, taken)
        amount = sum(part.amount_nano for part in taken)
        if amount:
            self._move("expiry", account, "expired", amount, now_ns)
        return amount

    def _add_lot(
        self, wallet: str, amount_nano: int, promotional: bool, expires_ns: int | None
    ) -> None:
        number = sum(map(len, self.lots.values()))
        lot = credit.Lot(number, promotional, amount_nano, expires_ns)
        self.lots.setdefault(wallet, []).append(lot)

    def _consume(self, wallet: str, amount_nano: int, now_ns: int) -> None:
        self._take(wallet, credit.consume(self.lots.get(wallet, []), amount_nano, now_ns))

    def _take(self, wallet: str, taken: list[credit.Taken]) -> None:
        lots = {lot.number: lot for lot in self.lots.get(wallet, [])}
        for part in taken:
            lots[part.number].remaining_nano -= part.amount_nano

    def _move(
        self, kind: str, debit: str, to: str, amount_nano: int, now_ns: int, name: str = ""
    ) -> None:
        name = name or f"{kind}-{len(self.transfers)}"
        self.transfers.append(Transfer(name, kind, debit, to, amount_nano, now_ns))
        self.accounts[debit] = self.accounts.get(debit, 0) - amount_nano
        self.accounts[to] = self.accounts.get(to, 0) + amount_nano

    # -- purses ----------------------------------------------------------------------------------

    def looked_at(self, spec: PurseSpec) -> Purse:
        """A purse as it is or would be opened, by the configuration of now."""
        known = self.purses.get(spec.purse_id)
        if known is None:
            known = Purse(spec.purse_id, spec.kind, spec.name, spec.subject, 0)
            before = None if spec.carry_from is None else self.purses.get(spec.carry_from)
            if before is not None:
                capacity = before.cap + before.carried
                known.carried = reckoning.carried_over(
                    spec.carry_max, capacity, before.spent, before.drawn
                )
        return msgspec.structs.replace(
            known,
            cap=spec.cap or 0,
            starts_ns=spec.starts_ns,
            ends_ns=spec.ends_ns,
            rolling_ns=spec.rolling_ns,
            alert_at=spec.alert_at,
        )

    def known(self, purse_id: str) -> Purse | None:
        """A purse that is there; a wallet always is."""
        purse = self.purses.get(purse_id)
        if purse is None and purse_id.startswith("wallet:"):
            name = purse_id.removeprefix("wallet:")
            return Purse(purse_id, "wallet", name, name, 0)
        return purse

    def opened(self, spec: PurseSpec) -> Purse:
        """The purse, opened if it wasn't there."""
        purse = self.looked_at(spec)
        self.purses[spec.purse_id] = purse
        return purse

    def standing(self, purse: Purse, now_ns: int) -> Standing:
        """How a purse stands; credit that has expired counts as taken back."""
        back = sum(
            reckoning.coming_back(draw.amount, draw.settled, draw.posted)
            for (_, purse_id), draw in self.draws.items()
            if purse_id == purse.purse_id
        )
        if purse.kind == "wallet":
            lots, balance = self.lots.get(purse.name, []), self.balance(purse.name)
            gone = credit.expired_nano(lots, balance - purse.drawn, now_ns)
            cap, spent = balance - gone, 0
        else:
            cap, spent = purse.cap + purse.carried, self.spent(purse, now_ns)
        free = reckoning.available(cap, spent, purse.drawn)
        frees: tuple[tuple[int, int], ...] = ()
        if purse.rolling_ns is not None:
            frees = reckoning.frees(purse.buckets, purse.rolling_ns, now_ns)
        return Standing(cap, spent, purse.drawn, free, back, frees)

    def spent(self, purse: Purse, now_ns: int) -> int:
        """What counts as spent now."""
        if purse.rolling_ns is None:
            return purse.spent
        oldest = reckoning.oldest_bucket_ns(now_ns, purse.rolling_ns)
        return sum(amount for start, amount in purse.buckets.items() if start > oldest)

    def void_draws(self, worker: str) -> int:
        """All that a worker has goes back; how many purses it was of."""
        voided = 0
        for (name, purse_id), draw in self.draws.items():
            if name == worker and draw.amount:
                self.purses[purse_id].drawn -= draw.amount
                draw.amount = 0
                voided += 1
        return voided

    def forget_worker(self, worker: str) -> None:
        """Drop a worker and all its draws, which go back."""
        self.void_draws(worker)
        for key in [key for key in self.draws if key[0] == worker]:
            del self.draws[key]
        self.workers.pop(worker, None)

    # -- charges ---------------------------------------------------------------------------------

    def charge(
        self, worker: str, record: Any, now_ns: int, short: dict[str, int], touched: set[str]
    ) -> None:
        """Post one call; `short` gathers what couldn't be had of which purse."""
        charge = record.charge
        self.charges[record.call_id] = charge
        for at, nano in spending([record], now_ns).items():
            self.spending[at] = self.spending.get(at, 0) + nano
        wallet = wallet_purse_id(charge.wallet) if charge.wallet else ""
        used = dict(zip(charge.purses, charge.used, strict=False))
        if wallet:
            used.setdefault(wallet, charge.charge_nano)
        settled_ns = min(now_ns, record.started_ns + (record.total_us or 0) * 1000)
        missing = {}
        for purse_id, amount in used.items():
            amount = min(max(0, amount), reckoning.CALL_AMOUNT_MAX)
            missing[purse_id] = amount - self._spend(worker, purse_id, amount, settled_ns, now_ns)
            touched.add(purse_id)
        lost = min(max(0, charge.shortfall_nano), reckoning.CALL_AMOUNT_MAX)
        moved = min(max(0, charge.charge_nano), reckoning.CALL_AMOUNT_MAX)
        if wallet:
            lost += missing[wallet]
            moved = min(max(0, used[wallet]), reckoning.CALL_AMOUNT_MAX) - missing[wallet]
            missing[wallet] = lost
            self._consume(charge.wallet, moved, now_ns)
            if lost:
                self._move(
                    "shortfall", "shortfall", "revenue", lost, now_ns, f"{record.call_id}+shortfall"
                )
        elif lost:
            missing[""] = lost
        self._move("charge", wallet or "unbilled", "revenue", moved, now_ns, record.call_id)
        for purse_id, amount in missing.items():
            if amount:
                short[purse_id] = short.get(purse_id, 0) + amount

    def _spend(self, worker: str, purse_id: str, amount: int, settled_ns: int, now_ns: int) -> int:
        """Take what was drawn for it, then what is available; gives how much it was."""
        purse = self.known(purse_id)
        if purse is None:
            # Nobody has drawn of it, so nobody has said how much it may be.
            return amount
        free = self.standing(purse, now_ns).available
        draw = self.draws.get((worker, purse_id))
        covered = 0
        if draw is not None:
            covered = min(amount, draw.amount)
            draw.amount -= covered
            draw.posted += amount
            purse.drawn -= covered
        taken = covered + min(amount - covered, free)
        if purse.rolling_ns is not None:
            start = reckoning.bucket_of(settled_ns, purse.rolling_ns)
            purse.buckets[start] = purse.buckets.get(start, 0) + taken
        elif purse.kind != "wallet":
            purse.spent += taken
        return taken

    def told(self, purse_id: str, now_ns: int) -> list[LedgerEvent]:
        """What a purse that was charged has to tell, each once a period."""
        purse = self.known(purse_id)
        if purse is None:
            return []
        standing = self.standing(purse, now_ns)
        if purse.kind == "wallet":
            granted = str(len(self.lots.get(purse.name, [])))
            if standing.cap > 0 or not self._once("empty", purse_id, granted):
                return []
            return [empty_event(purse_id, purse.subject, now_ns)]
        period = str(now_ns // purse.rolling_ns if purse.rolling_ns else 0)
        return [
            threshold_event(purse_id, purse.subject, percent, standing.spent, standing.cap, now_ns)
            for percent in reckoning.reached(purse.alert_at, standing.spent, standing.cap)
            if self._once("threshold", purse_id, str(percent), period)
        ]

    def _once(self, *happening: str) -> bool:
        if happening in self._told:
            return False
        self._told.add(happening)
        return True
