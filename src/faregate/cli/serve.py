"""faregate serve: the service of this machine, or a demo of it."""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from faregate.cli.directory_session import first_login
from faregate.cli.models import warn_of_retirements
from faregate.cli.service import (
    MANAGEMENT_PORT_VARIABLE,
    OPERATIONS_PORT_VARIABLE,
    PORT_VARIABLE,
    Wishes,
    give_grants,
    open_sockets,
    plan_service,
    prepare,
    prepare_ledger,
    read_document,
    require_shared_counters,
)
from faregate.cli.session import actor
from faregate.storage.first_owner import make_first_owner
from faregate.storage.home import Home
from faregate.supervisor.lock import HomeLock
from faregate.supervisor.log import EventLog
from faregate.supervisor.service import Service


def serve(
    demo: Annotated[
        bool, typer.Option("--demo", help="Serve a small real model that runs on this machine.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Gate processes that share the port.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, envvar=PORT_VARIABLE, help="Port to listen on."),
    ] = None,
    operations_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            envvar=OPERATIONS_PORT_VARIABLE,
            help="Port for probes and metrics; 0 takes a free one.",
        ),
    ] = None,
    management_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            envvar=MANAGEMENT_PORT_VARIABLE,
            help="Port for the management API; 0 takes a free one.",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Apply this faregate.yaml first, then serve it.")
    ] = None,
) -> None:
    """Start the gate and all around it; Ctrl-C or SIGTERM drains it.

    Example: faregate serve --workers 2
    """
    wishes = Wishes(host, port, workers, operations_port, management_port)
    home = Home.from_environment()
    if demo:
        from faregate.cli import demo as demonstration

        demonstration.serve_demo(home, wishes, config)
    else:
        if config is None:
            home.require()
        home.create()
        lock = HomeLock(home.run)
        prepare(home, config)
        owner = make_first_owner(home, actor())
        if owner is not None:
            print(f"{first_login(owner)}\n", flush=True)
        serve_configured(home, lock, wishes)


def serve_configured(home: Home, lock: HomeLock, wishes: Wishes) -> None:
    """Serve what the newest revision says, until a signal."""
    begun = time.monotonic()
    document = read_document(home)
    warn_of_retirements(document)
    settings = document.settings
    require_shared_counters(document, wishes.workers or settings.gate.workers)
    prepare_ledger(home, settings)
    for told in give_grants(home, document):
        print(told, file=sys.stderr, flush=True)
    sockets = open_sockets(settings, wishes)
    plan = plan_service(home, settings, sockets)
    lock.describe({**plan.facts, "home": str(home.root)})

    def tell_ready() -> None:
        managed = sockets.management_url or "not served (settings.management.enabled)"
        print(
            f"faregate is ready at {sockets.url} ({time.monotonic() - begun:.1f} s)\n"
            f"  management  {managed}\n"
            f"  operations  http://{sockets.operations_address} (/healthz /readyz /metrics)\n"
            f"  home        {home.root}\n"
            f"  stop        Ctrl-C, or kill {os.getpid()}",
            flush=True,
        )

    asyncio.run(Service(plan, EventLog()).run(tell_ready))
