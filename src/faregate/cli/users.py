"""faregate users: people who manage the installation."""

from typing import Annotated

import typer

from faregate.cli.directory_desk import opened_desk
from faregate.cli.directory_facts import Facts
from faregate.cli.directory_session import first_login, opened_directory
from faregate.cli.output import JsonOption, print_json, print_table
from faregate.core.errors import FaregateError
from faregate.storage.first_owner import FIRST_EMAIL, recover_owner

app = typer.Typer(name="users", help="Invite, list, lock and remove users.", no_args_is_help=True)

UserArgument = Annotated[str, typer.Argument(help="An e-mail address, or an id.")]


@app.command("list")
def list_command(
    team: Annotated[str | None, typer.Option(help="Those in this team.")] = None,
    role: Annotated[str | None, typer.Option(help="Those with this role.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the users, their roles and their last login.

    Example: faregate users list --team sales
    """
    with opened_desk() as desk:
        users = desk.users.all(role, team)
    if as_json:
        print_json(users)
        return
    if not users:
        typer.echo("There are no such users; 'faregate users invite EMAIL' invites one.")
        return
    print_table(
        ("EMAIL", "NAME", "STATE", "ROLES", "TEAMS", "LAST LOGIN"),
        [
            (
                user["email"],
                user["name"],
                user["state"],
                ", ".join(user["roles"]),
                ", ".join(f"{name}: {'+'.join(roles)}" for name, roles in user["teams"].items()),
                user["login_at"] or "never",
            )
            for user in users
        ],
    )


@app.command("create-owner")
def create_owner(
    email: Annotated[str, typer.Argument(help="The owner's e-mail address.")] = FIRST_EMAIL,
    as_json: JsonOption = False,
) -> None:
    """Make an owner who can log in, whatever was before; for when nobody can.

    A user of this address becomes an owner, and gets a new password for one login. This works
    only on the machine of the installation.

    Example: faregate users create-owner ann@example.com
    """
    with opened_directory("faregate users create-owner") as here:
        owner = recover_owner(here.directory, here.by.actor, email)
    if as_json:
        print_json({"email": owner.email, "one_time_password": owner.password})
    else:
        typer.echo(first_login(owner))


@app.command()
def invite(
    email: Annotated[str, typer.Argument(help="Whom to invite.")],
    role: Annotated[str, typer.Option(help="The role that is given by it.")],
    team: Annotated[
        str | None, typer.Option(help="The team; without it, the organisation.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Invite somebody by a link, which is for you to pass on.

    It can be accepted once, within a week. Standard output has the link alone.

    Example: faregate users invite ann@example.com --team sales --role team-developer
    """
    with opened_desk() as desk:
        made = desk.users.invite(email, role, team)
    if as_json:
        print_json(made)
        return
    typer.echo(made["url"])
    typer.echo(
        f"This link invites {made['email']}; it is shown only now, and ends at "
        f"{made['expires_at']}.",
        err=True,
    )


@app.command("reset-password")
def reset_password(
    user: UserArgument,
    link: Annotated[
        bool, typer.Option("--link", help="Make a link to choose one, instead of a password.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Give a user a password for one login; all sessions end.

    With --link, a link by which a new one is chosen within an hour, once. The password is given
    only on the machine of the installation; the link elsewhere too.

    Example: faregate users reset-password ann@example.com
    """
    with opened_desk() as desk:
        facts = desk.users.reset_by_link(user) if link else desk.users.reset(user)
    if as_json:
        print_json(facts)
        return
    email = facts["email"]
    if link:
        typer.echo(facts["url"])
        told = f"By this link {email} chooses a password, until {facts['expires_at']}."
    else:
        typer.echo(facts["one_time_password"])
        told = f"This is {email}'s password for one login, at which it must be changed."
    typer.echo(told, err=True)


@app.command()
def lock(user: UserArgument, as_json: JsonOption = False) -> None:
    """Lock a user out; sessions end and tokens stop at once.

    Example: faregate users lock ann@example.com
    """
    with opened_desk() as desk:
        found = desk.users.lock(user)
    _tell(found, f"Locked {found['email']}.", as_json)


@app.command()
def unlock(user: UserArgument, as_json: JsonOption = False) -> None:
    """Let a user in again, also one who is slowed by wrong tries.

    Example: faregate users unlock ann@example.com
    """
    with opened_desk() as desk:
        found = desk.users.unlock(user)
    _tell(found, f"{found['email']} may log in.", as_json)


@app.command()
def remove(user: UserArgument, as_json: JsonOption = False) -> None:
    """Remove a user with sessions, tokens and roles.

    Example: faregate users remove ann@example.com
    """
    with opened_desk() as desk:
        email = desk.users.remove(user)
    if as_json:
        print_json({"removed": email})
    else:
        typer.echo(f"Removed {email}.")


@app.command()
def roles(
    user: UserArgument,
    add: Annotated[list[str] | None, typer.Option(help="A role to give; again for more.")] = None,
    take: Annotated[
        list[str] | None, typer.Option(help="A role to take away; again for more.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a user's roles in the organisation, and change them.

    Example: faregate users roles ann@example.com --add finance --take auditor
    """
    with opened_desk() as desk:
        found = desk.users.change_roles(user, lambda one: _changed(one, add or [], take or []))
    _tell(found, f"{found['email']}: {', '.join(found['roles']) or 'no roles'}", as_json)


def _changed(user: Facts, add: list[str], take: list[str]) -> list[str]:
    for name in take:
        if name not in user["roles"]:
            raise FaregateError(
                f"{user['email']} doesn't have the role {name!r}",
                fix=f"'faregate users roles {user['email']}' shows the roles",
            )
    return sorted({*user["roles"], *add} - {*take})


def _tell(user: Facts, text: str, as_json: bool) -> None:
    if as_json:
        print_json(user)
    else:
        typer.echo(text)
