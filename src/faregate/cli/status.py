"""faregate status: whether the service runs, and how it is."""

import http.client
import json
from datetime import timedelta
from typing import Annotated, Any, Final

import typer

import faregate
from faregate.storage.home import Home
from faregate.supervisor.lock import holder

NOT_RUNNING: Final = 3  # as an init script's status has it
TIMEOUT_S: Final = 5.0


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Show whether the service runs, its processes, addresses and revision.

    Exits with 0 when it runs and with 3 when it does not.

    Example: faregate status
    """
    facts = read_status(Home.from_environment())
    print(json.dumps(facts) if as_json else describe(facts))
    if not facts["running"]:
        raise typer.Exit(NOT_RUNNING)


def read_status(home: Home) -> dict[str, Any]:
    """What the service in this home says; `running` is always there."""
    found = holder(home.run)
    if found is None:
        return {"running": False, "home": str(home.root), "version": faregate.__version__}
    answer: dict[str, Any] = {"ready": False, "reasons": ["the service is starting"]}
    if "operations" in found:
        try:
            answer = _ask(found["operations"])
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = f"the operations port {found['operations']} does not answer ({error})"
            answer = {"ready": False, "reasons": [reason]}
    return {"running": True, "home": str(home.root), **found, **answer}


def _ask(address: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/status")
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    if not isinstance(answer, dict):
        raise TypeError("not an object")
    return answer


def describe(facts: dict[str, Any]) -> str:
    """The facts as lines for a person."""
    if not facts["running"]:
        return f"not running\n  home        {facts['home']}\n  start it    faregate serve"
    state = "ready" if facts["ready"] else "not ready: " + "; ".join(facts["reasons"])
    rows = [
        ("gateway", facts.get("url")),
        ("operations", facts.get("operations") and f"http://{facts['operations']}"),
        ("management", facts.get("management")),
        ("home", facts["home"]),
        ("version", facts.get("version")),
        ("process", facts["pid"]),
        ("up for", "uptime_s" in facts and timedelta(seconds=int(facts["uptime_s"]))),
        ("revision", facts.get("revision")),
        ("backlog", _backlog(facts.get("journal_backlog_bytes"))),
        ("ledger", _lag(facts.get("ledger_lag_s"))),
    ]
    lines = [f"running, {state}"]
    lines += [f"  {name:<11} {value}" for name, value in rows if value]
    lines += [process_line(process) for process in facts.get("processes", ())]
    return "\n".join(lines)


def _backlog(size: int | None) -> str | None:
    return None if size is None else f"{size} bytes of journal not read yet"


def _lag(lag_s: float | None) -> str | None:
    """Nothing to say while the ledger is reached."""
    return f"out of reach for {timedelta(seconds=int(lag_s))}; charges wait" if lag_s else None


def process_line(process: dict[str, Any]) -> str:
    """One process of the service."""
    name = f"gate {process['worker']}" if process["role"] == "gate" else process["role"]
    restarts = f", restarted {process['restarts']} times" if process["restarts"] else ""
    return f"  {name:<11} {process['state']} (process {process['pid']}{restarts})"
