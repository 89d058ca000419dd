"""What runs, and how it finds its providers."""

from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from fastapi import Query

import faregate
from faregate.configuration.document import Document
from faregate.control.context import Context
from faregate.control.nodes import Node, read_node
from faregate.control.operations import Reply, Routes
from faregate.control.paging import Page, Paging
from faregate.control.problems import missing
from faregate.core.money import AMOUNT_NANO_MAX, NANO

routes = Routes("Nodes")


class Health(msgspec.Struct, frozen=True):
    """The management process answers."""

    status: str
    version: str


class ProviderStates(msgspec.Struct, frozen=True):
    """How the gate workers find their accounts; each learns by itself."""

    workers: list[dict[str, Any]]
    silent: int


class BalanceLeft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Dollars that are left at a provider, as a decimal string."""

    amount: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?\Z")]


@routes.get("/v1/health", None, reply=Health)
def get_health(context: Context) -> Health:
    """Whether the management API answers; needs no login."""
    return Health("alive", faregate.__version__)


@routes.get("/v1/nodes", "nodes.read", reply=Page[Node])
def list_nodes(context: Context, paging: Paging) -> Page[Node]:
    """List the machines that serve with this configuration."""
    return paging.page([_node(context)], sortable=("name", "state"), default="name")


@routes.get("/v1/nodes/{name}", "nodes.read", reply=Node)
def get_node(context: Context, name: str) -> Node:
    """Show one machine and its processes."""
    return _named(context, name)


@routes.post("/v1/nodes/{name}/reload", "nodes.write", reply=Node)
def reload_node(context: Context, name: str) -> Node:
    """Have a machine's gates read their certificates again."""
    node = _named(context, name)
    context.management.running.ask("POST", "/reload")
    context.management.audit.record(context.actor, "nodes.reload", f"nodes/{name}")
    return node


@routes.get("/v1/provider-states", "providers.read", reply=ProviderStates, across=True)
def list_provider_states(context: Context) -> ProviderStates:
    """Show how the running gates find their accounts, keys and models."""
    return _states(context)


@routes.get("/v1/teams/{team}/provider-states", "providers.read", reply=ProviderStates)
def list_team_provider_states(context: Context, team: str) -> ProviderStates:
    """Show how the running gates find a team's own accounts."""
    return _states(context)


@routes.both("POST", "/v1/providers/{name}/reset", "providers.write", status=204, across=False)
def reset_provider(
    context: Context,
    name: str,
    team: str | None = None,
    key: Annotated[str | None, Query(description="Only the key of this name.")] = None,
) -> Reply:
    """Use a provider or one of its keys again at once, whatever was wrong."""
    whole = _account(context, name)
    query = {"provider": whole} | ({"key": key} if key is not None else {})
    context.management.running.ask("POST", f"/providers/reset?{urlencode(query)}")
    context.management.audit.record(
        context.actor, "providers.reset", f"providers/{whole}", team=context.team, after=query
    )
    return Reply(status=204)


@routes.both("PUT", "/v1/providers/{name}/balance", "providers.write", status=204, across=False)
def put_provider_balance(
    context: Context, name: str, body: BalanceLeft, team: str | None = None
) -> Reply:
    """Say what is left of prepaid credit at a provider that doesn't tell it."""
    whole = _account(context, name)
    dollars, _, rest = body.amount.partition(".")
    nano = int(dollars) * NANO + int(rest.ljust(9, "0") or "0")
    query = urlencode({"provider": whole, "amount_nano": min(nano, AMOUNT_NANO_MAX)})
    context.management.running.ask("POST", f"/providers/balance?{query}")
    context.management.audit.record(
        context.actor, "providers.balance", f"providers/{whole}", team=context.team, after=body
    )
    return Reply(status=204)


def _node(context: Context) -> Node:
    management = context.management
    revision = management.installation.revisions.written()[0]
    return read_node(management.home, management.running, revision)


def _named(context: Context, name: str) -> Node:
    node = _node(context)
    if node.name != name:
        raise missing(f"the node {name!r}")
    return node


def _states(context: Context) -> ProviderStates:
    told = context.management.running.ask("GET", "/providers")
    owners = {one.name: one.team for one in _document(context).providers}
    workers = [
        worker
        | {"accounts": [one for one in worker["accounts"] if context.sees(owners.get(one["name"]))]}
        for worker in told["workers"]
    ]
    return ProviderStates(workers, told["silent"])


def _account(context: Context, name: str) -> str:
    """The whole name of an account of the tenant. Raises `ProblemError` (404)."""
    wanted = (f"{context.team}/{name}",) if context.team is not None else (name,)
    for one in _document(context).providers:
        if one.name in wanted and (context.team is None or one.team == context.team):
            return one.name
    raise missing(f"the provider {name!r}")


def _document(context: Context) -> Document:
    return context.management.installation.revisions.written()[1]
