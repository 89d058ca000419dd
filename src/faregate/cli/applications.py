"""faregate applications: what keys belong to."""

from typing import Annotated

import msgspec
import typer

from faregate.cli.output import JsonOption, print_json, print_table
from faregate.cli.session import actor, checked_name, opened
from faregate.configuration.commerce import Application
from faregate.configuration.document import Document
from faregate.core.errors import FaregateError

app = typer.Typer(
    name="applications", help="Add, list and remove applications.", no_args_is_help=True
)


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """List the applications, whose they are, and what pays for them.

    Example: faregate applications list
    """
    with opened() as installation:
        document = installation.revisions.written()[1]
    if as_json:
        print_json(document.applications)
        return
    if not document.applications:
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
            for one in document.applications
        ],
    )


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The application's name.")],
    team: Annotated[str | None, typer.Option(help="The team that owns it.")] = None,
    wallet: Annotated[
        str | None, typer.Option(help="The wallet that pays for it; without it, its team's.")
    ] = None,
    plan: Annotated[str | None, typer.Option(help="The plan that it is on.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Add an application; keys are made for it with 'faregate keys create'.

    Example: faregate applications add shop --team sales
    """
    application = Application(name=checked_name(name), team=team, wallet=wallet, plan=plan)

    def change(document: Document) -> Document:
        return msgspec.structs.replace(document, applications=(*document.applications, application))

    with opened() as installation:
        number = installation.revisions.edit(change, actor(), f"added the application {name}")
    if as_json:
        print_json({"revision": number, "application": application})
    else:
        typer.echo(f"Added {name}; revision {number} is in force.")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The application's name.")],
    as_json: JsonOption = False,
) -> None:
    """Remove an application; first its keys must be revoked.

    Example: faregate applications remove shop
    """

    def change(document: Document) -> Document:
        kept = tuple(one for one in document.applications if one.name != name)
        if len(kept) == len(document.applications):
            raise FaregateError(
                f"there is no application {name!r}",
                fix="'faregate applications list' shows the applications",
            )
        return msgspec.structs.replace(document, applications=kept)

    with opened() as installation:
        number = installation.revisions.edit(change, actor(), f"removed the application {name}")
    if as_json:
        print_json({"revision": number, "removed": name})
    else:
        typer.echo(f"Removed {name}; revision {number} is in force.")
