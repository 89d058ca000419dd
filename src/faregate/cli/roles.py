"""faregate roles: what people and programs may do."""

from typing import Annotated, Any

import typer

from faregate.cli.directory_session import opened_directory
from faregate.cli.output import JsonOption, print_json, print_table
from faregate.identity.permissions import PERMISSIONS, TEAM_PERMISSIONS, Role

app = typer.Typer(name="roles", help="List, add and remove roles.", no_args_is_help=True)


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """List the roles, built-in and custom.

    Example: faregate roles list
    """
    with opened_directory() as here:
        found = [one.role for one in here.directory.roles.list()]
    if as_json:
        print_json([_facts(role) for role in found])
        return
    print_table(
        ("ROLE", "GIVEN IN", "KIND", "PERMISSIONS", "SUMMARY"),
        [
            (
                role.name,
                "a team" if role.of_team else "the organisation",
                "built-in" if role.built_in else "custom",
                str(len(role.permissions)),
                role.summary,
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
    with opened_directory() as here:
        role = here.directory.roles.get(name).role
    if as_json:
        print_json(_facts(role))
        return
    print_table(
        ("PERMISSION", "ALLOWS"),
        [(one, PERMISSIONS.get(one, "")) for one in sorted(role.permissions)],
    )


@app.command()
def permissions(as_json: JsonOption = False) -> None:
    """List all permissions that roles are made of.

    Example: faregate roles permissions
    """
    if as_json:
        print_json(
            [
                {"name": name, "summary": summary, "of_team": name in TEAM_PERMISSIONS}
                for name, summary in PERMISSIONS.items()
            ]
        )
        return
    print_table(
        ("PERMISSION", "IN A TEAM", "ALLOWS"),
        [
            (name, "yes" if name in TEAM_PERMISSIONS else "no", summary)
            for name, summary in PERMISSIONS.items()
        ],
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
    role = Role(name, summary, frozenset(permission), of_team)
    with opened_directory() as here:
        made = here.directory.roles.add(here.by, role).role
    if as_json:
        print_json(_facts(made))
    else:
        typer.echo(f"Added the role {name}.")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The role's name.")], as_json: JsonOption = False
) -> None:
    """Remove a custom role that nobody has.

    Example: faregate roles remove support
    """
    with opened_directory() as here:
        here.directory.roles.remove(here.by, name)
    if as_json:
        print_json({"removed": name})
    else:
        typer.echo(f"Removed the role {name}.")


def _facts(role: Role) -> dict[str, Any]:
    return {
        "name": role.name,
        "summary": role.summary,
        "permissions": sorted(role.permissions),
        "of_team": role.of_team,
        "built_in": role.built_in,
    }
