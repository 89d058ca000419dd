"""The ledger of an installation elsewhere: `cli.ports.Books`."""

from decimal import Decimal
from typing import Any, Final, get_args

from faregate.cli.remote import entry_of, nano_of
from faregate.cli.remote_connection import (
    Connection,
    at,
    maybe_since_1970,
    since_1970,
    written,
)
from faregate.client import operations as api
from faregate.core.money import format_amount
from faregate.ledger.bookkeeping import (
    Entry,
    GrantKind,
    GrantState,
    PurseState,
    Verification,
    WalletState,
)
from faregate.ledger.events import LedgerEvent
from faregate.ledger.purses import PurseKind, Unit, holds_money
from faregate.ledger.statement import Grouping, Line, Statement

_UNITS: Final = {
    "dollars": Unit.NANO,
    "requests": Unit.REQUESTS,
    "input_tokens": Unit.INPUT_TOKENS,
    "output_tokens": Unit.OUTPUT_TOKENS,
    "tokens": Unit.TOKENS,
}
_NS: Final = 1_000_000_000
_PAGE: Final = 500


class RemoteBooks:
    """Wallets, budgets and events over a connection.

    `author` is whose token it is.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def wallets(self) -> list[WalletState]:
        """All wallets of the configuration, by name."""
        return [_wallet(one) for one in self._connection.all(api.list_balances(limit=_PAGE))]

    def wallet(self, name: str) -> WalletState:
        """What is in one wallet."""
        return _wallet(self._connection.send(api.get_wallet_balance(name)))

    def grants(self, wallet: str, count_max: int = 1_000) -> list[GrantState]:
        """What a wallet was given, the newest first."""
        request = api.list_wallet_grants(wallet, limit=_PAGE)
        found = self._connection.newest(request, count_max)
        return [
            GrantState(
                wallet=wallet,
                reference=one.reference,
                kind=one.kind,
                amount_nano=nano_of(one.amount),
                remaining_nano=nano_of(one.remaining),
                expires_ns=maybe_since_1970(one.expires_at),
                granted_ns=since_1970(one.granted_at),
                author=one.author,
                reason=one.reason,
            )
            for one in found
        ]

    def statement(
        self,
        wallet: str,
        since_ns: int = 0,
        until_ns: int | None = None,
        by: Grouping = "entry",
        page: str | None = None,
        count: int = _PAGE,
    ) -> Statement:
        """What moved a wallet's balance; a page goes on from `next_page`."""
        since = at(since_ns) if since_ns else None
        made = self._connection.send(
            api.get_wallet_statement(
                wallet,
                by=by,
                since=since,
                until=at(until_ns),
                limit=min(count, _PAGE),
                cursor=page,
            )
        )
        return Statement(
            wallet=made.wallet,
            by=by,
            since_ns=since_1970(made.since),
            until_ns=since_1970(made.until),
            opening_nano=nano_of(made.opening),
            closing_nano=nano_of(made.closing),
            lines=tuple(map(_line, made.items)),
            next_page=made.next_cursor,
        )

    def budgets(self) -> list[PurseState]:
        """Budgets, quotas and long limits of now."""
        return [_purse(one) for one in self._connection.all(api.list_spending(limit=_PAGE))]

    def events(self, after: int = 0, limit: int = 1_000) -> list[tuple[int, LedgerEvent]]:
        """The first events after a number."""
        request = api.list_events(after=after, limit=min(limit, _PAGE))
        return [_event(one) for one in self._connection.newest(request, limit)]

    def newest_events(self, count: int) -> list[tuple[int, LedgerEvent]]:
        """The last events, the oldest first."""
        kept: list[tuple[int, LedgerEvent]] = []
        for one in self._connection.all(api.list_events(limit=_PAGE)):
            kept = [*kept[-(count - 1) :], _event(one)] if count > 1 else [_event(one)]
        return kept

    def verify(self) -> Verification:
        """Whether everything adds up."""
        found = self._connection.send(api.verify_ledger())
        return Verification(
            tuple(found.discrepancies), found.wallets, found.transfers, nano_of(found.in_wallets)
        )

    def grant(
        self,
        wallet: str,
        amount_nano: int,
        kind: GrantKind,
        author: str,
        reason: str,
        expires_ns: int | None = None,
        reference: str | None = None,
    ) -> tuple[Entry, bool]:
        """Give credit; whether it is new."""
        body = api.GrantRequest(
            amount=_amount(amount_nano),
            kind=kind,
            reason=reason,
            expires_at=written(expires_ns),
            reference=reference,
        )
        moved = self._connection.send(api.grant_wallet_credit(wallet, body))
        return entry_of(moved.entry), moved.changed

    def refund(
        self,
        wallet: str,
        amount_nano: int,
        author: str,
        reason: str,
        reference: str | None = None,
    ) -> tuple[Entry, bool]:
        """Give a sum back; whether it is new."""
        body = api.RefundRequest(amount=_amount(amount_nano), reason=reason, reference=reference)
        moved = self._connection.send(api.refund_wallet(wallet, body))
        return entry_of(moved.entry), moved.changed

    def refund_call(self, call_id: str, amount_nano: int | None, author: str, reason: str) -> Entry:
        """Give back what a call was charged."""
        amount = None if amount_nano is None else _amount(amount_nano)
        body = api.CallRefundRequest(amount=amount, reason=reason)
        return entry_of(self._connection.send(api.refund_call(call_id, body)).entry)

    def adjust(self, wallet: str, amount_nano: int, author: str, reason: str) -> Entry:
        """Correct a balance."""
        body = api.AdjustmentRequest(amount=_amount(amount_nano), reason=reason)
        return entry_of(self._connection.send(api.adjust_wallet(wallet, body)).entry)


