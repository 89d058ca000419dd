"""The management API: nodes. Written by `make docs`."""

from typing import Any

import msgspec

from faregate.client.requests import Page, Request, asked, place

__all__ = [
    "BalanceLeft",
    "Health",
    "Node",
    "ProviderStates",
    "get_health",
    "get_node",
    "list_nodes",
    "list_provider_states",
    "put_provider_balance",
    "reload_node",
    "reset_provider",
]


class BalanceLeft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Dollars that are left at a provider, as a decimal string."""

    amount: str


class Health(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The management process answers."""

    status: str
    version: str


class Node(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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


class ProviderStates(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the gate workers find their accounts; each learns by itself."""

    workers: list[dict[str, Any]]
    silent: int


def get_health() -> Request[Health]:
    """Whether the management API answers; needs no login."""
    return Request("GET", place("/v1/health"), Health)


def get_node(name: str) -> Request[Node]:
    """Show one machine and its processes."""
    return Request("GET", place("/v1/nodes/{name}", name=name), Node)


def list_nodes(
    *, limit: int | None = None, cursor: str | None = None, sort: str | None = None
) -> Request[Page[Node]]:
    """List the machines that serve with this configuration."""
    return Request(
        "GET", place("/v1/nodes"), Page[Node], query=asked(limit=limit, cursor=cursor, sort=sort)
    )


def list_provider_states(*, team: str | None = None) -> Request[ProviderStates]:
    """Show how the running gates find their accounts, keys and models."""
    return Request("GET", place("/v1/provider-states", team=team), ProviderStates)


def put_provider_balance(name: str, body: BalanceLeft, *, team: str | None = None) -> Request[None]:
    """Say what is left of prepaid credit at a provider that doesn't tell it."""
    return Request(
        "PUT", place("/v1/providers/{name}/balance", name=name, team=team), None, body=body
    )


def reload_node(name: str) -> Request[Node]:
    """Have a machine's gates read their certificates again."""
    return Request("POST", place("/v1/nodes/{name}/reload", name=name), Node)


def reset_provider(name: str, *, team: str | None = None, key: str | None = None) -> Request[None]:
    """Use a provider or one of its keys again at once, whatever was wrong."""
    return Request(
        "POST",
        place("/v1/providers/{name}/reset", name=name, team=team),
        None,
        query=asked(key=key),
    )
