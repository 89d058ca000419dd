"""faregate users: people who manage the installation."""

from typing import Annotated, Any

import typer

from faregate.cli.directory_session import DirectoryHere, first_login, opened_directory
from faregate.cli.output import JsonOption, moment, print_json, print_table
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
    with opened_directory() as here:
        users = here.directory.users.list(role=role, team=team)
    if as_json:
        print_json([_facts(user) for user in users])
        return
    if not users:
        typer.echo("There are no such users; 'faregate users invite EMAIL' invites one.")
        return
    print_table(
        ("EMAIL", "NAME", "STATE", "ROLES", "TEAMS", "LAST LOGIN"),
        [
            (
                user.email,
                user.name,
                user.state,
                ", ".join(user.roles),
                ", ".join(f"{name}: {'+'.join(roles)}" for name, roles in user.teams.items()),
                moment(user.login_ns) or "never",
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

    A user of this address becomes an owner, and gets a new password for one login.

    Example: faregate users create-owner ann@example.com
    """
    with opened_directory() as here:
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
    with opened_directory() as here:
        made = here.directory.invitations.create(here.by, email, role, team)
        url = here.link("accept-invitation", made.secret)
    record = made.record
    if as_json:
        print_json(
            {
                "invitation_id": record.invitation_id,
                "email": record.email,
                "role": record.role,
                "team": record.team,
                "token": made.secret,
                "url": url,
                "expires_at": moment(record.expires_ns),
            }
        )
        return
    typer.echo(url)
    typer.echo(
        f"This link invites {record.email}; it is shown only now, and ends at "
        f"{moment(record.expires_ns)}.",
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

    With --link, a link by which a new one is chosen within an hour, once.

    Example: faregate users reset-password ann@example.com
    """
    with opened_directory() as here:
        facts, told = _reset_by_link(here, user) if link else _reset(here, user)
    if as_json:
        print_json(facts)
        return
    typer.echo(facts.get("url") or facts["one_time_password"])
    typer.echo(told, err=True)


def _reset_by_link(here: DirectoryHere, selector: str) -> tuple[dict[str, Any], str]:
    user, token, expires_ns = here.directory.passwords.reset_link(here.by, selector)
    facts = {
        "email": user.email,
        "token": token,
        "url": here.link("reset-password", token),
        "expires_at": moment(expires_ns),
    }
    return facts, f"By this link {user.email} chooses a password, until {moment(expires_ns)}."


def _reset(here: DirectoryHere, selector: str) -> tuple[dict[str, Any], str]:
    user, password = here.directory.passwords.one_time(here.by, selector)
    facts = {"email": user.email, "one_time_password": password}
    return facts, f"This is {user.email}'s password for one login, at which it must be changed."


@app.command()
def lock(user: UserArgument, as_json: JsonOption = False) -> None:
    """Lock a user out; sessions end and tokens stop at once.

    Example: faregate users lock ann@example.com
    """
    with opened_directory() as here:
        found = here.directory.users.set_state(here.by, user, "locked")
    _tell(found, f"Locked {found.email}.", as_json)


@app.command()
def unlock(user: UserArgument, as_json: JsonOption = False) -> None:
    """Let a user in again, also one who is slowed by wrong tries.

    Example: faregate users unlock ann@example.com
    """
    with opened_directory() as here:
        users = here.directory.users
        users.forgive(here.by, user)
        found = users.get(user)
        if found.state != "active":
            found = users.set_state(here.by, user, "active")
    _tell(found, f"{found.email} may log in.", as_json)


@app.command()
def remove(user: UserArgument, as_json: JsonOption = False) -> None:
    """Remove a user with sessions, tokens and roles.

    Example: faregate users remove ann@example.com
    """
    with opened_directory() as here:
        found = here.directory.users.get(user)
        here.directory.users.remove(here.by, found.user_id)
    if as_json:
        print_json({"removed": found.email})
    else:
        typer.echo(f"Removed {found.email}.")


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
    with opened_directory() as here:
        found = here.directory.users.get(user)
        for name in take or ():
            if name not in found.roles:
                raise FaregateError(
                    f"{found.email} doesn't have the role {name!r}",
                    fix=f"'faregate users roles {found.email}' shows the roles",
                )
        wanted = tuple(sorted({*found.roles, *(add or ())} - {*(take or ())}))
        if wanted != found.roles:
            found = here.directory.users.set_roles(here.by, found.user_id, wanted)
    _tell(found, f"{found.email}: {', '.join(found.roles) or 'no roles'}", as_json)


def _tell(user: Any, text: str, as_json: bool) -> None:
    if as_json:
        print_json(_facts(user))
    else:
        typer.echo(text)


def _facts(user: Any) -> dict[str, Any]:
    return {
        "user_id": user.user_id,
        "email": user.email,
        "name": user.name,
        "state": user.state,
        "roles": user.roles,
        "teams": user.teams,
        "must_change_password": user.must_change_password,
        "second_factor": user.second_factor,
        "created_at": moment(user.created_ns),
        "login_at": moment(user.login_ns),
    }
