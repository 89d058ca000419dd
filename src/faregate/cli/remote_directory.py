"""People and programs elsewhere, as `cli.directory_desk` has them.

What is changed is read first, and changed as it was seen: `StaleError` where it is so no more.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from faregate.cli.directory_facts import (
    ACCOUNT,
    INVITATION,
    MEMBER,
    PERMISSION,
    ROLE,
    TOKEN,
    USER,
    Facts,
    Fields,
    by_address,
    by_kind,
    by_rank,
)
from faregate.cli.output import moment
from faregate.cli.remote_connection import Connection, maybe_since_1970
from faregate.client import operations as api
from faregate.client.requests import ANY_VERSION, Answer
from faregate.core.errors import FaregateError, MissingError

_PAGE: Final = 500


def shown(reply: object, fields: Fields, **more: Any) -> Facts:
    """These fields of a reply, moments as here; `more` is there besides."""
    found = {name: more[name] if name in more else getattr(reply, name) for name in fields}
    seconds = {name: second(value) for name, value in found.items() if name.endswith("_at")}
    return found | seconds | more


def second(text: str | None) -> str | None:
    """A moment of the management API, as commands write it."""
    return moment(maybe_since_1970(text))


class RemoteUsers:
    """The users of an installation elsewhere."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, role: str | None, team: str | None) -> list[Facts]:
        """All users, or those with a role, or in a team."""
        found = self._connection.all(api.list_users(role=role, team=team, limit=_PAGE))
        return by_address(shown(one, USER) for one in found)

    def invite(self, email: str, role: str, team: str | None) -> Facts:
        """A new invitation, with its `token` and the `url` to pass on."""
        body = api.InvitationWish(email=email, role=role)
        with _of_team(team):
            made = self._connection.send(api.create_invitation(body, team=team))
        return shown(made.invitation, INVITATION, token=made.link.token, url=made.link.url)

    def reset_by_link(self, user: str) -> Facts:
        """A `url` by which the user chooses a password, and its end."""
        found = self._connection.send(api.get_user(user))
        link = self._connection.send(api.create_password_reset(found.user_id))
        return {
            "email": found.email,
            "token": link.token,
            "url": link.url,
            "expires_at": second(link.expires_at),
        }

    def reset(self, user: str) -> Facts:
        """Nothing: the management API gives nobody another's password."""
        raise FaregateError(
            "a password for one login is given only on the machine of the installation, not over "
            f"{self._connection.url}",
            fix="add --link for a link by which the user chooses one",
        )

    def lock(self, user: str) -> Facts:
        """The user, locked out."""
        return self._change(self._connection.fetch(api.get_user(user)), {"state": "locked"})

    def unlock(self, user: str) -> Facts:
        """The user, who may log in again, also after wrong tries."""
        seen = self._connection.fetch(api.get_user(user))
        self._connection.send(api.unlock_user(seen.value.user_id))
        if seen.value.state == "active":
            return shown(seen.value, USER)
        return self._change(seen, {"state": "active"})

    def remove(self, user: str) -> str:
        """Remove a user; gives the address."""
        seen = self._connection.fetch(api.get_user(user))
        request = api.delete_user(seen.value.user_id, version=_version(seen))
        self._connection.send(request)
        return seen.value.email

    def change_roles(self, user: str, change: Callable[[Facts], list[str]]) -> Facts:
        """The user with the roles that `change` makes of what was there."""
        seen = self._connection.fetch(api.get_user(user))
        found = shown(seen.value, USER)
        wanted = change(found)
        return found if wanted == found["roles"] else self._change(seen, {"roles": wanted})

    def _change(self, seen: Answer[api.UserFacts], patch: Facts) -> Facts:
        request = api.update_user(seen.value.user_id, patch, version=_version(seen))
        return shown(self._connection.send(request), USER)


