"""Rules over the identity providers that people log in with."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from faregate.configuration.account_rules import ENVIRONMENT_FIX
from faregate.configuration.document import Document
from faregate.configuration.problems import Path, Problem, unknown
from faregate.configuration.references import is_reference
from faregate.configuration.single_sign_on import GroupRole
from faregate.identity.permissions import BUILT_IN_ROLES

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def check_written(document: Document) -> Iterator[Problem]:
    """Secrets that stand in the document itself; never repeated."""
    for at, one in enumerate(document.identity_providers):
        if one.client_secret is not None and not is_reference(one.client_secret):
            path: Path = ("identity_providers", at, "client_secret")
            yield Problem(path, "a secret must not stand in the file", ENVIRONMENT_FIX)


def check(document: Document) -> Iterator[Problem]:
    """What can't be honoured in `identity_providers`."""
    seen: set[str] = set()
    teams = [team.name for team in document.teams]
    for at, one in enumerate(document.identity_providers):
        path: Path = ("identity_providers", at)
        if one.name in seen:
            yield Problem((*path, "name"), f"there are two of the name {one.name!r}")
        seen.add(one.name)
        if not is_safe_address(one.issuer):
            yield Problem(
                (*path, "issuer"),
                "it is not an https address",
                "write it as the provider calls itself: https://login.example.com",
            )
        if "openid" not in one.scopes:
            yield Problem((*path, "scopes"), "without openid there is no login", "add openid")
        for number, given in enumerate(one.roles):
            yield from _role((*path, "roles", number), given, teams)


def _role(path: Path, given: GroupRole, teams: list[str]) -> Iterator[Problem]:
    built_in = BUILT_IN_ROLES.get(given.role)
    if given.team is not None and given.team not in teams:
        yield Problem((*path, "team"), unknown("team", given.team, teams), "add the team first")
    if built_in is not None and built_in.of_team != (given.team is not None):
        wanted = "needs a team" if built_in.of_team else "is the organisation's"
        yield Problem((*path, "team"), f"the role {given.role} {wanted}")


def is_safe_address(address: str) -> bool:
    """Whether nobody on the way can answer in its place.

    Https, or this machine.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    if parts.query or parts.fragment or not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
