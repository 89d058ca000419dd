"""faregate nodes: the machines that serve with the configuration."""

from datetime import timedelta
from typing import Annotated, Any

import msgspec
import typer

from faregate.cli.output import JsonOption, print_json, print_table
from faregate.cli.remote_profiles import chosen
from faregate.cli.session import opened
from faregate.cli.status import process_line
from faregate.configuration.problems import unknown
from faregate.core.errors import MissingError

app = typer.Typer(name="nodes", help="List and show the machines that serve.", no_args_is_help=True)


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """List the machines that serve, and how they are.

    Example: faregate nodes list
    """
    nodes = _nodes()
    if as_json:
        print_json(nodes)
        return
    print_table(
        ("NODE", "STATE", "VERSION", "REVISION", "ADDRESS", "UP FOR", "PROCESSES"),
        [
            (
                node["name"],
                _state(node),
                node["version"],
                str(node["revision"]),
                node["url"] or "",
                _up_for(node) or "",
                str(len(node["processes"])),
            )
            for node in nodes
        ],
    )


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The node's name, as 'faregate nodes list' has it.")],
    as_json: JsonOption = False,
) -> None:
    """Show one machine, why it isn't ready, and its processes.

    Example: faregate nodes show gate-1:3f2a9c01b7de
    """
    nodes = {node["name"]: node for node in _nodes()}
    if name not in nodes:
        raise MissingError(
            unknown("node", name, [*nodes]), fix="'faregate nodes list' shows the nodes"
        )
    node = nodes[name]
    if as_json:
        print_json(node)
        return
    state = ": ".join(part for part in (_state(node), "; ".join(node["reasons"])) if part)
    rows = [
        ("state", state),
        ("gateway", node["url"]),
        ("version", node["version"]),
        ("up for", _up_for(node)),
        ("revision", node["revision"]),
    ]
    typer.echo(name)
    for what, value in rows:
        if value is not None:
            typer.echo(f"  {what:<11} {value}")
    for process in node["processes"]:
        typer.echo(process_line(process))


def _nodes() -> list[dict[str, Any]]:
    """The nodes of the installation that the command is for."""
    target = chosen()
    if target is not None:
        from faregate.cli.remote_connection import connected
        from faregate.client import operations as api

        with connected(target) as connection:
            return [msgspec.to_builtins(node) for node in connection.all(api.list_nodes())]
    from faregate.control.nodes import read_node
    from faregate.control.running import Running
    from faregate.identity.operator import operator_token
    from faregate.supervisor.lock import holder

    with opened() as installation:
        home = installation.home
        running = Running(lambda: holder(home.run), operator_token(home.master_key()))
        node = read_node(home, running, installation.revisions.written()[0])
    return [msgspec.to_builtins(node)]


def _state(node: dict[str, Any]) -> str:
    return str(node["state"]).replace("_", " ")


def _up_for(node: dict[str, Any]) -> str | None:
    up = node["uptime_s"]
    return None if up is None else str(timedelta(seconds=int(up)))