class RemoteRoles:
    """The roles of an installation elsewhere."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> list[Facts]:
        """All roles, the built-in ones first."""
        found = self._connection.all(api.list_roles(limit=_PAGE))
        return by_rank(shown(one, ROLE) for one in found)

    def get(self, name: str) -> Facts:
        """One role."""
        return shown(self._connection.send(api.get_role(name)), ROLE)

    def permissions(self) -> list[Facts]:
        """All that roles are made of there."""
        found = self._connection.all(api.list_permissions(limit=_PAGE))
        return by_kind(shown(one, PERMISSION) for one in found)

    def add(self, name: str, permissions: list[str], summary: str, *, of_team: bool) -> Facts:
        """A new custom role."""
        body = api.NewRole(name=name, permissions=permissions, summary=summary, of_team=of_team)
        return shown(self._connection.send(api.create_role(body)), ROLE)

    def remove(self, name: str) -> None:
        """Remove a custom role."""
        seen = self._connection.fetch(api.get_role(name))
        self._connection.send(api.delete_role(name, version=_version(seen)))


class RemoteMembers:
    """The members of teams of an installation elsewhere."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, team: str) -> list[Facts]:
        """The members of a team."""
        with _of_team(team):
            found = list(self._connection.all(api.list_members(team, limit=_PAGE)))
        return by_address(shown(one, MEMBER, team=team) for one in found)

    def set(self, team: str, user: str, roles: list[str]) -> Facts:
        """The user as a member with these roles, and no others."""
        body = api.NewMember(user=user, roles=roles)
        with _of_team(team):
            made = self._connection.send(api.add_member(team, body))
        return shown(made, MEMBER, team=team)

    def remove(self, team: str, user: str) -> str:
        """Take a user out of a team; gives the address."""
        with _of_team(team):
            seen = self._connection.fetch(api.get_member(team, user))
        member = seen.value
        self._connection.send(api.remove_member(team, member.user_id, version=_version(seen)))
        return member.email


class RemoteAccounts:
    """The service accounts of an installation elsewhere."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, team: str | None) -> list[Facts]:
        """Those of a team; without one, all that one may see."""
        with _of_team(team):
            found = list(self._connection.all(api.list_service_accounts(team=team, limit=_PAGE)))
        return [shown(one, ACCOUNT) for one in found]

    def add(self, team: str | None, name: str, role: str, summary: str) -> Facts:
        """A new service account."""
        body = api.NewServiceAccount(name=name, role=role, summary=summary)
        with _of_team(team):
            made = self._connection.send(api.create_service_account(body, team=team))
        return shown(made, ACCOUNT)

    def remove(self, team: str | None, name: str) -> None:
        """Remove one with its tokens."""
        with _of_team(team):
            seen = self._connection.fetch(api.get_service_account(name, team=team))
        request = api.delete_service_account(
            seen.value.account_id, version=_version(seen), team=team
        )
        self._connection.send(request)

    def create_token(
        self,
        team: str | None,
        account: str,
        name: str,
        scopes: list[str] | None,
        expires_ns: int | None,
    ) -> Facts:
        """A new token with `token` among its facts."""
        body = api.TokenWish(name=name, scopes=scopes, expires_at=moment(expires_ns))
        with _of_team(team):
            made = self._connection.send(api.create_service_account_token(account, body, team=team))
        return shown(made.facts, TOKEN, token=made.token)

    def tokens(self, team: str | None, account: str) -> list[Facts]:
        """The tokens of one, the newest first."""
        request = api.list_service_account_tokens(account, team=team, limit=_PAGE)
        with _of_team(team):
            return [shown(one, TOKEN) for one in self._connection.all(request)]

    def revoke_token(self, team: str | None, account: str, name: str) -> None:
        """Take a token away."""
        with _of_team(team):
            self._connection.send(api.revoke_service_account_token(account, name, team=team))


@contextmanager
def _of_team(team: str | None) -> Iterator[None]:
    """A team that isn't there is told in the words that it has here."""
    try:
        yield
    except MissingError as error:
        if team is None or error.fix or f"the team {team[:63]!r}" not in error.message:
            raise
        raise MissingError(
            f"there is no team {team!r}", fix="'faregate teams list' shows the teams"
        ) from error


def _version(seen: Answer[Any]) -> str:
    return seen.version or ANY_VERSION
