"""The composition root: the one file that knows every implementation.

    python -m faregate.app gate --worker I --listen-fd N [--control-fd M]
    python -m faregate.app clerk [--control-fd M]
    python -m faregate.app batches [--control-fd M]
    python -m faregate.app control --listen-fd N [--control-fd M]

The supervisor starts these; FAREGATE_HOME names the data folder.
"""

import argparse
import asyncio
import logging
import os
import socket
import stat
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import uvloop

from faregate.configuration.document import Document
from faregate.configuration.settings import Settings
from faregate.core.clock import SystemClock
from faregate.core.errors import FaregateError
from faregate.storage.home import Home
from faregate.storage.preparation import open_gate_source

_MANAGEMENT_NICE = 5  # where processors are short, calls come first


def run_gate(home: Home, worker: int, listen_fd: int, control_fd: int | None) -> None:
    """Be a gate worker until told to stop; raises `FaregateError`."""
    from faregate.gate.explaining import Explaining
    from faregate.gate.filing import Filing
    from faregate.gate.worker import GateWorker, Openers
    from faregate.identity.access_tokens import token_secret
    from faregate.identity.keys import hash_key
    from faregate.identity.operator import operator_token
    from faregate.storage.decision_reader import DecisionReader
    from faregate.storage.file_shelf import SqliteFileShelf
    from faregate.storage.journal import JournalWriter, name_worker
    from faregate.storage.ledger_database import open_ledger
    from faregate.storage.node import name_node
    from faregate.tally.opening import open_tally

    name = name_worker(worker, time.time_ns(), os.getpid())
    openers = Openers(
        lambda settings: JournalWriter(home.journal, name, sync=settings.journal.sync),
        lambda settings: open_ledger(home, settings.ledger.url).source(name, name_node(home)),
        open_tally,
    )
    listening = socket.socket(fileno=listen_fd)
    master_key = home.master_key()
    explaining = Explaining(
        hash_key(operator_token(master_key)),
        lambda: DecisionReader(home.journal, home.calls_database),
    )
    gate = GateWorker(
        open_gate_source(home),
        openers,
        SystemClock(),
        listening,
        control_fd,
        explaining,
        Filing(lambda: SqliteFileShelf(home.files_database, home.files)),
        inside_socket(home, worker),
        token_secret(master_key),
    )
    _run(gate.run)


def run_clerk(home: Home, control_fd: int | None) -> None:
    """Be the clerk until told to stop; raises `FaregateError`."""
    from faregate.clerk.balances import BalanceWatch
    from faregate.clerk.clerk import Clerk, Retention
    from faregate.clerk.worker import ClerkWorker
    from faregate.storage.call_store import CallStore
    from faregate.storage.journal_reader import JournalFolders
    from faregate.storage.ledger_database import open_ledger
    from faregate.storage.node import name_node

    def read_document() -> Document:
        source = open_gate_source(home)
        try:
            return source.latest().document
        finally:
            source.close()

    def read_settings() -> Settings:
        return read_document().settings

    def read_retention() -> Retention:
        settings = read_settings()
        calls = settings.calls
        return Retention(calls.keep_days, calls.keep_calls, settings.ledger.vanish_after_s)

    store = CallStore(home.calls_database)
    ledger = open_ledger(home, read_settings().ledger.url).posting(name_node(home))
    clerk = Clerk(JournalFolders(home.journal), store, ledger, read_retention())
    try:
        _run(ClerkWorker(clerk, read_retention, control_fd, BalanceWatch(read_document).poll).run)
    finally:
        store.close()
        ledger.close()


def inside_socket(home: Home, worker: int) -> Path:
    """Where a gate worker listens for the calls of batches."""
    return home.run / f"gate-{worker}.sock"


def run_batches(home: Home, control_fd: int | None) -> None:
    """Be the runner of batches until told to stop; raises `FaregateError`."""
    from faregate.identity.operator import operator_token
    from faregate.runner.gates import Gates
    from faregate.runner.process import RunnerProcess
    from faregate.storage.batch_desk import SqliteBatchDesk
    from faregate.storage.decision_reader import DecisionReader

    def read_settings() -> Settings:
        source = open_gate_source(home)
        try:
            return source.latest().document.settings
        finally:
            source.close()

    desk = SqliteBatchDesk(home.files_database, home.files)
    calls = DecisionReader(home.journal, home.calls_database)
    gates = Gates(lambda: sorted(home.run.glob("gate-*.sock")), operator_token(home.master_key()))
    try:
        RunnerProcess(desk, calls, gates, SystemClock(), read_settings, control_fd).run()
    finally:
        desk.close()
        calls.close()


def run_control(home: Home, listen_fd: int, control_fd: int | None) -> None:
    """Serve the management API until told to stop; raises `FaregateError`."""
    from faregate.control.app import create_app
    from faregate.control.authentication import Authentication
    from faregate.control.management import open_management
    from faregate.control.tasks import background_tasks
    from faregate.control.worker import ControlWorker
    from faregate.supervisor.lock import holder

    os.nice(_MANAGEMENT_NICE)
    # Each start would be told a second time.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    listening = socket.socket(fileno=listen_fd)
    with open_management(home, describe=lambda: holder(home.run)) as management:
        settings = management.installation.revisions.written()[1].settings
        worker = ControlWorker(
            create_app(management, Authentication(management)),
            listening,
            control_fd,
            background_tasks(management),
            settings.gate.trusted_proxies,
        )
        _run(worker.run)


def _run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def _descriptor(text: str) -> int:
    """An inherited socket, by its number."""
    try:
        if stat.S_ISSOCK(os.fstat(int(text)).st_mode):
            return int(text)
    except (ValueError, OverflowError, OSError):
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not the number of an open socket")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="faregate.app", description="A process of Faregate.")
    roles = parser.add_subparsers(dest="role", required=True)
    gate = roles.add_parser("gate", help="a gate worker")
    gate.add_argument("--worker", type=int, default=0, help="its number")
    gate.add_argument(
        "--listen-fd", type=_descriptor, required=True, help="the socket to listen on"
    )
    gate.add_argument("--control-fd", type=_descriptor, help="the channel to its supervisor")
    clerk = roles.add_parser("clerk", help="the clerk")
    clerk.add_argument("--control-fd", type=_descriptor, help="the channel to its supervisor")
    batches = roles.add_parser("batches", help="the runner of batches")
    batches.add_argument("--control-fd", type=_descriptor, help="the channel to its supervisor")
    control = roles.add_parser("control", help="the management API")
    control.add_argument(
        "--listen-fd", type=_descriptor, required=True, help="the socket to listen on"
    )
    control.add_argument("--control-fd", type=_descriptor, help="the channel to its supervisor")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one process; errors that people can mend are one line on stderr."""
    options = _parse(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(
        level=logging.INFO,
        format=f"%(asctime)s.%(msecs)03dZ %(levelname)s {options.role} %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    logging.Formatter.converter = time.gmtime
    home = Home.from_environment()
    try:
        home.require()
        if options.role == "gate":
            run_gate(home, options.worker, options.listen_fd, options.control_fd)
        elif options.role == "batches":
            run_batches(home, options.control_fd)
        elif options.role == "control":
            run_control(home, options.listen_fd, options.control_fd)
        else:
            run_clerk(home, options.control_fd)
    except FaregateError as error:
        print(f"error: {error}", file=sys.stderr)
        if error.fix is not None:
            print(f"fix: {error.fix}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
