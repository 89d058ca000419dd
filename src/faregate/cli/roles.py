"""faregate roles: what people and programs may do."""

from typing import Annotated

import typer

from faregate.cli.directory_desk import opened_desk
from faregate.cli.directory_facts import known_permissions
from faregate.cli.output import JsonOption, print_json, print_table
from faregate.cli.remote_profiles import chosen

app = typer.Typer(name="roles", help="List, add and remove roles.", no_args_is_help=True)


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """List the roles, built-in and custom.

    Example: faregate roles list
    """
    with opened_desk() as desk:
        found = desk.roles.all()
    if as_json:
        print_json(found)
        return
    print_table(
        ("ROLE", "GIVEN IN", "KIND", "PERMISSIONS", "SUMMARY"),
        [
            (
                role["name"],
                "a team" if role["of_team"] else "the organisation",
                "built-in" if role["built_in"] else "custom",
                str(len(role["permissions"])),
                role["summary"],
            )
            for role in found
        ],
    )


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The role's name.")], as_json: JsonOption = False
) -> None:
    """Show the permissions of a role.

    Example: faregate roles show finance
    """
    with opened_desk() as desk:
        role = desk.roles.get(name)
        allows = {} if as_json else {p["name"]: p["summary"] for p in desk.roles.permissions()}
    if as_json:
        print_json(role)
        return
    print_table(
        ("PERMISSION", "ALLOWS"),
        [(one, allows.get(one, "")) for one in sorted(role["permissions"])],
    )


@app.command()
def permissions(as_json: JsonOption = False) -> None:
    """List all permissions that roles are made of.

    Example: faregate roles permissions
    """
    if chosen() is None:
        found = known_permissions()  # no installation is needed for them
    else:
        with opened_desk() as desk:
            found = desk.roles.permissions()
    if as_json:
        print_json(found)
        return
    print_table(
        ("PERMISSION", "IN A TEAM", "ALLOWS"),
        [(one["name"], "yes" if one["of_team"] else "no", one["summary"]) for one in found],
    )


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The role's name, in small letters.")],
    permission: Annotated[
        list[str], typer.Option("--permission", help="What it allows; again for more.")
    ],
    summary: Annotated[str, typer.Option(help="What it is for.")] = "",
    of_team: Annotated[
        bool, typer.Option("--of-team", help="It is given in teams, not in the organisation.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add a custom role of named permissions.

    Example: faregate roles add support --permission calls.read --permission keys.read
    """
    with opened_desk() as desk:
        made = desk.roles.add(name, permission, summary, of_team=of_team)
    if as_json:
        print_json(made)
    else:
        typer.echo(f"Added the role {name}.")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The role's name.")], as_json: JsonOption = False
) -> None:
    """Remove a custom role that nobody has.

    Example: faregate roles remove support
    """
    with opened_desk() as desk:
        desk.roles.remove(name)
    if as_json:
        print_json({"removed": name})
    else:
        typer.echo(f"Removed the role {name}.")
