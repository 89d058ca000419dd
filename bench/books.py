"""What Faregate's ledger says of the calls that were measured: each was charged, once."""

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from unavailable import Unavailable

_SETTLED_SECONDS_MAX = 60.0
_QUIET_SECONDS = 0.6


@dataclass(frozen=True)
class Books:
    """A wallet at one moment: calls that it was charged for, dollars charged, balance."""

    calls: int
    charged: Decimal
    balance: Decimal


@dataclass
class Served:
    """What the load knows of a candidate's calls."""

    # Answered with what was asked for.
    calls: int = 0
    # At most so many more were under way when the load ended; they may have been charged.
    cut_max: int = 0


def read(command: Callable[..., Any], wallet: str) -> Books:
    """Read the books through `faregate`'s commands, given by `command`."""
    shown = command("wallets", "show", wallet, "--json")
    lines = command("wallets", "statement", wallet, "--by", "key", "--json")["lines"]
    return Books(
        calls=sum(line["calls"] for line in lines),
        charged=-sum((Decimal(line["charged"]) for line in lines), Decimal(0)),
        balance=Decimal(shown["balance"]),
    )


def agreed(name: str, before: Books, after: Books, served: Served) -> str:
    """That all agrees, as a sentence; raises `Unavailable` where it doesn't."""
    calls, charged = after.calls - before.calls, after.charged - before.charged
    spent = before.balance - after.balance
    if not served.calls <= calls <= served.calls + served.cut_max:
        raise Unavailable(
            f"{name}: {served.calls:,} calls were answered, but {calls:,} charged (at most "
            f"{served.cut_max:,} were cut): its rows are not counted"
        )
    if spent != charged:
        raise Unavailable(
            f"{name}: {charged} dollars were charged, but the wallet went down by {spent}: "
            "its rows are not counted"
        )
    return (
        f"{name}: {served.calls:,} calls were answered and {calls:,} charged (the others were cut "
        f"at the end of a round); the wallet went down by {spent.normalize():f} dollars, which is "
        "the sum of the charges."
    )


def wait_for_clerk(operations_port: int) -> None:
    """Wait until all that was called is posted; raises `Unavailable` where that takes too long."""
    deadline = time.monotonic() + _SETTLED_SECONDS_MAX
    calls, changed_at = -1.0, time.monotonic()
    while time.monotonic() < deadline:
        found = _metrics(operations_port)
        # Right after the start the clerk's counts are not there yet.
        posted = found.get("faregate_clerk_calls_total", 0.0)
        if posted != calls or found.get("faregate_journal_backlog_bytes", 1.0):
            calls, changed_at = posted, time.monotonic()
        elif time.monotonic() - changed_at > _QUIET_SECONDS:
            return
        time.sleep(0.1)
    raise Unavailable(f"the clerk is more than {_SETTLED_SECONDS_MAX:.0f} s behind the calls")


def _metrics(operations_port: int) -> dict[str, float]:
    """The metrics that have no labels."""
    connection = http.client.HTTPConnection("127.0.0.1", operations_port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    lines = (line.split(" ")[:2] for line in text.splitlines() if line and line[0] != "#")
    return {name: float(value) for name, value in lines if "{" not in name}


def as_json(text: str) -> Any:
    """What a command printed with --json."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise Unavailable(f"not JSON: {text[:200]}") from error
