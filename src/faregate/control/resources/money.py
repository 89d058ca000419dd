"""Wallets' credit as the management API shows and moves it.

The ledger is another database than the configuration's: what was moved there is written into the
audit log right after it succeeded. Amounts are decimal strings.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

import msgspec

from faregate.configuration.document import Document
from faregate.control.context import Context
from faregate.control.moments import moment
from faregate.control.problems import ProblemError
from faregate.control.resources.kinds import KINDS
from faregate.control.resources.steps import absent, wrong
from faregate.control.resources.whole import GrantedEntry, entry_of
from faregate.core.money import AMOUNT_NANO_MAX, format_amount, parse_amount
from faregate.ledger.bookkeeping import Entry, GrantState, PurseState, WalletState
from faregate.ledger.purses import Unit
from faregate.ledger.statement import Line
from faregate.storage.ledger_books import Books, open_books
from faregate.storage.revisions import Item

WALLETS: Final = KINDS["wallets"]

_UNITS: Final = {
    Unit.NANO: "dollars",
    Unit.REQUESTS: "requests",
    Unit.INPUT_TOKENS: "input_tokens",
    Unit.OUTPUT_TOKENS: "output_tokens",
    Unit.TOKENS: "tokens",
}


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a wallet just now.

    `available` is without what calls in flight hold.
    """

    name: str
    team: str | None
    balance: str
    available: str
    drawn: str
    promotional: str
    promotional_expires_at: str | None
    expires_next: str
    expires_next_at: str | None
    pays_for: list[str]
    declared: bool


class GrantFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Credit that a wallet was given, and what is left of it."""

    reference: str
    granted_at: str
    kind: str
    amount: str
    remaining: str
    expires_at: str | None
    author: str
    reason: str


class StatementLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a statement; what leaves the wallet is below zero."""

    name: str
    at: str
    movement: str | None
    amount: str
    granted: str
    charged: str
    refunded: str
    adjusted: str
    expired: str
    calls: int
    balance: str | None
    call_id: str | None
    author: str | None
    reason: str | None


class Moved(msgspec.Struct, frozen=True):
    """What was moved, and what is in the wallet now.

    `changed` is false where it had been moved before.
    """

    entry: GrantedEntry
    changed: bool
    wallet: Balance


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """What is used of a budget, a quota or a long limit, in its period."""

    purse: str
    kind: str
    name: str
    subject: str
    unit: str
    max: str | int
    spent: str | int
    held: str | int
    left: str | int
    resets_at: str | None
    rolling_s: int | None


class Verified(msgspec.Struct, frozen=True):
    """Whether everything in the ledger adds up, and where it doesn't."""

    ok: bool
    discrepancies: list[str]
    wallets: int
    transfers: int
    in_wallets: str


@contextmanager
def opened(context: Context) -> Iterator[Books]:
    """The installation's books, wherever they are. Raises `StorageError`."""
    settings = context.management.installation.revisions.current().clear.settings
    management = context.management
    with open_books(management.home, settings.ledger.url, management.clock) as books:
        yield books


def wallet_of(context: Context, name: str, team: str | None) -> Item:
    """The wallet of a path, as `team` calls it. Raises `ProblemError` (404)."""
    item = context.management.index.of(WALLETS).find(context.team or team, name)
    if item is None or not context.sees(item.team):
        raise absent(WALLETS, name)
    return item


def require_name(context: Context, name: str, team: str | None) -> str:
    """The whole name of a path's wallet.

    For the organisation also of one that was removed: its credit is still there. Raises
    `ProblemError` (404).
    """
    try:
        return wallet_of(context, name, team).name
    except ProblemError:
        if context.teams is not None or team is not None:
            raise
        if context.management.index.of(WALLETS).find(None, name) is not None:
            raise
        with opened(context) as books:
            if any(state.name == name for state in books.wallets()):
                return name
        raise


def balance_of(context: Context, state: WalletState) -> Balance:
    """A wallet's state with whose calls it pays for."""
    item = context.management.index.of(WALLETS).by_name.get(state.name)
    owners: Mapping[str, list[tuple[str | None, str]]] = context.management.index.made(
        "owners of wallets", _owners
    )
    return Balance(
        name=state.name,
        team=None if item is None else item.team,
        balance=format_amount(state.balance_nano),
        available=format_amount(state.available_nano),
        drawn=format_amount(state.drawn_nano),
        promotional=format_amount(state.promotional_nano),
        promotional_expires_at=moment(state.promotional_expires_ns),
        expires_next=format_amount(state.expires_next_nano),
        expires_next_at=moment(state.expires_next_ns),
        pays_for=[text for team, text in owners.get(state.name, ()) if context.sees(team)],
        declared=item is not None,
    )


