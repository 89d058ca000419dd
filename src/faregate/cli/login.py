"""faregate login, logout, whoami, profiles: installations elsewhere."""

import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
import typer

from faregate.cli.output import JsonOption, print_json, print_table
from faregate.cli.remote_profiles import (
    LOCAL,
    TOKEN_VARIABLE,
    Credentials,
    Profile,
    Target,
    chosen,
    find_profile,
    read_credentials,
    write_credentials,
)
from faregate.cli.session import actor, checked_name
from faregate.core.errors import FaregateError, UnidentifiedError
from faregate.storage.home import HOME_VARIABLE, Home

if TYPE_CHECKING:
    from faregate.cli.remote_connection import Connection

_INTERVAL_S_MAX: Final = 60
pause: Callable[[float], None] = time.sleep

profiles_app = typer.Typer(
    name="profiles",
    help="Show and choose the installations that commands are for.",
    no_args_is_help=True,
)

_Profile = Annotated[
    str | None,
    typer.Option("--profile", help="Its name from now on; without it, the address's host."),
]


def login(
    url: Annotated[
        str, typer.Argument(help="The management address, such as https://faregate.example.com.")
    ],
    token: Annotated[
        str | None,
        typer.Option(help="A token that you have; other users of this machine may see it here."),
    ] = None,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read a token that you have from stdin.")
    ] = False,
    profile: _Profile = None,
    ca: Annotated[
        Path | None, typer.Option(help="Certificates to trust beside the system's, in PEM.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow an address of another machine without TLS.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Log in to an installation; commands are for it from then on.

    Without a token it shows a code, and an address where somebody who is logged in types it. What
    it gets is kept in ~/.config/faregate/credentials.json, for you alone.

    Example: faregate login https://faregate.example.com
    """
    from faregate.client.exchange import checked_url

    url = checked_url(url, insecure=insecure)
    credentials = read_credentials()
    name = _profile_name(profile, url, credentials)
    given = _given_token(token, from_stdin=token_stdin)
    made = Profile(
        url, given or "", ca=None if ca is None else str(ca.absolute()), insecure=insecure
    )
    if given is None:
        made = _by_device(name, made)
    who = _asked(Target(name, made))
    made = msgspec.structs.replace(made, user=who.name)
    credentials.profiles[name] = made
    credentials.current = name
    write_credentials(credentials)
    if as_json:
        print_json({"profile": name, "url": url, "user": who.name, "kind": who.kind})
        return
    typer.echo(f"Logged in to {url} as {who.name}; commands are for it now.")
    if os.environ.get(HOME_VARIABLE):
        typer.echo(
            f"note: {HOME_VARIABLE} is set, and goes before it; use --profile {name}", err=True
        )


def logout(
    profile: Annotated[
        str | None, typer.Option("--profile", help="Which; without it, the one in use.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Forget a login; a token that it made is taken back.

    Example: faregate logout
    """
    credentials = read_credentials()
    names = sorted(credentials.profiles) if every else [profile or credentials.current or ""]
    if not any(names):
        if as_json:
            print_json([])
        else:
            typer.echo("You are logged in nowhere.")
        return
    told = []
    for name in names:
        revoked = _take_back(Target(name, find_profile(credentials, name)))
        del credentials.profiles[name]
        told.append({"profile": name, "token_revoked": revoked})
    if credentials.current not in credentials.profiles:
        credentials.current = None
    write_credentials(credentials)
    if as_json:
        print_json(told)
        return
    for one in told:
        kept = "" if one["token_revoked"] else "; its token was not taken back"
        typer.echo(f"Logged out of {one['profile']}{kept}.")


def whoami(as_json: JsonOption = False) -> None:
    """Show which installation commands are for, and what you may do there.

    Example: faregate whoami
    """
    target = chosen()
    if target is None:
        home = Home.from_environment()
        if as_json:
            print_json({"profile": LOCAL, "home": str(home.root), "name": actor()})
            return
        state = "" if home.exists else ", where there is no installation yet"
        typer.echo(f"{actor()}, on this machine: {home.root}{state}. You may do everything.")
        return
    who = _asked(target)
    if as_json:
        facts = msgspec.to_builtins(who) | {"profile": target.name, "url": target.profile.url}
        facts.pop("csrf_token", None)
        print_json(facts)
        return
    named = "" if target.name is None else f" (profile {target.name})"
    typer.echo(f"{who.name} at {target.profile.url}{named}")
    if who.permissions:
        typer.echo(f"  in the organisation: {', '.join(who.permissions)}")
    for team in who.teams:
        typer.echo(f"  in {team.team}: {', '.join(team.permissions)}")
    if not who.permissions and not who.teams and who.scopes is None:
        typer.echo("  No roles yet: an owner, or the owner of a team, gives them.")
    if who.scopes is not None:
        typer.echo("  The token is narrowed to a part of what you may do.")


@profiles_app.command("list")
def list_profiles(as_json: JsonOption = False) -> None:
    """List the installations that you are logged in to.

    Example: faregate profiles list
    """
    credentials = read_credentials()
    rows: list[dict[str, Any]] = [
        {
            "profile": name,
            "url": one.url,
            "user": one.user,
            "current": name == credentials.current,
            "expires_at": one.expires_at,
        }
        for name, one in sorted(credentials.profiles.items())
    ]
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo("You are logged in nowhere; 'faregate login URL' logs in.")
        return
    print_table(
        ("PROFILE", "ADDRESS", "USER", "IN USE", "TOKEN EXPIRES"),
        [
            (
                one["profile"],
                one["url"],
                one["user"],
                "yes" if one["current"] else "",
                one["expires_at"] or "",
            )
            for one in rows
        ],
    )


@profiles_app.command("use")
def use_profile(
    name: Annotated[str, typer.Argument(help=f"Its name; '{LOCAL}' is this machine.")],
    as_json: JsonOption = False,
) -> None:
    """Choose the installation that commands are for.

    Example: faregate profiles use local
    """
    credentials = read_credentials()
    if name != LOCAL:
        find_profile(credentials, name)
    credentials.current = None if name == LOCAL else name
    write_credentials(credentials)
    if as_json:
        print_json({"profile": name})
        return
    where = "this machine" if name == LOCAL else credentials.profiles[name].url
    typer.echo(f"Commands are for {where} now.")


def _profile_name(given: str | None, url: str, credentials: Credentials) -> str:
    """The name of the profile; the one that has this address keeps its name."""
    if given == LOCAL:
        raise FaregateError(f"{LOCAL!r} is the profile of this machine", fix="take another name")
    if given is not None:
        return checked_name(given)
    for name, one in credentials.profiles.items():
        if one.url == url:
            return name
    parts = urlsplit(url)
    name = (parts.hostname or "").replace(":", ".").strip(".")
    name = f"{name}-{parts.port}" if parts.port is not None else name
    return checked_name(name)


def _given_token(token: str | None, *, from_stdin: bool) -> str | None:
    if token is not None and from_stdin:
        raise FaregateError(
            "the token is given twice", fix="give --token or --token-stdin, not both"
        )
    found = sys.stdin.readline() if from_stdin else token
    if found is None:
        found = os.environ.get(TOKEN_VARIABLE) or None
    if found is None:
        return None
    found = found.strip()
    if not found or not found.isascii() or not found.isprintable():
        raise FaregateError("the token is empty, or none", fix="give it whole: fgp_...")
    return found


def _asked(target: Target) -> Any:
    """What the installation says of who asks."""
    from faregate.cli.remote_connection import connected
    from faregate.client.operations import get_session

    with connected(target) as connection:
        return connection.send(get_session())


def _by_device(name: str, profile: Profile) -> Profile:
    """Show a code, and wait until somebody has approved it."""
    from faregate.cli.remote_connection import connected
    from faregate.client.operations import DeviceStart, start_device_login

    client = f"faregate of {actor()} on {socket.gethostname()}"[:100]
    with connected(Target(name, profile)) as connection:
        started = connection.send(start_device_login(DeviceStart(client=client)))
        print(
            f"To log in, open  {started.verification_url}\n"
            f"and type         {started.user_code}\n"
            f"or, where you are logged in already: faregate approve {started.user_code}\n"
            "Waiting ...",
            file=sys.stderr,
            flush=True,
        )
        made = _await_token(connection, started, pause)
    return msgspec.structs.replace(
        profile, token=made.token, token_id=made.token_id, expires_at=made.expires_at
    )


def _await_token(connection: "Connection", started: Any, sleep: Callable[[float], None]) -> Any:
    """Ask until it is decided. Raises `FaregateError` for what was refused, or is over."""
    from faregate.client.operations import DevicePoll, poll_device_login
    from faregate.client.problems import ProblemError

    interval_s = float(started.interval_s)
    ends = time.monotonic() + started.expires_in_s
    while time.monotonic() < ends:
        sleep(interval_s)
        try:
            return connection.send(poll_device_login(DevicePoll(device_code=started.device_code)))
        except FaregateError as error:
            problem = error.__cause__
            code = problem.code if isinstance(problem, ProblemError) else ""
            if code == "access_denied":
                raise UnidentifiedError(
                    "the login was refused", fix="ask whoever refused it, or log in by a token"
                ) from error
            if code not in ("authorization_pending", "slow_down"):
                raise
            told_s = problem.problem.retry_after_s if isinstance(problem, ProblemError) else None
            interval_s = min(float(told_s or interval_s), _INTERVAL_S_MAX)
    raise UnidentifiedError(
        "nobody approved the login in time", fix="run 'faregate login' again for a new code"
    )


def _take_back(target: Target) -> bool:
    """Revoke the token that the login made; whether that was done."""
    from faregate.cli.remote_connection import connected
    from faregate.client.operations import revoke_own_token

    if target.profile.token_id is None:
        return False
    try:
        with connected(target) as connection:
            connection.send(revoke_own_token(target.profile.token_id))
    except FaregateError:
        return False  # it expires by itself, or is gone already
    return True


def approve(
    code: Annotated[str, typer.Argument(help="The code that the other command shows.")],
    deny: Annotated[bool, typer.Option("--deny", help="Refuse it.")] = False,
    days: Annotated[int, typer.Option(min=1, max=365, help="How long its token holds.")] = 90,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="A permission that it gets, again for more; without it, all."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Don't ask whether it is meant.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Let a command on another machine log in as you.

    Look at who asks: whoever it is gets a token of yours.

    Example: faregate approve BCDF-GHJK
    """
    from faregate.cli.remote_connection import connected
    from faregate.client import operations as api

    target = chosen()
    if target is None:
        raise FaregateError(
            "a login is approved by somebody who is logged in",
            fix="run 'faregate login URL' first, or approve it in a browser",
        )
    with connected(target) as connection:
        asked = connection.send(api.get_device_login(code))
        if not (yes or as_json or deny):
            typer.echo(f"{asked.client}, from {asked.address}, at {asked.created_at}", err=True)
            typer.confirm("Let it in as you?", abort=True, err=True)
        if deny:
            connection.send(api.deny_device_login(code))
        else:
            body = api.DeviceApproval(scopes=scope, valid_days=days)
            connection.send(api.approve_device_login(code, body))
    if as_json:
        print_json({"client": asked.client, "approved": not deny})
    else:
        typer.echo(f"{asked.client} {'was refused' if deny else 'is let in'}.")
