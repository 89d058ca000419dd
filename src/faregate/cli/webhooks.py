"""faregate webhooks: events sent to an address, and what arrived."""

import time
from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from faregate.cli.output import JsonOption, print_json, print_table
from faregate.cli.webhook_desk import Desk, Facts, State, opened_desk
from faregate.core.errors import FaregateError
from faregate.identity.webhooks import EVENT_TYPES

PING_WAIT_S: Final = 20.0
PING_LOOK_S: Final = 0.2

app = typer.Typer(
    name="webhooks",
    help="Have events sent to an address, signed; see what arrived.",
    no_args_is_help=True,
)

_Name = Annotated[str, typer.Argument(help="The webhook's name.")]
_Number = Annotated[int, typer.Argument(min=1, help="The delivery's number.")]
_Team = Annotated[
    str | None, typer.Option(help="The team whose webhook it is; without it, the organisation's.")
]


@app.command("list")
def list_command(
    team: Annotated[str | None, typer.Option(help="Only of this team.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the webhooks and how they are.

    Example: faregate webhooks list
    """
    with opened_desk() as desk:
        found = desk.all(team)
    if as_json:
        print_json(found)
    elif not found:
        typer.echo("There are no webhooks; 'faregate webhooks create NAME URL' makes one.")
    else:
        rows = [
            (one["name"], one["team"] or "", _state(one), ", ".join(one["events"]), one["url"])
            for one in found
        ]
        print_table(("NAME", "TEAM", "STATE", "EVENTS", "URL"), rows)


@app.command()
def show(name: _Name, team: _Team = None, as_json: JsonOption = False) -> None:
    """Show one webhook; its secret is never shown again.

    Example: faregate webhooks show pager
    """
    with opened_desk() as desk:
        found = desk.show(team, name)
    _print(found, as_json)


@app.command()
def create(
    name: _Name,
    url: Annotated[str, typer.Argument(help="Where events are sent: https://host/path.")],
    event: Annotated[
        list[str] | None,
        typer.Option("--event", help="A type of events, again for more; wallet.* and * will do."),
    ] = None,
    team: _Team = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Send nothing yet.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a webhook. Its secret is shown now and never again.

    Standard output has the secret alone; a receiver checks signatures with it. Without --event
    all events are sent.

    Example: faregate webhooks create pager https://example.com/hook --event "wallet.*"
    """
    with opened_desk() as desk:
        made = desk.create(team, name, url, tuple(event or ("*",)), enabled=not disabled)
    _print_secret(made, as_json, f"Made the webhook {name}.")


@app.command()
def update(
    name: _Name,
    url: Annotated[str | None, typer.Option(help="Another address.")] = None,
    event: Annotated[
        list[str] | None, typer.Option("--event", help="These types of events, and no others.")
    ] = None,
    enable: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Whether anything is sent.")
    ] = None,
    team: _Team = None,
    as_json: JsonOption = False,
) -> None:
    """Change a webhook; once it is enabled, what waits for it is sent.

    Example: faregate webhooks update pager --enable
    """
    given = {"url": url, "events": tuple(event) if event else None, "enabled": enable}
    changes = {field: value for field, value in given.items() if value is not None}
    if not changes:
        raise FaregateError(
            "nothing is to be changed", fix="give --url, --event, --enable or --disable"
        )
    with opened_desk() as desk:
        changed = desk.update(team, name, changes)
    _print(changed, as_json)


@app.command()
def remove(name: _Name, team: _Team = None, as_json: JsonOption = False) -> None:
    """Remove a webhook, and what was and is to be delivered to it.

    Example: faregate webhooks remove pager
    """
    with opened_desk() as desk:
        desk.delete(team, name)
    if as_json:
        print_json({"name": name, "team": team, "removed": True})
    else:
        typer.echo(f"Removed the webhook {name}.")


@app.command()
def rotate(
    name: _Name,
    overlap_h: Annotated[
        float, typer.Option("--overlap-hours", min=0, max=168, help="The old one signs as well.")
    ] = 24.0,
    team: _Team = None,
    as_json: JsonOption = False,
) -> None:
    """Give a webhook a new secret, which is shown now and never again.

    Example: faregate webhooks rotate pager --overlap-hours 2
    """
    with opened_desk() as desk:
        changed = desk.rotate(team, name, round(overlap_h * 3_600))
    until = changed["old_secret_until"]
    told = f"The one before signs too until {until}." if until else "The one before is over."
    _print_secret(changed, as_json, told)


@app.command()
def ping(
    name: _Name,
    team: _Team = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait for the receiver's answer.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Send a try, once, also to a disabled webhook.

    The running service sends it.

    Ends with 1 where it didn't arrive.

    Example: faregate webhooks ping pager
    """
    with opened_desk() as desk:
        sent = desk.ping(team, name)
        found = _settled(desk, team, name, sent["number"]) if wait else sent
    if as_json:
        print_json(found)
    else:
        typer.echo(_told_try(found))
    if wait and found["state"] != "delivered":
        raise typer.Exit(1)


@app.command()
def deliveries(
    name: _Name,
    state: Annotated[State | None, typer.Option(help="Only those that stand so.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=10_000, help="How many.")] = 20,
    team: _Team = None,
    as_json: JsonOption = False,
) -> None:
    """List what was and is to be delivered, the newest first.

    Example: faregate webhooks deliveries pager --state failed
    """
    with opened_desk() as desk:
        found = desk.deliveries(team, name, state, count)
    if as_json:
        print_json(found)
    elif not found:
        typer.echo("There are no deliveries.")
    else:
        rows = [
            (
                str(one["number"]),
                one["created_at"],
                one["type"],
                one["state"],
                str(one["attempts"]),
                one["next_attempt_at"] or "",
            )
            for one in found
        ]
        print_table(("NUMBER", "SINCE", "TYPE", "STATE", "TRIES", "NEXT TRY"), rows)


@app.command()
def delivery(name: _Name, number: _Number, team: _Team = None, as_json: JsonOption = False) -> None:
    """Show one delivery: what is sent, and how each try went.

    Example: faregate webhooks delivery pager 120
    """
    with opened_desk() as desk:
        found = desk.delivery(team, name, number)
    if as_json:
        print_json(found)
        return
    tries = found.pop("tries")
    _print(found, as_json=False)
    for one in tries:
        answer = f"{one['status']} {one['reply'] or ''}" if one["status"] else one["error"]
        typer.echo(f"try {one['number']}  {one['at']}  {one['duration_ms']:.0f} ms  {answer}")


@app.command()
def redeliver(
    name: _Name, number: _Number, team: _Team = None, as_json: JsonOption = False
) -> None:
    """Send one again now, whatever became of it.

    Its message id stays the same.

    Example: faregate webhooks redeliver pager 120
    """
    with opened_desk() as desk:
        found = desk.redeliver(team, name, number)
    if as_json:
        print_json(found)
    else:
        typer.echo(f"Delivery {number} is on its way again.")


@app.command()
def events(as_json: JsonOption = False) -> None:
    """List the types of events that webhooks may be subscribed to.

    Example: faregate webhooks events
    """
    if as_json:
        print_json([{"type": name, "description": told} for name, told in EVENT_TYPES.items()])
    else:
        print_table(("TYPE", "WHEN"), list(EVENT_TYPES.items()))


def _settled(
    desk: Desk,
    team: str | None,
    name: str,
    number: int,
    now: Callable[[], float] = time.monotonic,
) -> Facts:
    """The delivery once it has ended, or as it stands after a while."""
    until = now() + PING_WAIT_S
    while True:
        found = desk.delivery(team, name, number)
        if found["state"] != "pending" or now() >= until:
            return found
        time.sleep(PING_LOOK_S)


def _told_try(found: Facts) -> str:
    tries = found.get("tries") or []
    if not tries:
        return "It is on its way; it is sent while 'faregate serve' runs."
    last = tries[-1]
    if found["state"] == "delivered":
        return f"It arrived: {last['status']} after {last['duration_ms']:.0f} ms."
    return f"It did not arrive: {last['status'] or last['error']}."


def _state(webhook: Facts) -> str:
    if not webhook["enabled"]:
        return "disabled"
    return "failing" if webhook["failing_since"] else "enabled"


def _print(facts: Facts, as_json: bool) -> None:
    if as_json:
        print_json(facts)
        return
    rows = [(name, _text(value)) for name, value in facts.items() if value is not None]
    print_table(("WHAT", "HOW"), rows)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _print_secret(facts: Facts, as_json: bool, told: str) -> None:
    if as_json:
        print_json(facts)
        return
    typer.echo(facts["secret"])
    typer.echo(f"{told} This is its secret; it is shown only now.", err=True)
