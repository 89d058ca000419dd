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
from faregate.configuration.single_sign_on import GroupRole, SingleSignOn
from faregate.control.context import Context
from faregate.control.resources.kinds import Kind, name_of
from faregate.core.errors import MissingError
from faregate.identity.permissions import BUILT_IN_ROLES, PERMISSIONS

# Fields of a team's items that only the organisation changes, beside their wallets.
ORGANISATION_FIELDS: Final = {
    "applications": ("plan",),
    "providers": ("tls", "proxy"),
}


def check_item(context: Context, kind: Kind, before: Any, after: Any) -> None:
    """Raise `ProblemError` (403) where the caller may not make this of that.

    `before` is None for a new item, `after` for one that is removed.
    """
    if kind.field == "identity_providers":
        _check_mappings(context, [before], [after])
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
    """Raise `ProblemError` (403) where the caller may not give what it gives.

    A whole document gives credit, and roles to those who log in with an identity provider.
    """
    if _new_grants(before.wallets, after.wallets):
        context.require("credit.write")
    _check_mappings(context, before.identity_providers, after.identity_providers)


def _check_mappings(
    context: Context,
    before: Iterable[SingleSignOn | None],
    after: Iterable[SingleSignOn | None],
) -> None:
    """Nobody gives by an identity provider what they don't hold."""
    for _, _, given in sorted(_mappings(after) - _mappings(before), key=repr):
        if given.role == "owner":
            context.require("owners.write")
        for permission in sorted(_permissions(context, given.role)):
            context.require(permission, given.team)


def _mappings(
    providers: Iterable[SingleSignOn | None],
) -> frozenset[tuple[str, str, GroupRole]]:
    """Which groups of which issuers have which roles."""
    return frozenset(
        (one.name, one.issuer, given) for one in providers if one is not None
        for given in one.roles
    )  # fmt: skip


def _permissions(context: Context, role: str) -> frozenset[str]:
    if role in BUILT_IN_ROLES:
        return BUILT_IN_ROLES[role].permissions
    try:
        return context.management.directory.roles.get(role).role.permissions
    except MissingError:
        return frozenset(PERMISSIONS)  # made later, by somebody else, it may hold anything


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
