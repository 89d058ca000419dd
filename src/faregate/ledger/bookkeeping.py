"""What the books say: wallets, grants, entries, purses, the audit."""

from typing import Literal

import msgspec

from faregate.ledger.purses import PurseKind, Unit

GrantKind = Literal["paid", "promotional"]


class WalletState(msgspec.Struct, frozen=True):
    """What is in a wallet just now.

    `available_nano` is the balance without what workers have drawn for calls and without
    `expired_nano`, which is about to be taken back.
    `promotional_expires_ns` is when the first promotional credit expires; `expires_next_ns` is
    when the first credit of any kind does, and `expires_next_nano` how much that is.
    """

    name: str
    balance_nano: int = 0
    drawn_nano: int = 0
    available_nano: int = 0
    expired_nano: int = 0
    promotional_nano: int = 0
    promotional_expires_ns: int | None = None
    expires_next_nano: int = 0
    expires_next_ns: int | None = None


class GrantState(msgspec.Struct, frozen=True):
    """A grant, a refund or a correction upwards, and what is left of it."""

    wallet: str
    reference: str
    kind: str
    amount_nano: int
    remaining_nano: int
    expires_ns: int | None
    granted_ns: int
    author: str = ""
    reason: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One transfer as its wallet sees it.

    `amount_nano` is below zero where it left the wallet.
    """

    entry_id: str
    wallet: str
    movement: str
    amount_nano: int
    balance_nano: int
    at_ns: int
    author: str
    reason: str
    call_id: str = ""


class PurseState(msgspec.Struct, frozen=True):
    """A budget, a quota or a long limit, and what became of it in its period.

    `capacity` is the cap and what was carried over; amounts are in `unit`. `resets_ns` is the end
    of a period of the calendar; a window that slides has `rolling_ns` instead.
    """

    purse_id: str
    kind: PurseKind
    name: str
    subject: str
    unit: Unit
    capacity: int
    spent: int
    drawn: int
    left: int
    resets_ns: int | None
    rolling_ns: int | None


class Verification(msgspec.Struct, frozen=True):
    """What was added up, and every place that does not agree."""

    discrepancies: tuple[str, ...]
    wallets: int
    transfers: int
    in_wallets_nano: int


class FileGrant(msgspec.Struct, frozen=True):
    """Credit that the configuration gives a wallet once."""

    wallet: str
    name: str
    amount_nano: int
    kind: GrantKind
    expires_ns: int | None

    @property
    def reference(self) -> str:
        """Its reference in the ledger."""
        return FILE_REFERENCE + self.name


FILE_REFERENCE = "file:"


def changed_part(grant: FileGrant, given: GrantState | FileGrant) -> str | None:
    """What of a grant is not as it was given: amount, kind or expiry."""
    if grant.amount_nano != given.amount_nano:
        return "amount"
    if grant.kind != given.kind:
        return "kind"
    return "expiry" if grant.expires_ns != given.expires_ns else None
