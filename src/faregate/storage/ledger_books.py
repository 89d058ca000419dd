"""The books: how people move the ledger's money, and read of it.

Every movement is a new transfer between two accounts, with its author and its reason; nothing is
ever changed or deleted. All refusals come before the first change. A movement's name is chosen
before its transaction, which does nothing where it is there already: so it may be run again.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from faregate.configuration.tenancy import team_named
from faregate.core.clock import Clock, SystemClock
from faregate.core.errors import FaregateError
from faregate.core.money import AMOUNT_NANO_MAX, format_amount
from faregate.ledger.bookkeeping import (
    Entry,
    FileGrant,
    GrantKind,
    GrantState,
    PurseState,
    Verification,
    WalletState,
)
from faregate.ledger.events import LedgerEvent
from faregate.ledger.purses import wallet_purse_id
from faregate.ledger.statement import Grouping, Statement
from faregate.storage.home import Home
from faregate.storage.ledger_books_audit import verify
from faregate.storage.ledger_books_entries import (
    Found,
    Move,
    find_entry,
    insert_lot,
    lock_wallet,
    move,
)
from faregate.storage.ledger_books_purses import read_events, read_newest_events, read_purses
from faregate.storage.ledger_books_statement import LINES_MAX, read_statement
from faregate.storage.ledger_books_teams import Teams, require_own
from faregate.storage.ledger_books_wallets import (
    ADJUSTMENT,
    REFUND,
    REFUND_SUFFIX,
    find_grant,
    read_grants,
    read_wallets,
    transfer_name,
)
from faregate.storage.ledger_connection import LedgerConnection, Session
from faregate.storage.ledger_database import open_ledger
from faregate.storage.ledger_purses import PurseRow
from faregate.storage.ledger_wallets import Wallets, keep_events

TEXT_CHARACTERS_MAX: Final = 1_000  # of a reason
REFERENCE_CHARACTERS_MAX: Final = 200


class Books:
    """The books of the ledger in `connection`; methods raise `FaregateError`.

    With `teams` they know of those teams' things alone: what is another's, or the organisation's,
    is not there (`MissingError`). None is everybody's.
    """

    def __init__(self, connection: LedgerConnection, clock: Clock | None = None) -> None:
        self._connection = connection
        self._clock = clock or SystemClock()

    # -- what there is ---------------------------------------------------------------------------

    def wallets(self, teams: Teams = None) -> list[WalletState]:
        """All wallets that the ledger has heard of, by name."""
        now_ns = self._clock.wall_ns()
        return self._connection.read(lambda session: read_wallets(session, now_ns, teams=teams))

    def wallet(self, name: str, teams: Teams = None) -> WalletState:
        """One wallet; one that never had credit is empty."""
        require_own(name, teams)
        now_ns = self._clock.wall_ns()
        found = self._connection.read(lambda session: read_wallets(session, now_ns, name, teams))
        return found[0] if found else WalletState(name)

    def grants(self, wallet: str, count_max: int = 1_000, teams: Teams = None) -> list[GrantState]:
        """The credit that a wallet was given, the newest first."""
        require_own(wallet, teams)
        return self._connection.read(lambda session: read_grants(session, wallet, count_max))

    def statement(
        self,
        wallet: str,
        since_ns: int = 0,
        until_ns: int | None = None,
        by: Grouping = "entry",
        page: str | None = None,
        count: int = LINES_MAX,
        teams: Teams = None,
    ) -> Statement:
        """What moved a wallet's balance from `since_ns` on, before `until_ns`.

        Without `until_ns`, up to now. `page` is the `next_page` of the page before.
        """
        require_own(wallet, teams)
        now_ns = self._clock.wall_ns()
        return self._connection.read(
            lambda session: read_statement(
                session, wallet, since_ns, until_ns, by, page, count, now_ns
            )
        )

    def budgets(self, teams: Teams = None) -> list[PurseState]:
        """Budgets, quotas and long limits of the periods that now is in."""
        now_ns = self._clock.wall_ns()
        return self._connection.read(lambda session: read_purses(session, now_ns, teams))

    def events(
        self, after: int = 0, limit: int = 1_000, teams: Teams = None
    ) -> list[tuple[int, LedgerEvent]]:
        """Events with their numbers, of those after `after` the first `limit`."""
        return self._connection.read(lambda session: read_events(session, after, limit, teams))

    def newest_events(self, count: int, teams: Teams = None) -> list[tuple[int, LedgerEvent]]:
        """The last `count` events, the oldest first."""
        return self._connection.read(lambda session: read_newest_events(session, count, teams))

    def verify(self) -> Verification:
        """Add everything up, and say where it does not agree."""
        return self._connection.read(verify)

    # -- what is moved ---------------------------------------------------------------------------

    def grant(
        self,
        wallet: str,
        amount_nano: int,
        kind: GrantKind,
        author: str,
        reason: str = "",
        expires_ns: int | None = None,
        reference: str | None = None,
        teams: Teams = None,
    ) -> tuple[Entry, bool]:
        """Give credit; gives its entry, and whether it is new.

        The same amount under a reference that was given changes nothing; another is refused.
        """
        require_own(wallet, teams)
        _check(amount_nano, author, reason, reference)
        now_ns = self._clock.wall_ns()
        lot = reference or f"grant-{_new_id()}"
        source = "promotion" if kind == "promotional" else "funding"

        def work(session: Session) -> tuple[Entry, bool]:
            return _give(session, made, lot, kind, expires_ns, now_ns)

        made = Move(
            transfer_name(wallet, lot), "grant", source, wallet_purse_id(wallet), amount_nano,
            author, reason,
        )  # fmt: skip
        return self._connection.write(work, repeatable=True)

    def refund(
        self,
        wallet: str,
        amount_nano: int,
        author: str,
        reason: str = "",
        reference: str | None = None,
        teams: Teams = None,
    ) -> tuple[Entry, bool]:
        """Give a sum back that is of no single call.

        Gives its entry, and whether it is new.
        """
        require_own(wallet, teams)
        _check(amount_nano, author, reason, reference)
        now_ns = self._clock.wall_ns()
        lot = REFUND + (reference or _new_id())

        def work(session: Session) -> tuple[Entry, bool]:
            return _give(session, made, lot, "paid", None, now_ns)

        made = Move(
            transfer_name(wallet, lot), "refund", "refund", wallet_purse_id(wallet), amount_nano,
            author, reason,
        )  # fmt: skip
        return self._connection.write(work, repeatable=True)

    def refund_call(
        self,
        call_id: str,
        amount_nano: int | None,
        author: str,
        reason: str = "",
        teams: Teams = None,
    ) -> Entry:
        """Give the charge of a call back, once, whole or in part."""
        _check(1 if amount_nano is None else amount_nano, author, reason)
        now_ns = self._clock.wall_ns()
        attempted = [False]

        def work(session: Session) -> Entry:
            charge = _charge_of(session, call_id, teams)
            wallet, charged = charge.wallet, -charge.amount_nano
            wanted = charged if amount_nano is None else amount_nano
            lock_wallet(session, wallet)
            name = call_id + REFUND_SUFFIX
            if known := find_entry(session, name):
                # It may be ours, of a first attempt whose answer was lost.
                same = known.entry.at_ns == now_ns and known.entry.amount_nano == wanted
                if attempted[0] and same:
                    return known.entry
                raise FaregateError(
                    f"the call {call_id} was refunded already: "
                    f"{format_amount(known.entry.amount_nano)} by {known.entry.author}",
                    fix=f"give more as a sum: faregate wallets refund {wallet} AMOUNT",
                )
            if wanted > charged:
                raise FaregateError(
                    f"the call {call_id} was charged {format_amount(charged)}",
                    fix="refund at most that",
                )
            made = Move(
                name, "refund", "refund", wallet_purse_id(wallet), wanted, author, reason, call_id
            )
            entry, _ = _give(session, made, name, "paid", None, now_ns)
            attempted[0] = True
            return entry

        return self._connection.write(work, repeatable=True)

    def adjust(
        self, wallet: str, amount_nano: int, author: str, reason: str, teams: Teams = None
    ) -> Entry:
        """Correct a balance, downwards by at most what is available."""
        require_own(wallet, teams)
        if not reason.strip():
            raise FaregateError("a correction needs a reason", fix="say why")
        _check(abs(amount_nano), author, reason)
        now_ns = self._clock.wall_ns()
        lot = ADJUSTMENT + _new_id()
        name, account = transfer_name(wallet, lot), wallet_purse_id(wallet)

        def work(session: Session) -> Entry:
            if amount_nano > 0:
                made = Move(name, "adjustment", "adjustment", account, amount_nano, author, reason)
                return _give(session, made, lot, "paid", None, now_ns)[0]
            purses = lock_wallet(session, wallet)
            if known := find_entry(session, name):
                return known.entry
            made = Move(name, "adjustment", account, "adjustment", -amount_nano, author, reason)
            return _take(session, made, purses, now_ns)

        return self._connection.write(work, repeatable=True)

    # -- what the configuration gives ------------------------------------------------------------

    def given(self, grants: Iterable[FileGrant]) -> dict[FileGrant, GrantState | None]:
        """Of grants of the configuration, how they were given."""
        grants = tuple(grants)
        return self._connection.read(
            lambda session: {one: find_grant(session, one.wallet, one.reference) for one in grants}
        )


@contextmanager
def open_books(home: Home, url: str | None, clock: Clock | None = None) -> Iterator[Books]:
    """The books of an installation, their tables brought to this release."""
    ledger = open_ledger(home, url, clock)
    ledger.prepare()
    connection = ledger.connect()
    try:
        yield Books(connection, clock)
    finally:
        connection.close()


def _new_id() -> str:
    return secrets.token_hex(8)


def _check(amount_nano: int, author: str, reason: str, reference: str | None = None) -> None:
    """Refuse what is wrong whatever the ledger says."""
    if not 0 < amount_nano <= AMOUNT_NANO_MAX:
        raise FaregateError(
            f"an amount is above zero and at most {format_amount(AMOUNT_NANO_MAX)}",
            fix="write dollars as 12.50",
        )
    for what, text, characters_max in (
        ("reason", reason, TEXT_CHARACTERS_MAX),
        ("author", author, REFERENCE_CHARACTERS_MAX),
        ("reference", reference or "", REFERENCE_CHARACTERS_MAX),
    ):
        if len(text) > characters_max or not text.isprintable():
            raise FaregateError(
                f"the {what} is too long, or has characters that can't be printed",
                fix=f"write at most {characters_max} characters in one line",
            )
    kept = reference is not None and (
        reference.startswith((ADJUSTMENT, REFUND)) or reference.endswith(REFUND_SUFFIX)
    )
    if kept or reference == "":
        raise FaregateError(
            f"the reference {reference!r} can't be taken", fix="name the payment that it is for"
        )


def _give(
    session: Session,
    made: Move,
    lot: str,
    kind: GrantKind,
    expires_ns: int | None,
    now_ns: int,
) -> tuple[Entry, bool]:
    """Bring credit into a wallet, unless this movement is there already."""
    wallet = made.credit.removeprefix(wallet_purse_id(""))
    lock_wallet(session, wallet)
    if known := find_entry(session, made.name):
        _refuse_other(known, made, lot)
        return known.entry, False
    if expires_ns is not None and expires_ns <= now_ns:
        raise FaregateError(
            "the credit would be expired from the start", fix="name a time that is still to come"
        )
    entry = move(session, made, now_ns)
    insert_lot(session, wallet, lot, kind, made.amount_nano, expires_ns, now_ns)
    return entry, True


def _refuse_other(known: Found, made: Move, lot: str) -> None:
    """Refuse a reference under which something else was moved before."""
    if (known.entry.amount_nano, known.counter) == (made.amount_nano, made.debit):
        return
    kind = "promotional " if known.counter == "promotion" else ""
    raise FaregateError(
        f"the reference {lot.removeprefix(REFUND)!r} was used for {kind}"
        f"{format_amount(known.entry.amount_nano)} already",
        fix="take another reference, or correct the balance with 'faregate wallets adjust'",
    )


def _charge_of(session: Session, call_id: str, teams: Teams) -> Entry:
    found = find_entry(session, call_id)
    if found is not None and teams is not None and team_named(found.entry.wallet, teams) is None:
        found = None  # another's, or nobody's
    if found is None or found.entry.movement != "charge":
        raise FaregateError(
            f"no charge of a call {call_id!r} was posted",
            fix="'faregate calls tail' shows calls; a charge is posted soon after a call's end",
        )
    if not found.entry.wallet or found.entry.amount_nano == 0:
        raise FaregateError(
            f"no wallet paid for the call {call_id}", fix="there is nothing to give back"
        )
    return found.entry


def _take(session: Session, made: Move, purses: Mapping[str, PurseRow], now_ns: int) -> Entry:
    """Take credit out of a wallet that is locked, if so much is free."""
    wallet = made.debit.removeprefix(wallet_purse_id(""))
    wallets = Wallets(session, [wallet], purses, now_ns)
    happenings = wallets.expire()
    free = max(0, wallets.undrawn(wallet))
    if made.amount_nano > free:
        drawn = purses[made.debit].drawn
        held = f"; workers hold {format_amount(drawn)} for calls" if drawn else ""
        raise FaregateError(
            f"{format_amount(made.amount_nano)} can't be taken from {wallet}: "
            f"{format_amount(free)} is free{held}",
            fix=f"take at most {format_amount(free)}"
            + (", or try again when the calls have ended" if drawn else ""),
        )
    wallets.consume({wallet: made.amount_nano})
    keep_events(session, happenings)
    return move(session, made, now_ns)
