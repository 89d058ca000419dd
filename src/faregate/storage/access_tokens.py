"""Tokens for programs: a person's own, and those of service accounts.

A token is shown once; its hash is kept. What it may do is what its owner may do at that moment,
narrowed by its scopes.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from faregate.core.clock import Clock
from faregate.core.errors import ConfigurationError, ConflictError, ForbiddenError, MissingError
from faregate.identity.giving import refuse_permissions, refuse_touching
from faregate.identity.permissions import Principal
from faregate.identity.roles import checked_permissions
from faregate.identity.tokens import TokenKind, hash_token, new_token, shown_token
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.directory_rows import (
    checked_text,
    held_of_account,
    held_of_user,
    naming,
    new_id,
    require_user,
)
from faregate.storage.directory_tables import access_tokens as table
from faregate.storage.directory_tables import service_accounts as accounts

OWNED_MAX: Final = 200  # tokens of one user or service account


class AccessToken(msgspec.Struct, frozen=True):
    """What is known of a token without it.

    `scopes` None: all that its owner may do.

    `user_id` or `account_id` is its owner. Times are ns since 1970; `expires_ns` None is never.
    """

    token_id: str
    name: str
    prefix: str
    user_id: str | None
    account_id: str | None
    scopes: frozenset[str] | None
    created_ns: int
    expires_ns: int | None
    used_ns: int | None
    used_address: str | None


class NewAccessToken(msgspec.Struct, frozen=True):
    """A token that was just made; `secret` is known here and nowhere else."""

    record: AccessToken
    secret: str

    def __repr__(self) -> str:
        return f"NewAccessToken({self.record.token_id})"


class AccessTokens:
    """The tokens in `database`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def of_user(self, user_id: str) -> list[AccessToken]:
        """A user's personal tokens, the newest first."""
        return self._list(table.c.user_id == user_id)

    def of_account(self, team: str | None, account_id: str) -> list[AccessToken]:
        """The tokens of a service account of `team`. Raises `MissingError`."""
        with self._database.reading() as connection:
            account = require_account(connection, team, account_id)
        return self._list(table.c.account_id == account.account_id)

    def create_personal(
        self,
        by: Principal,
        user_id: str,
        name: str,
        scopes: Iterable[str] | None = None,
        expires_ns: int | None = None,
    ) -> NewAccessToken:
        """Make a token for a user, who is `by`, or is on the machine itself.

        Raises `ConfigurationError` for scopes that are none or not held, or a time that is past,
        `ForbiddenError` for another's token, `ConflictError` for a taken name.
        """
        narrowed = self._checked(scopes, expires_ns)
        _refuse_wider(by, narrowed)
        with self._database.writing() as connection:
            user = require_user(connection, user_id)
            if by.actor.kind == "user" and by.actor.id != user.user_id:
                raise ForbiddenError("a personal token is made by the person alone")
            _refuse_later(connection, by, expires_ns)
            owner = Principal(by.actor, held_of_user(connection, user.user_id))
            for scope in sorted(narrowed or ()):
                if owner.teams_with(scope) == frozenset():
                    raise ConfigurationError(
                        f"scopes: {user.email} doesn't hold {scope!r}",
                        fix="leave it out, or ask for a role that has it",
                    )
            return self._insert(
                connection,
                by,
                "personal",
                {"user_id": user.user_id, "account_id": None},
                f"users/{user.email}",
                None,
                name,
                narrowed,
                expires_ns,
            )

    def create_for_account(
        self,
        by: Principal,
        team: str | None,
        account_id: str,
        name: str,
        scopes: Iterable[str] | None = None,
        expires_ns: int | None = None,
    ) -> NewAccessToken:
        """Make a token of a service account.

        `by` must hold all that it will allow.
        """
        narrowed = self._checked(scopes, expires_ns)
        with self._database.writing() as connection:
            account = require_account(connection, team, account_id)
            for held in held_of_account(connection, account):
                allowed = held.permissions if narrowed is None else held.permissions & narrowed
                refuse_permissions(by, allowed, held.team)
            return self._insert(
                connection,
                by,
                "service",
                {"user_id": None, "account_id": account.account_id},
                f"service_accounts/{account.name}",
                team,
                name,
                narrowed,
                expires_ns,
            )

    def revoke_personal(self, by: Principal, user_id: str, selector: str) -> None:
        """Take a user's token away, by id or name; it stops at once."""
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            user = require_user(connection, user_id)
            if by.actor.id != user.user_id:
                refuse_touching(by, held_of_user(connection, user.user_id))
            where = table.c.user_id == user.user_id
            self._revoke(connection, now_ns, by, where, selector, f"users/{user.email}", None)

    def revoke_of_account(
        self, by: Principal, team: str | None, account_id: str, selector: str
    ) -> None:
        """Take a token of a service account of `team` away, by id or name."""
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            account = require_account(connection, team, account_id)
            where = table.c.account_id == account.account_id
            place = f"service_accounts/{account.name}"
            self._revoke(connection, now_ns, by, where, selector, place, team)

    def _list(self, where: sa.ColumnElement[bool]) -> list[AccessToken]:
        statement = sa.select(table).where(where).order_by(table.c.created_ns.desc())
        with self._database.reading() as connection:
            return [read_token(row) for row in connection.execute(statement)]

    def _checked(
        self, scopes: Iterable[str] | None, expires_ns: int | None
    ) -> frozenset[str] | None:
        if expires_ns is not None and expires_ns <= self._clock.wall_ns():
            raise ConfigurationError(
                "expires_at: the token would be expired from the start",
                fix="name a time that is still to come",
            )
        if scopes is None:
            return None
        with naming("scopes"):
            narrowed = checked_permissions(scopes)
        if not narrowed:
            raise ConfigurationError(
                "scopes: a token without scopes allows nothing",
                fix="name permissions, or leave scopes out for all that its owner may do",
            )
        return narrowed

    def _insert(
        self,
        connection: sa.Connection,
        by: Principal,
        kind: TokenKind,
        owner: dict[str, str | None],
        place: str,
        team: str | None,
        name: str,
        scopes: frozenset[str] | None,
        expires_ns: int | None,
    ) -> NewAccessToken:
        name, now_ns, secret = checked_text("name", name), self._clock.wall_ns(), new_token(kind)
        theirs = connection.execute(
            sa.select(table.c.name).where(
                table.c.user_id.is_not_distinct_from(owner["user_id"]),
                table.c.account_id.is_not_distinct_from(owner["account_id"]),
            )
        ).scalars()
        names = list(theirs)
        if name in names:
            raise ConflictError(
                f"there is a token {name!r} already", fix="choose another name, or revoke it first"
            )
        if len(names) >= OWNED_MAX:
            raise ConflictError(
                f"there are {OWNED_MAX} tokens already", fix="revoke those that nobody uses"
            )
        record = AccessToken(
            token_id=new_id("tok"),
            name=name,
            prefix=shown_token(secret),
            scopes=scopes,
            created_ns=now_ns,
            expires_ns=expires_ns,
            used_ns=None,
            used_address=None,
            **owner,
        )
        values = msgspec.structs.asdict(record)
        if scopes is not None:
            values["scopes"] = msgspec.json.encode(sorted(scopes)).decode()
        connection.execute(table.insert().values(**values, hash=hash_token(secret)))
        write_entry(
            connection,
            now_ns,
            by.actor,
            "tokens.create",
            f"{place}/tokens/{record.name}",
            team=team,
            after={"id": record.token_id, "scopes": scopes, "expires_ns": expires_ns},
        )
        return NewAccessToken(record, secret)

    def _revoke(
        self,
        connection: sa.Connection,
        now_ns: int,
        by: Principal,
        where: sa.ColumnElement[bool],
        selector: str,
        place: str,
        team: str | None,
    ) -> None:
        row = connection.execute(
            sa.select(table).where(
                where, (table.c.token_id == selector) | (table.c.name == selector)
            )
        ).first()
        if row is None:
            raise MissingError(
                f"there is no token {selector[:100]!r}", fix="list the tokens for their names"
            )
        connection.execute(table.delete().where(table.c.token_id == row.token_id))
        write_entry(
            connection, now_ns, by.actor, "tokens.revoke", f"{place}/tokens/{row.name}", team=team
        )


