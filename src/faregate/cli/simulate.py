"""`faregate simulate`: a vendor that behaves as it is told."""

import json
import sys
from typing import Annotated

import typer

from faregate.simulator.script import HEADER, OPTIONS, Option
from faregate.simulator.service import (
    HOST,
    PORT_DEFAULT,
    Simulator,
    run_event_loop,
    serve_until_stopped,
)


def option_form(option: Option) -> str:
    """How an option is written: its name, and what its value is."""
    return f"{option.name}={option.value.upper()}" if option.value else option.name


def help_text() -> str:
    """The help of the command, with every option of a script."""
    listed = "\n\n".join(f"{option_form(option)}: {option.meaning}" for option in OPTIONS)
    return f"""Serve vendors' formats on this machine, with scripted behaviour.

OpenAI's, Azure's, Anthropic's, Gemini's, Vertex AI's, Bedrock's, Cohere's, Mistral's, Ollama's
and others' addresses are served side by side.

A call says how it is answered: in its model's name, as sim:OPTION=VALUE,OPTION=VALUE, or in
the header {HEADER}, which wins. A key sk-sim:OPTION=VALUE brings a script for all its calls.
Any other model's name gets a plain answer at once.

\b
faregate simulate --port 8410
faregate simulate --key sk-test --script latency_ms=200,tokens=50,token_ms=5

What arrived is at GET /v1/_simulator/requests; POST /v1/_simulator/reset forgets it;
POST /v1/_simulator/key breaks or repairs a key.

Options of a script:

{listed}
"""


def simulate(
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65_535)
    ] = PORT_DEFAULT,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = HOST,
    key: Annotated[
        str | None,
        typer.Option(
            help="The only key that is accepted; without it every call is. For AWS it is ID:SECRET."
        ),
    ] = None,
    script: Annotated[str, typer.Option(help="Script of calls that bring none.")] = "",
    keep: Annotated[
        int, typer.Option(help="Requests that are remembered.", min=1, max=1_000_000)
    ] = 1_000,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the address as one line of JSON.")
    ] = False,
) -> None:
    """Serve vendors' formats on this machine, with scripted behaviour."""

    def announce(simulator: Simulator) -> None:
        if as_json:
            shown = {"address": simulator.address, "port": simulator.port}
            typer.echo(json.dumps({**shown, "base_url": simulator.base_url}))
        else:
            typer.echo(f"Simulator: {simulator.base_url}")
            typer.echo("Options:   faregate simulate --help")
            typer.echo("Stop:      Ctrl-C")
        sys.stdout.flush()

    simulator = Simulator(key=key, script=script, keep=keep)
    run_event_loop(serve_until_stopped(simulator, port, host, announce=announce, parent=None))


simulate.__doc__ = help_text()
