"""faregate service-accounts: programs that manage, and their tokens."""

import time
from typing import Annotated

import typer

from faregate.cli.directory_desk import opened_desk
from faregate.cli.keys import parse_expiry
from faregate.cli.output import JsonOption, print_json, print_table
from faregate.cli.tokens import print_tokens

app = typer.Typer(
    name="service-accounts",
    help="Add and remove programs that manage, and their tokens.",
    no_args_is_help=True,
)

NameArgument = Annotated[str, typer.Argument(help="Its name, or its id.")]
TokenArgument = Annotated[str, typer.Argument(help="The token's name.")]
TeamOption = Annotated[
    str | None, typer.Option(help="The team that it belongs to; without it, the organisation.")
]


@app.command("list")
def list_command(team: TeamOption = None, as_json: JsonOption = False) -> None:
    """List service accounts: all, or those of a team.

    Example: faregate service-accounts list --team sales
    """
    with opened_desk() as desk:
        found = desk.service_accounts.all(team)
    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo("There are none; 'faregate service-accounts add NAME --role ROLE' adds one.")
        return
    print_table(
        ("NAME", "TEAM", "ROLE", "STATE", "SUMMARY"),
        [
            (one["name"], one["team"] or "", one["role"], one["state"], one["summary"])
            for one in found
        ],
    )


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    role: Annotated[str, typer.Option(help="Its role in the team, or in the organisation.")],
    team: TeamOption = None,
    summary: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Add a service account with one role.

    Example: faregate service-accounts add deploy --team sales --role team-developer
    """
    with opened_desk() as desk:
        made = desk.service_accounts.add(team, name, role, summary)
    if as_json:
        print_json(made)
    else:
        typer.echo(f"Added {made['name']} ({made['account_id']}).")


@app.command()
def remove(name: NameArgument, team: TeamOption = None, as_json: JsonOption = False) -> None:
    """Remove a service account; its tokens stop at once.

    Example: faregate service-accounts remove deploy --team sales
    """
    with opened_desk() as desk:
        desk.service_accounts.remove(team, name)
    if as_json:
        print_json({"removed": name, "team": team})
    else:
        typer.echo(f"Removed {name}.")


@app.command("create-token")
def create_token(
    name: NameArgument,
    token: TokenArgument,
    team: TeamOption = None,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="A permission that it is narrowed to; again for more."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="When it stops working: 12h, 30d, 8w, or a date (UTC).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token. It is shown now and never again.

    Standard output has the token alone.

    Example: faregate service-accounts create-token deploy ci --team sales --expires 90d
    """
    expires_ns = parse_expiry(expires, time.time_ns()) if expires else None
    with opened_desk() as desk:
        made = desk.service_accounts.create_token(team, name, token, scope, expires_ns)
    if as_json:
        print_json(made)
        return
    typer.echo(made["token"])
    typer.echo(f"This is the token {token} of {name}. It is shown only now.", err=True)


@app.command("list-tokens")
def list_tokens(name: NameArgument, team: TeamOption = None, as_json: JsonOption = False) -> None:
    """List the tokens of a service account, never the tokens themselves.

    Example: faregate service-accounts list-tokens deploy --team sales
    """
    with opened_desk() as desk:
        found = desk.service_accounts.tokens(team, name)
    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo(f"{name} has no tokens.")
        return
    print_tokens(found)


@app.command("revoke-token")
def revoke_token(
    name: NameArgument, token: TokenArgument, team: TeamOption = None, as_json: JsonOption = False
) -> None:
    """Revoke a token of a service account; it stops at once.

    Example: faregate service-accounts revoke-token deploy ci --team sales
    """
    with opened_desk() as desk:
        desk.service_accounts.revoke_token(team, name, token)
    if as_json:
        print_json({"revoked": token})
    else:
        typer.echo(f"Revoked the token {token} of {name}.")
