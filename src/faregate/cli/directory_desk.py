"""What commands on people and programs work on: here, or elsewhere.

Both give the facts of `cli.directory_facts`. `team` None is the organisation. A user is named by an
e-mail address or an id, a service account by its name or an id. All methods raise `FaregateError`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from faregate.cli.directory_facts import Facts
from faregate.cli.directory_session import opened_directory
from faregate.cli.remote_profiles import chosen

Roles = list[str]


class UserDesk(Protocol):
    """The users of one installation."""

    def all(self, role: str | None, team: str | None) -> list[Facts]:
        """All users, or those with a role, or in a team."""

    def invite(self, email: str, role: str, team: str | None) -> Facts:
        """A new invitation, with its `token` and the `url` to pass on."""

    def reset_by_link(self, user: str) -> Facts:
        """A `url` by which the user chooses a password, and its end."""

    def reset(self, user: str) -> Facts:
        """A password for one login; only on the machine itself."""

    def lock(self, user: str) -> Facts:
        """The user, locked out."""

    def unlock(self, user: str) -> Facts:
        """The user, who may log in again."""

    def remove(self, user: str) -> str:
        """Remove a user; gives the address."""

    def change_roles(self, user: str, change: Callable[[Facts], Roles]) -> Facts:
        """The user with the roles that `change` makes of what was there."""


class RoleDesk(Protocol):
    """The roles of one installation."""

    def all(self) -> list[Facts]:
        """All roles, the built-in ones first."""

    def get(self, name: str) -> Facts:
        """One role."""

    def permissions(self) -> list[Facts]:
        """All that roles are made of."""

    def add(self, name: str, permissions: list[str], summary: str, *, of_team: bool) -> Facts:
        """A new custom role."""

    def remove(self, name: str) -> None:
        """Remove a custom role."""


class MemberDesk(Protocol):
    """The members of teams of one installation."""

    def all(self, team: str) -> list[Facts]:
        """The members of a team."""

    def set(self, team: str, user: str, roles: list[str]) -> Facts:
        """The user as a member with these roles, and no others."""

    def remove(self, team: str, user: str) -> str:
        """Take a user out of a team; gives the address."""


class AccountDesk(Protocol):
    """The service accounts of one installation, and their tokens."""

    def all(self, team: str | None) -> list[Facts]:
        """Those of a team; without one, all that one may see."""

    def add(self, team: str | None, name: str, role: str, summary: str) -> Facts:
        """A new service account."""

    def remove(self, team: str | None, name: str) -> None:
        """Remove one with its tokens."""

    def create_token(
        self,
        team: str | None,
        account: str,
        name: str,
        scopes: list[str] | None,
        expires_ns: int | None,
    ) -> Facts:
        """A new token with `token` among its facts."""

    def tokens(self, team: str | None, account: str) -> list[Facts]:
        """The tokens of one, the newest first."""

    def revoke_token(self, team: str | None, account: str, name: str) -> None:
        """Take a token away."""


class Desk(NamedTuple):
    """The people and programs of one installation."""

    users: UserDesk
    roles: RoleDesk
    members: MemberDesk
    service_accounts: AccountDesk


@contextmanager
def opened_desk() -> Iterator[Desk]:
    """The people and programs of the installation that the command is for."""
    target = chosen()
    if target is not None:
        from faregate.cli import remote_directory as elsewhere
        from faregate.cli.remote_connection import connected

        with connected(target) as connection:
            yield Desk(
                elsewhere.RemoteUsers(connection),
                elsewhere.RemoteRoles(connection),
                elsewhere.RemoteMembers(connection),
                elsewhere.RemoteAccounts(connection),
            )
        return
    from faregate.cli import local_directory as local

    with opened_directory() as here:
        yield Desk(
            local.LocalUsers(here),
            local.LocalRoles(here),
            local.LocalMembers(here),
            local.LocalAccounts(here),
        )
