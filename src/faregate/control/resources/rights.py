"""What changing an item needs beside the permission to change its kind.

Credit in a wallet's configuration is credit. What a team is sold and who pays for it, and how
the server reaches the network with its own files, are the organisation's to say.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from faregate.configuration.commerce import Grant, Wallet
from faregate.configuration.document import Document
from faregate.configuration.names import within
from faregate.control.context import Context
from faregate.control.resources.kinds import Kind, name_of

# Fields of a team's items that only the organisation changes, beside their wallets.
ORGANISATION_FIELDS: Final = {
    "applications": ("plan",),
    "providers": ("tls", "proxy"),
}


def check_item(context: Context, kind: Kind, before: Any, after: Any) -> None:
    """Raise `ProblemError` (403) where the caller may not make this of that.

    `before` is None for a new item, `after` for one that is removed.
    """
    if kind.field == "wallets" and _new_grants([before], [after]):
        context.require("credit.write", getattr(after, "team", None))
    team = context.team
    if team is None or after is None:
        return
    for field in ORGANISATION_FIELDS.get(kind.field, ()):
        if getattr(after, field) != _field(kind, before, field):
            context.require(kind.write)
    if kind.field == "applications" and after.wallet is not None:
        own = after.wallet == within(team, after.wallet)
        if after.wallet != _field(kind, before, "wallet") and not own:
            context.require(kind.write)


def check_document(context: Context, before: Document, after: Document) -> None:
    """Raise `ProblemError` (403) where a whole document gives credit, and the caller may not."""
    if _new_grants(before.wallets, after.wallets):
        context.require("credit.write")


def _new_grants(before: Iterable[Wallet | None], after: Iterable[Wallet | None]) -> bool:
    return bool(_grants(after) - _grants(before))


def _grants(wallets: Iterable[Wallet | None]) -> frozenset[tuple[str, Grant]]:
    return frozenset(
        (name_of(wallet), grant) for wallet in wallets if wallet is not None
        for grant in wallet.grants
    )  # fmt: skip


def _field(kind: Kind, item: Any, name: str) -> Any:
    """A field of an item; of one that isn't there, its default."""
    if item is not None:
        return getattr(item, name)
    found = next(field for field in msgspec.structs.fields(kind.type) if field.name == name)
    return found.default
