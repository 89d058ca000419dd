"""faregate teams: who owns applications, and pays for them."""

from typing import Annotated

import msgspec
import typer

from faregate.cli.output import DryRunOption, JsonOption, print_json, print_preview, print_table
from faregate.cli.session import actor, checked_name, opened
from faregate.configuration.commerce import Team
from faregate.configuration.document import Document
from faregate.core.errors import FaregateError

app = typer.Typer(name="teams", help="Add, list and remove teams.", no_args_is_help=True)


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """List the teams, their wallets and their applications.

    Example: faregate teams list
    """
    with opened() as installation:
        document = installation.revisions.written()[1]
    if as_json:
        print_json(document.teams)
        return
    if not document.teams:
        typer.echo("There are no teams; 'faregate teams add NAME' adds one.")
        return
    print_table(
        ("TEAM", "WALLET", "APPLICATIONS"),
        [
            (
                team.name,
                team.wallet or "none",
                ", ".join(one.name for one in document.applications if one.team == team.name),
            )
            for team in document.teams
        ],
    )


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The team's name.")],
    wallet: Annotated[
        str | None, typer.Option(help="The wallet that pays for its applications.")
    ] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Add a team, which can own applications.

    Example: faregate teams add sales
    """
    team = Team(name=checked_name(name), wallet=wallet)

    def change(document: Document) -> Document:
        return msgspec.structs.replace(document, teams=(*document.teams, team))

    with opened() as installation:
        if dry_run:
            print_preview(*installation.revisions.preview_edit(change), as_json=as_json)
            return
        number = installation.revisions.edit(change, actor(), f"added the team {name}")
    if as_json:
        print_json({"revision": number, "team": team})
    else:
        typer.echo(f"Added {name}; revision {number} is in force.")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The team's name.")],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a team that owns nothing.

    Example: faregate teams remove sales
    """

    def change(document: Document) -> Document:
        kept = tuple(team for team in document.teams if team.name != name)
        if len(kept) == len(document.teams):
            raise FaregateError(
                f"there is no team {name!r}", fix="'faregate teams list' shows the teams"
            )
        return msgspec.structs.replace(document, teams=kept)

    with opened() as installation:
        if dry_run:
            print_preview(*installation.revisions.preview_edit(change), as_json=as_json)
            return
        number = installation.revisions.edit(change, actor(), f"removed the team {name}")
    if as_json:
        print_json({"revision": number, "removed": name})
    else:
        typer.echo(f"Removed {name}; revision {number} is in force.")