def require_account(connection: sa.Connection, team: str | None, selector: str) -> Any:
    """The row of a service account of `team`, by id or name.

    Raises `MissingError`.
    """
    row = connection.execute(
        sa.select(accounts).where(
            accounts.c.team.is_not_distinct_from(team),
            (accounts.c.account_id == selector) | (accounts.c.name == selector),
        )
    ).first()
    if row is None:
        raise MissingError(
            f"there is no service account {selector[:100]!r}",
            fix="'faregate service-accounts list' shows them",
        )
    return row


def read_token(row: Any) -> AccessToken:
    """The token in a row of the table."""
    fields = {name: getattr(row, name) for name in AccessToken.__struct_fields__}
    if row.scopes is not None:
        fields["scopes"] = frozenset(msgspec.json.decode(row.scopes, type=list[str]))
    return AccessToken(**fields)


def _refuse_wider(by: Principal, scopes: frozenset[str] | None) -> None:
    if by.scopes is not None and (scopes is None or not scopes <= by.scopes):
        raise ForbiddenError(
            "a token makes no token that allows more than itself",
            fix="log in with the password, and make it then",
        )


def _refuse_later(connection: sa.Connection, by: Principal, expires_ns: int | None) -> None:
    own = connection.execute(
        sa.select(table.c.expires_ns).where(table.c.token_id == by.actor.token)
    ).scalar()
    if own is not None and (expires_ns is None or expires_ns > own):
        raise ForbiddenError(
            "a token makes no token that outlives it",
            fix="let it end earlier, or log in with the password, and make it then",
        )
