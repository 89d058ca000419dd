"""faregate calls: what was called, by whom, and how it went."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec
import typer

from faregate.calllog.account import call_account, call_line, header_line
from faregate.calllog.facts import call_facts
from faregate.calllog.frames import CallRecord
from faregate.calllog.query import CallFilter, parse_status
from faregate.cli.output import JsonOption, print_json
from faregate.cli.remote_profiles import chosen as chosen_target
from faregate.core.errors import FaregateError

FOLLOW_INTERVAL_S: Final = 0.25
INTERRUPTED: Final = 130  # as a shell reports a program that Ctrl-C ended

app = typer.Typer(
    name="calls",
    help="Read what was called, by whom, and how it went; works whether or not the server runs.",
    no_args_is_help=True,
)


@app.command()
def tail(
    count: Annotated[int, typer.Option("-n", "--count", min=0, help="How many calls.")] = 20,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on with each call that ends, until Ctrl-C.")
    ] = False,
    key: Annotated[str | None, typer.Option(help="Only of this key: its name or id.")] = None,
    model: Annotated[
        str | None, typer.Option(help="Only for this model, as asked for or as served.")
    ] = None,
    application: Annotated[
        str | None, typer.Option(help="Only of keys of this application.")
    ] = None,
    customer: Annotated[
        str | None, typer.Option(help="Only for this customer, as callers name it.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="Only of this run of an agent.")] = None,
    refused: Annotated[bool, typer.Option("--refused", help="Only refused calls.")] = False,
    status: Annotated[
        str | None, typer.Option(help="Only with this status: 429, or a class, 5xx.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for a program, a line a call.")
    ] = False,
) -> None:
    """Show the newest calls, the newest last.

    Example: faregate calls tail -n 50 --refused --follow
    """
    low, high = parse_status(status) if status is not None else (None, None)
    chosen = CallFilter(
        key=key,
        model=model,
        application=application,
        customer=customer,
        run=run,
        refused=refused,
        status_low=low,
        status_high=high,
        closed=follow,
    )
    with _interruptible():
        for record in _newest(count, chosen, follow=follow, header=not as_json):
            print(_json_line(record) if as_json else call_line(record), flush=True)


@app.command()
def show(
    call_id: Annotated[str, typer.Argument(help="The id, as in the header Faregate-Call-Id.")],
    as_json: JsonOption = False,
) -> None:
    """Tell everything that is known of one call.

    Example: faregate calls show call_6553f1000f1e2d3c4b00000001
    """
    with _interruptible(), _opened_log() as log:
        record = log.find(call_id)
        if record is None:
            raise FaregateError(
                f"there is no call {call_id!r}", fix=_way_out(log.find_near(call_id))
            )
        if as_json:
            print_json(call_facts(record))
        else:
            print(call_account(record))


@contextlib.contextmanager
def _opened_log() -> Iterator[Any]:
    """The call log of the installation that the command is for."""
    target = chosen_target()
    if target is not None:
        from faregate.cli.remote_calls import remote_call_log

        with remote_call_log(target) as there:
            yield there
        return
    # Imported here: the database library would slow down every other command.
    from faregate.storage.call_log import CallLog
    from faregate.storage.home import Home

    home = Home.from_environment()
    home.require()
    with contextlib.closing(CallLog(home.journal, home.calls_database)) as log:
        yield log


def _newest(count: int, chosen: CallFilter, *, follow: bool, header: bool) -> Iterator[CallRecord]:
    with _opened_log() as log:
        # The follower stands before the list is read, so that nothing falls in between.
        follower = log.follow(chosen) if follow else None
        records = log.recent(count, chosen)
        if header and records and sys.stdout.isatty():
            print(header_line())
        elif header and not records and follower is None:
            print("no call matches" if chosen != CallFilter() else "no calls yet", file=sys.stderr)
        yield from records
        if follower is None:
            return
        shown = {record.call_id for record in records}
        with contextlib.closing(follower):
            while True:
                news = follower.poll()
                yield from (record for record in news if record.call_id not in shown)
                time.sleep(FOLLOW_INTERVAL_S)


def _json_line(record: CallRecord) -> str:
    return msgspec.json.encode(call_facts(record)).decode()


def _way_out(near: str | None) -> str:
    if near is not None:
        return f"the nearest id is {near}"
    return (
        "list calls with 'faregate calls tail'; calls are kept as the settings "
        "calls.keep_days and calls.keep_calls say"
    )


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C is how a person ends the following of calls: no word about it."""
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
