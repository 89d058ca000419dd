"""People and programs of this machine, as `cli.directory_desk` has them."""

from collections.abc import Callable

from faregate.cli.directory_facts import (
    ACCOUNT,
    INVITATION,
    MEMBER,
    ROLE,
    TOKEN,
    USER,
    Facts,
    facts_of,
    known_permissions,
)
from faregate.cli.directory_session import DirectoryHere
from faregate.cli.output import moment
from faregate.identity.permissions import Role


class LocalUsers:
    """The users of this machine's installation."""

    def __init__(self, here: DirectoryHere) -> None:
        self._here = here
        self._by = here.by
        self._users = here.directory.users

    def all(self, role: str | None, team: str | None) -> list[Facts]:
        """All users, or those with a role, or in a team."""
        return [facts_of(one, USER) for one in self._users.list(role=role, team=team)]

    def invite(self, email: str, role: str, team: str | None) -> Facts:
        """A new invitation, with its `token` and the `url` to pass on."""
        made = self._here.directory.invitations.create(self._by, email, role, team)
        url = self._here.link("accept-invitation", made.secret)
        return {**facts_of(made.record, INVITATION), "token": made.secret, "url": url}

    def reset_by_link(self, user: str) -> Facts:
        """A `url` by which the user chooses a password, and its end."""
        found, token, expires_ns = self._here.directory.passwords.reset_link(self._by, user)
        return {
            "email": found.email,
            "token": token,
            "url": self._here.link("reset-password", token),
            "expires_at": moment(expires_ns),
        }

    def reset(self, user: str) -> Facts:
        """A password for one login."""
        found, password = self._here.directory.passwords.one_time(self._by, user)
        return {"email": found.email, "one_time_password": password}

    def lock(self, user: str) -> Facts:
        """The user, locked out."""
        return facts_of(self._users.set_state(self._by, user, "locked"), USER)

    def unlock(self, user: str) -> Facts:
        """The user, who may log in again, also after wrong tries."""
        self._users.forgive(self._by, user)
        found = self._users.get(user)
        if found.state != "active":
            found = self._users.set_state(self._by, user, "active")
        return facts_of(found, USER)

    def remove(self, user: str) -> str:
        """Remove a user; gives the address."""
        found = self._users.get(user)
        self._users.remove(self._by, found.user_id)
        return found.email

    def change_roles(self, user: str, change: Callable[[Facts], list[str]]) -> Facts:
        """The user with the roles that `change` makes of what was there."""
        found = self._users.get(user)
        wanted = tuple(change(facts_of(found, USER)))
        if wanted != found.roles:
            found = self._users.set_roles(self._by, found.user_id, wanted)
        return facts_of(found, USER)


class LocalRoles:
    """The roles of this machine's installation."""

    def __init__(self, here: DirectoryHere) -> None:
        self._by = here.by
        self._roles = here.directory.roles

    def all(self) -> list[Facts]:
        """All roles, the built-in ones first."""
        return [facts_of(one.role, ROLE) for one in self._roles.list()]

    def get(self, name: str) -> Facts:
        """One role."""
        return facts_of(self._roles.get(name).role, ROLE)

    def permissions(self) -> list[Facts]:
        """All that roles are made of."""
        return known_permissions()

    def add(self, name: str, permissions: list[str], summary: str, *, of_team: bool) -> Facts:
        """A new custom role."""
        role = Role(name, summary, frozenset(permissions), of_team)
        return facts_of(self._roles.add(self._by, role).role, ROLE)

    def remove(self, name: str) -> None:
        """Remove a custom role."""
        self._roles.remove(self._by, name)


class LocalMembers:
    """The members of teams of this machine's installation."""

    def __init__(self, here: DirectoryHere) -> None:
        self._by = here.by
        self._members = here.directory.members

    def all(self, team: str) -> list[Facts]:
        """The members of a team."""
        return [facts_of(one, MEMBER) for one in self._members.list(team)]

    def set(self, team: str, user: str, roles: list[str]) -> Facts:
        """The user as a member with these roles, and no others."""
        return facts_of(self._members.set(self._by, team, user, tuple(roles)), MEMBER)

    def remove(self, team: str, user: str) -> str:
        """Take a user out of a team; gives the address."""
        member = self._members.get(team, user)
        self._members.remove(self._by, team, member.user_id)
        return member.email


class LocalAccounts:
    """The service accounts of this machine's installation."""

    def __init__(self, here: DirectoryHere) -> None:
        self._by = here.by
        self._accounts = here.directory.service_accounts
        self._tokens = here.directory.tokens

    def all(self, team: str | None) -> list[Facts]:
        """Those of a team; without one, all."""
        found = self._accounts.of_teams(None) if team is None else self._accounts.list(team)
        return [facts_of(one, ACCOUNT) for one in found]

    def add(self, team: str | None, name: str, role: str, summary: str) -> Facts:
        """A new service account."""
        return facts_of(self._accounts.create(self._by, team, name, role, summary), ACCOUNT)

    def remove(self, team: str | None, name: str) -> None:
        """Remove one with its tokens."""
        self._accounts.remove(self._by, team, name)

    def create_token(
        self,
        team: str | None,
        account: str,
        name: str,
        scopes: list[str] | None,
        expires_ns: int | None,
    ) -> Facts:
        """A new token with `token` among its facts."""
        made = self._tokens.create_for_account(self._by, team, account, name, scopes, expires_ns)
        return {**facts_of(made.record, TOKEN), "token": made.secret}

    def tokens(self, team: str | None, account: str) -> list[Facts]:
        """The tokens of one, the newest first."""
        return [facts_of(one, TOKEN) for one in self._tokens.of_account(team, account)]

    def revoke_token(self, team: str | None, account: str, name: str) -> None:
        """Take a token away."""
        self._tokens.revoke_of_account(self._by, team, account, name)