def _owners(document: Document) -> dict[str, list[tuple[str | None, str]]]:
    """Whose calls wallets pay for: by wallet, the team and its words."""
    found: dict[str, list[tuple[str | None, str]]] = {}
    for team in document.teams:
        if team.wallet is not None:
            found.setdefault(team.wallet, []).append((team.name, f"team {team.name}"))
    for one in document.applications:
        if one.wallet is not None:
            found.setdefault(one.wallet, []).append((one.team, f"application {one.name}"))
    return found


def grant_of(grant: GrantState) -> GrantFacts:
    """A grant as the API shows it."""
    return GrantFacts(
        reference=grant.reference,
        granted_at=moment(grant.granted_ns),
        kind=grant.kind,
        amount=format_amount(grant.amount_nano),
        remaining=format_amount(grant.remaining_nano),
        expires_at=moment(grant.expires_ns),
        author=grant.author,
        reason=grant.reason,
    )


def line_of(line: Line) -> StatementLine:
    """A line as the API shows it."""
    return StatementLine(
        name=line.name,
        at=moment(line.at_ns),
        movement=line.movement or None,
        amount=format_amount(line.amount_nano),
        granted=format_amount(line.granted_nano),
        charged=format_amount(line.charged_nano),
        refunded=format_amount(line.refunded_nano),
        adjusted=format_amount(line.adjusted_nano),
        expired=format_amount(line.expired_nano),
        calls=line.calls,
        balance=None if line.balance_nano is None else format_amount(line.balance_nano),
        call_id=line.call_id or None,
        author=line.author or None,
        reason=line.reason or None,
    )


def spending_of(purse: PurseState) -> Spending:
    """A purse as the API shows it: money as strings, counts as numbers."""

    def counted(amount: int) -> str | int:
        return format_amount(amount) if purse.unit is Unit.NANO else amount

    return Spending(
        purse=purse.purse_id,
        kind=str(purse.kind),
        name=purse.name,
        subject=purse.subject,
        unit=_UNITS[purse.unit],
        max=counted(purse.capacity),
        spent=counted(purse.spent),
        held=counted(purse.drawn),
        left=counted(purse.left),
        resets_at=moment(purse.resets_ns),
        rolling_s=None if purse.rolling_ns is None else purse.rolling_ns // 1_000_000_000,
    )


def moved(context: Context, books: Books, entry: Entry, act: str, *, changed: bool = True) -> Moved:
    """The reply to a movement; the audit log has it where it is new."""
    told = entry_of(entry)
    item = context.management.index.of(WALLETS).by_name.get(entry.wallet)
    if changed:
        context.management.audit.record(
            context.actor,
            act,
            f"wallets/{entry.wallet}",
            team=None if item is None else item.team,
            after=told,
        )
    state = books.wallet(entry.wallet)
    return Moved(told, changed, balance_of(context, state))


def nano(amount: Decimal | str, field: str = "amount", *, signed: bool = False) -> int:
    """Nano-dollars of an amount in a body. Raises `ProblemError` (422)."""
    try:
        value = Decimal(amount)
        found = parse_amount(abs(value) if signed and value.is_finite() else value)
    except (ArithmeticError, ValueError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it is not an amount"
        raise wrong(field, reason, "write dollars as 12.50") from None
    if found == 0 or found > AMOUNT_NANO_MAX:
        raise wrong(field, "it must be above zero", "write dollars as 12.50")
    return -found if signed and value < 0 else found


def reference_of(context: Context, given: str | None) -> str | None:
    """The reference of a movement: given, or made of the idempotency key.

    So a repeated request moves money once, even if the first was cut off between the ledger and
    its answer.
    """
    key = context.request.headers.get("idempotency-key")
    if given is not None or not key:
        return given
    actor = context.actor
    parts: list[Any] = [actor.kind, actor.id or actor.name, context.request.url.path, key]
    return f"api-{hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]}"
