"""What runs: the machine of this installation, as all are told of it."""

from typing import Any

import msgspec

import faregate
from faregate.control.running import Running
from faregate.core.errors import StorageError
from faregate.storage.home import Home
from faregate.storage.node import name_node


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A machine that serves; `state` is ready, not_ready or stopped."""

    name: str
    state: str
    reasons: list[str]
    version: str
    revision: int
    url: str | None
    started_at: str | None
    uptime_s: float | None
    processes: list[dict[str, Any]]


def read_node(home: Home, running: Running, revision: int) -> Node:
    """This machine, with the number of the revision in force."""
    status: dict[str, Any] = {}
    reasons: list[str] = []
    facts = running.facts()
    if facts is None:
        state = "stopped"
    else:
        try:
            status = running.ask("GET", "/status")
            state = "ready" if status.get("ready") else "not_ready"
            reasons = list(status.get("reasons", ()))
        except StorageError as error:
            state, reasons = "not_ready", [error.message]
    return Node(
        name=name_node(home),
        state=state,
        reasons=reasons,
        version=status.get("version", faregate.__version__),
        revision=revision,
        url=(facts or {}).get("url"),
        started_at=status.get("started_at"),
        uptime_s=status.get("uptime_s"),
        processes=list(status.get("processes", ())),
    )
