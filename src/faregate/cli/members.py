"""faregate members: who belongs to a team, in which roles."""

from typing import Annotated

import typer

from faregate.cli.directory_desk import opened_desk
from faregate.cli.output import JsonOption, print_json, print_table

app = typer.Typer(
    name="members", help="Add, list and remove members of teams.", no_args_is_help=True
)

TeamArgument = Annotated[str, typer.Argument(help="The team's name.")]
UserArgument = Annotated[str, typer.Argument(help="A user's e-mail address, or id.")]


@app.command("list")
def list_command(team: TeamArgument, as_json: JsonOption = False) -> None:
    """List the members of a team, and their roles in it.

    Example: faregate members list sales
    """
    with opened_desk() as desk:
        found = desk.members.all(team)
    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo(
            f"{team} has no members; 'faregate members add {team} EMAIL --role ROLE' adds one."
        )
        return
    print_table(
        ("EMAIL", "NAME", "STATE", "ROLES"),
        [(one["email"], one["name"], one["state"], ", ".join(one["roles"])) for one in found],
    )


@app.command()
def add(
    team: TeamArgument,
    user: UserArgument,
    role: Annotated[list[str], typer.Option("--role", help="A role in the team; again for more.")],
    as_json: JsonOption = False,
) -> None:
    """Add a user to a team, or give a member these roles and no others.

    Example: faregate members add sales ann@example.com --role team-developer
    """
    with opened_desk() as desk:
        member = desk.members.set(team, user, role)
    if as_json:
        print_json(member)
    else:
        typer.echo(f"{member['email']} in {team}: {', '.join(member['roles'])}")


@app.command()
def remove(team: TeamArgument, user: UserArgument, as_json: JsonOption = False) -> None:
    """Take a user out of a team.

    Example: faregate members remove sales ann@example.com
    """
    with opened_desk() as desk:
        email = desk.members.remove(team, user)
    if as_json:
        print_json({"team": team, "removed": email})
    else:
        typer.echo(f"{email} is no member of {team} any more.")
