"""faregate tokens: personal access tokens, for one's own programs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Protocol

import typer

from faregate.cli.directory_facts import TOKEN, Facts, facts_of
from faregate.cli.directory_session import DirectoryHere, opened_directory
from faregate.cli.keys import parse_expiry
from faregate.cli.output import JsonOption, moment, print_json, print_table
from faregate.cli.remote_profiles import chosen
from faregate.core.errors import FaregateError
from faregate.identity.roles import OWNER

app = typer.Typer(
    name="tokens", help="Make, list and revoke personal access tokens.", no_args_is_help=True
)

NameArgument = Annotated[str, typer.Argument(help="The token's name.")]
UserOption = Annotated[
    str | None,
    typer.Option(
        help="Whose it is, on the machine itself; without it, the only owner's. Elsewhere it is "
        "always whoever is logged in."
    ),
]


class Desk(Protocol):
    """Where tokens are kept: here, or in an installation elsewhere."""

    def create(self, name: str, scopes: list[str] | None, expires_ns: int | None) -> Facts:
        """A new token with `token` among its facts."""

    def list(self) -> list[Facts]:
        """All of one person's."""

    def revoke(self, name: str) -> None:
        """Take one away."""


@app.command()
def create(
    name: NameArgument,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="A permission that it is narrowed to; again for more."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="When it stops working: 12h, 30d, 8w, or a date (UTC).")
    ] = None,
    user: UserOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token. It is shown now and never again.

    Standard output has the token alone.

    Example: faregate tokens create reports --scope calls.read --expires 90d
    """
    expires_ns = parse_expiry(expires, time.time_ns()) if expires else None
    with opened_desk(user) as desk:
        made = desk.create(name, scope, expires_ns)
    if as_json:
        print_json(made)
        return
    typer.echo(made["token"])
    typer.echo(f"This is the token {name}. It is shown only now; keep it safe.", err=True)


@app.command("list")
def list_command(user: UserOption = None, as_json: JsonOption = False) -> None:
    """List personal tokens, never the tokens themselves.

    Example: faregate tokens list
    """
    with opened_desk(user) as desk:
        found = desk.list()
    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo("There are no tokens; 'faregate tokens create NAME' makes one.")
        return
    print_tokens(found)


@app.command()
def revoke(name: NameArgument, user: UserOption = None, as_json: JsonOption = False) -> None:
    """Revoke a personal token; it stops at once.

    Example: faregate tokens revoke reports
    """
    with opened_desk(user) as desk:
        desk.revoke(name)
    if as_json:
        print_json({"revoked": name})
    else:
        typer.echo(f"Revoked the token {name}.")


def print_tokens(found: list[Facts]) -> None:
    """The table of tokens, personal ones or a service account's."""
    print_table(
        ("NAME", "TOKEN", "SCOPES", "EXPIRES", "LAST USED", "ID"),
        [
            (
                one["name"],
                f"{one['prefix']}...",
                "all" if one["scopes"] is None else ", ".join(one["scopes"]),
                one["expires_at"] or "never",
                one["used_at"] or "never",
                one["token_id"],
            )
            for one in found
        ],
    )


@contextmanager
def opened_desk(user: str | None) -> Iterator[Desk]:
    """The tokens of `user` here, or of whoever is logged in elsewhere."""
    target = chosen()
    if target is None:
        with opened_directory() as here:
            yield _Here(here, user)
        return
    if user is not None:
        raise FaregateError(
            "--user is for the machine itself; elsewhere a token is one's own",
            fix="leave it out, or add --profile local",
        )
    from faregate.cli.remote_connection import connected

    with connected(target) as connection:
        yield _Elsewhere(connection)


class _Here:
    def __init__(self, here: DirectoryHere, user: str | None) -> None:
        self._here = here
        self._user_id = _whose(here, user)

    def create(self, name: str, scopes: list[str] | None, expires_ns: int | None) -> Facts:
        made = self._here.directory.tokens.create_personal(
            self._here.by, self._user_id, name, scopes, expires_ns
        )
        return {**facts_of(made.record, TOKEN), "token": made.secret}

    def list(self) -> "list[Facts]":
        return [facts_of(one, TOKEN) for one in self._here.directory.tokens.of_user(self._user_id)]

    def revoke(self, name: str) -> None:
        self._here.directory.tokens.revoke_personal(self._here.by, self._user_id, name)


class _Elsewhere:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def create(self, name: str, scopes: list[str] | None, expires_ns: int | None) -> Facts:
        from faregate.cli.remote_directory import shown
        from faregate.client import operations as api

        body = api.TokenWish(name=name, scopes=scopes, expires_at=moment(expires_ns))
        made = self._connection.send(api.create_own_token(body))
        return shown(made.facts, TOKEN, token=made.token)

    def list(self) -> "list[Facts]":
        from faregate.cli.remote_directory import shown
        from faregate.client import operations as api

        return [shown(one, TOKEN) for one in self._connection.all(api.list_own_tokens())]

    def revoke(self, name: str) -> None:
        from faregate.client import operations as api

        self._connection.send(api.revoke_own_token(name))


def _whose(here: DirectoryHere, user: str | None) -> str:
    if user is not None:
        return here.directory.users.get(user).user_id
    owners = here.directory.users.list(role=OWNER)
    if len(owners) != 1:
        raise FaregateError(
            f"whose token is meant? There are {len(owners)} owners", fix="add --user EMAIL"
        )
    return owners[0].user_id
