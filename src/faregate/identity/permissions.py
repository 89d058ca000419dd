"""Permissions, roles, and what a principal may do. Denies by default.

A permission is `resource.action`. It is held in the organisation, and then in all of its teams, or
in one team. Roles are sets of permissions: the built-in ones below, and custom ones.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from faregate.identity.actors import Actor

PERMISSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "teams.read": "See teams.",
        "teams.write": "Add, change and remove teams.",
        "members.read": "See who belongs to a team, in which role.",
        "members.write": "Add, change and remove members of a team, and invite to it.",
        "applications.read": "See applications.",
        "applications.write": "Add, change and remove applications.",
        "keys.read": "See callers' keys, never the keys themselves.",
        "keys.write": "Make, change and revoke callers' keys.",
        "providers.read": "See provider accounts and their state, never their keys.",
        "providers.write": "Add, change, test, reset and remove provider accounts.",
        "models.read": "See models and virtual models.",
        "models.write": "Add, change and remove models and virtual models.",
        "wallets.read": "See wallets, statements and transfers.",
        "wallets.write": "Add and remove wallets.",
        "credit.write": "Grant, refund and correct credit.",
        "prices.read": "See prices.",
        "prices.write": "Change prices.",
        "plans.read": "See plans.",
        "plans.write": "Add, change and remove plans.",
        "limits.read": "See limits.",
        "limits.write": "Add, change and remove limits.",
        "budgets.read": "See budgets and what is spent of them.",
        "budgets.write": "Add, change and remove budgets.",
        "calls.read": "See calls and their decisions, and diagnose.",
        "files.read": "See callers' files and batches.",
        "files.write": "Delete callers' files, and cancel batches.",
        "events.read": "See events.",
        "webhooks.read": "See webhooks and what was delivered.",
        "webhooks.write": "Add, change, try and remove webhooks.",
        "service_accounts.read": "See service accounts and their tokens, never the tokens.",
        "service_accounts.write": "Add, change and remove service accounts and their tokens.",
        "callers.read": "See how callers may identify themselves beside keys.",
        "callers.write": "Change how callers may identify themselves beside keys.",
        "settings.read": "See settings.",
        "settings.write": "Change settings.",
        "revisions.read": "See revisions, compare them, and export the configuration.",
        "revisions.write": "Apply a configuration, publish what is staged, and roll back.",
        "users.read": "See users, their roles and invitations.",
        "users.write": "Invite, change, lock and remove users.",
        "owners.write": "Make and unmake owners of the organisation.",
        "roles.read": "See roles.",
        "roles.write": "Add, change and remove custom roles.",
        "sso.read": "See how people log in.",
        "sso.write": "Change how people log in.",
        "audit.read": "Read and verify the audit log.",
        "audit.export": "Export the audit log.",
        "nodes.read": "See nodes and their processes.",
        "nodes.write": "Reload nodes.",
    }
)
"""Every permission, with what it allows."""

TEAM_PERMISSIONS: Final = frozenset(
    {
        "teams.read",
        *("members.read", "members.write"),
        *("applications.read", "applications.write"),
        *("keys.read", "keys.write"),
        *("providers.read", "providers.write"),
        *("models.read", "models.write"),
        *("wallets.read", "wallets.write", "credit.write"),
        *("prices.read", "plans.read"),
        *("limits.read", "limits.write"),
        *("budgets.read", "budgets.write"),
        *("calls.read", "files.read", "files.write", "events.read"),
        *("webhooks.read", "webhooks.write"),
        *("service_accounts.read", "service_accounts.write"),
    }
)
"""Those that mean something in one team; the others are of the organisation alone."""


class Role(msgspec.Struct, frozen=True):
    """A set of permissions that people and programs are given.

    A role of teams holds permissions of teams alone and is given in one team; others are given in
    the organisation.
    """

    name: str
    summary: str
    permissions: frozenset[str]
    of_team: bool = False
    built_in: bool = False


_READS: Final = frozenset(name for name in PERMISSIONS if name.endswith(".read"))
_MONEY: Final = frozenset(
    {
        *("wallets.write", "credit.write", "prices.write", "plans.write", "budgets.write"),
        *("teams.read", "applications.read", "wallets.read", "prices.read", "plans.read"),
        *("budgets.read", "limits.read", "models.read", "calls.read", "events.read"),
    }
)
# Who runs a team does not print its money.
_TEAM_OWNER: Final = TEAM_PERMISSIONS - {"credit.write"}
_DEVELOPER: Final = (TEAM_PERMISSIONS & _READS) | {
    *("applications.write", "keys.write", "files.write", "webhooks.write"),
}

BUILT_IN_ROLES: Final[Mapping[str, Role]] = MappingProxyType(
    {
        role.name: role
        for role in (
            Role("owner", "Everything.", frozenset(PERMISSIONS), built_in=True),
            Role(
                "administrator",
                "Everything but owners and credit.",
                frozenset(PERMISSIONS) - {"owners.write", "credit.write"},
                built_in=True,
            ),
            Role("finance", "Credit, prices, plans and budgets.", _MONEY, built_in=True),
            Role(
                "auditor",
                "Reads everything, the audit log included, and exports it.",
                _READS | {"audit.export"},
                built_in=True,
            ),
            Role(
                "team-owner",
                "Everything in a team but giving credit.",
                _TEAM_OWNER,
                of_team=True,
                built_in=True,
            ),
            Role(
                "team-developer",
                "Applications, keys and webhooks of a team; reads the rest.",
                _DEVELOPER,
                of_team=True,
                built_in=True,
            ),
            Role(
                "team-viewer",
                "Reads what is the team's.",
                TEAM_PERMISSIONS & _READS,
                of_team=True,
                built_in=True,
            ),
        )
    }
)


class Held(msgspec.Struct, frozen=True):
    """Permissions that are held in a team; without one, in the organisation."""

    permissions: frozenset[str]
    team: str | None = None


class Principal(msgspec.Struct, frozen=True):
    """Who acts, and what they hold.

    `scopes` of a token narrow it, None does not.
    """

    actor: Actor
    held: tuple[Held, ...] = ()
    scopes: frozenset[str] | None = None

    def may(self, permission: str, team: str | None = None) -> bool:
        """Whether it may do this in `team`; without one, in the organisation."""
        if self.scopes is not None and permission not in self.scopes:
            return False
        return any(
            permission in one.permissions
            and (one.team is None or (one.team == team and permission in TEAM_PERMISSIONS))
            for one in self.held
        )

    def teams_with(self, permission: str) -> frozenset[str] | None:
        """The teams in which it may do this.

        None means all, and the organisation.
        """
        if self.may(permission):
            return None
        named = {one.team for one in self.held if one.team is not None}
        return frozenset(team for team in named if self.may(permission, team))

    def sees_team(self, team: str) -> bool:
        """Whether it may know that this team is there.

        Scopes of a token don't hide it.
        """
        return any(
            one.team == team or (one.team is None and "teams.read" in one.permissions)
            for one in self.held
        )

    def may_give(self, permissions: Iterable[str], team: str | None = None) -> bool:
        """Whether it may give these to another.

        Nobody gives what they don't hold.
        """
        return all(self.may(permission, team) for permission in permissions)


def machine_principal(actor: Actor) -> Principal:
    """Whoever runs commands on the machine itself: it may do everything.

    Who reads the data folder and its master key has all of it anyway.
    """
    return Principal(actor, (Held(frozenset(PERMISSIONS)),))
