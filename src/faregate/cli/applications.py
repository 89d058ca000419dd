"""faregate applications: what keys belong to."""

from typing import Annotated

import msgspec
import typer

from faregate.cli.output import DryRunOption, JsonOption, print_json, print_preview, print_table
from faregate.cli.owned import TeamFilter, TeamOption, of_team, owned_name
from faregate.cli.session import actor, opened
from faregate.configuration.commerce import Application
from faregate.configuration.document import Document
from faregate.configuration.tenancy import find_owned
from faregate.core.errors import FaregateError

app = typer.Typer(
    name="applications", help="Add, list and remove applications.", no_args_is_help=True
)


@app.command("list")
def list_command(team: TeamFilter = None, as_json: JsonOption = False) -> None:
    """List the applications, whose they are, and what pays for them.

    Example: faregate applications list --team sales
    """
    with opened() as installation:
        document = installation.revisions.written()[1]
    applications = of_team(document.applications, team)
    if as_json:
        print_json(applications)
        return
    if not applications:
        typer.echo("There are no applications; 'faregate applications add NAME' adds one.")
        return
    payers = {team.name: team.wallet for team in document.teams}
    print_table(
        ("APPLICATION", "TEAM", "WALLET", "PLAN"),
        [
            (
                one.name,
                one.team or "",
                one.wallet or payers.get(one.team or "") or "none",
                one.plan or "",
            )
            for one in applications
        ],
    )


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The application's name, as shop or sales/shop.")],
    team: Annotated[str | None, typer.Option(help="The team that owns it.")] = None,
    wallet: Annotated[
        str | None, typer.Option(help="The wallet that pays for it; without it, its team's.")
    ] = None,
    plan: Annotated[str | None, typer.Option(help="The plan that it is on.")] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Add an application; keys are made for it with 'faregate keys create'.

    Example: faregate applications add sales/shop
    """
    name, team = owned_name(name, team)
    application = Application(name=name, team=team, wallet=wallet, plan=plan)

    def change(document: Document) -> Document:
        return msgspec.structs.replace(document, applications=(*document.applications, application))

    with opened() as installation:
        if dry_run:
            print_preview(*installation.revisions.preview_edit(change), as_json=as_json)
            return
        number = installation.revisions.edit(change, actor(), f"added the application {name}")
    if as_json:
        print_json({"revision": number, "application": application})
    else:
        typer.echo(f"Added {name}; revision {number} is in force.")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The application's name, as shop or sales/shop.")],
    team: TeamOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove an application; first its keys must be revoked.

    Example: faregate applications remove shop
    """

    def change(document: Document) -> Document:
        found = find_owned(document.applications, team, name) if team else None
        gone = found.name if found is not None else name
        kept = tuple(
            one
            for one in document.applications
            if one.name != gone or (team is not None and one.team != team)
        )
        if len(kept) == len(document.applications):
            raise FaregateError(
                f"there is no application {name!r}",
                fix="'faregate applications list' shows the applications",
            )
        return msgspec.structs.replace(document, applications=kept)

    with opened() as installation:
        if dry_run:
            print_preview(*installation.revisions.preview_edit(change), as_json=as_json)
            return
        number = installation.revisions.edit(change, actor(), f"removed the application {name}")
    if as_json:
        print_json({"revision": number, "removed": name})
    else:
        typer.echo(f"Removed {name}; revision {number} is in force.")