def _amount(nano: int) -> Decimal:
    return Decimal(format_amount(nano))


def _wallet(one: api.Balance) -> WalletState:
    return WalletState(
        name=one.name,
        balance_nano=nano_of(one.balance),
        drawn_nano=nano_of(one.drawn),
        available_nano=nano_of(one.available),
        promotional_nano=nano_of(one.promotional),
        promotional_expires_ns=maybe_since_1970(one.promotional_expires_at),
        expires_next_nano=nano_of(one.expires_next),
        expires_next_ns=maybe_since_1970(one.expires_next_at),
    )


def _line(one: api.StatementLine) -> Line:
    return Line(
        name=one.name,
        at_ns=since_1970(one.at),
        granted_nano=nano_of(one.granted),
        charged_nano=nano_of(one.charged),
        refunded_nano=nano_of(one.refunded),
        adjusted_nano=nano_of(one.adjusted),
        expired_nano=nano_of(one.expired),
        calls=one.calls,
        balance_nano=None if one.balance is None else nano_of(one.balance),
        movement=one.movement or "",
        author=one.author or "",
        reason=one.reason or "",
        call_id=one.call_id or "",
    )


def _purse(one: api.Spending) -> PurseState:
    unit = _UNITS[one.unit]

    def counted(amount: str | int) -> int:
        return nano_of(amount) if isinstance(amount, str) else amount

    kinds: tuple[Any, ...] = get_args(PurseKind)
    return PurseState(
        purse_id=one.purse,
        kind=next(kind for kind in kinds if kind == one.kind),
        name=one.name,
        subject=one.subject,
        unit=unit,
        capacity=counted(one.max),
        spent=counted(one.spent),
        drawn=counted(one.held),
        left=counted(one.left),
        resets_ns=maybe_since_1970(one.resets_at),
        rolling_ns=None if one.rolling_s is None else one.rolling_s * _NS,
    )


def _event(one: api.Event) -> tuple[int, LedgerEvent]:
    amount, kind = one.amount, one.kind
    if isinstance(amount, str):
        amount = nano_of(amount) if holds_money(one.purse or "") else int(amount)
    told = LedgerEvent(
        kind=kind,  # type: ignore[arg-type]
        at_ns=since_1970(one.at),
        purse_id=one.purse or "",
        subject=one.subject,
        detail=one.detail,
        percent=one.percent,
        amount=amount,
    )
    return one.number, told
