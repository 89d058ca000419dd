"""What `serve` puts together: settings, sockets, processes."""

import importlib.util
import os
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from faregate.cli.wallet_facts import given_lines
from faregate.configuration.document import Document
from faregate.configuration.settings import Settings
from faregate.core.errors import FaregateError
from faregate.identity.keys import hash_key
from faregate.identity.operator import operator_token
from faregate.storage.home import Home
from faregate.storage.ledger_database import open_ledger
from faregate.storage.preparation import open_gate_source, prepare_home
from faregate.supervisor import embedded_valkey
from faregate.supervisor.child import ChildPlan
from faregate.supervisor.service import ServicePlan
from faregate.supervisor.sockets import listen, listen_shared
from faregate.tally.opening import LIMITS_URL_VARIABLE, WORKERS_VARIABLE

PORT_VARIABLE: Final = "FAREGATE_PORT"
OPERATIONS_PORT_VARIABLE: Final = "FAREGATE_OPERATIONS_PORT"
MANAGEMENT_PORT_VARIABLE: Final = "FAREGATE_MANAGEMENT_PORT"

# -P: what lies in the working folder must not stand in for a module.
# -O: asserts tell the type checker what is so by construction, and cost a call a twentieth.
_PROGRAM: Final = (sys.executable, "-O", "-P", "-m", "faregate.app")


@dataclass(frozen=True)
class Wishes:
    """What the command line asks for; None leaves it to the settings."""

    host: str | None
    port: int | None
    workers: int | None
    operations_port: int | None
    management_port: int | None = None


def prepare(home: Home, config: Path | None) -> None:
    """Bring the data folder up to date and apply `config`, if any."""
    prepare_home(home)
    if config is None:
        return
    # Here, because they load YAML and the SQL layer, which a plain start does without.
    from faregate.configuration.load import load
    from faregate.storage.installation import open_installation

    try:
        text = config.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FaregateError(
            f"{config} can't be read: {error}", fix="give the path of a faregate.yaml"
        ) from None
    document = load(text, file=str(config), environment=os.environ)
    with open_installation(home) as installation:
        installation.revisions.apply(document, "serve", f"applied {config}")


def prepare_ledger(home: Home, settings: Settings) -> None:
    """Bring the ledger's tables up to date, wherever it is."""
    open_ledger(home, settings.ledger.url).prepare()


def give_grants(home: Home, document: Document) -> list[str]:
    """Give the credit of the configuration in force; what there is to tell.

    It was given when the document was applied, unless that ended too soon.
    """
    if not any(wallet.grants for wallet in document.wallets):
        return []
    from faregate.storage.ledger_grants import ConfiguredGrants

    try:
        return given_lines(ConfiguredGrants(home).give(document, "serve"))
    except FaregateError as error:
        return [f"warning: the configuration's credit can't be given: {error}"]


def read_document(home: Home) -> Document:
    """The newest revision's document, with secrets in the clear."""
    source = open_gate_source(home)
    try:
        return source.latest().document
    finally:
        source.close()


@dataclass(frozen=True)
class Sockets:
    """What the service listens on, and how people reach it."""

    gates: list[socket.socket]
    operations: socket.socket
    url: str
    management: socket.socket | None = None

    @property
    def management_url(self) -> str | None:
        """Where the management API is on this machine.

        None where it isn't served.
        """
        return None if self.management is None else f"http://{_address(self.management)}"

    @property
    def operations_address(self) -> str:
        """host:port"""
        return _address(self.operations)


def open_sockets(settings: Settings, wishes: Wishes) -> Sockets:
    """Listen; raises `FaregateError` where a port is taken."""
    gate, operations = settings.gate, settings.operations
    gates = listen_shared(
        wishes.host or gate.host,
        gate.port if wishes.port is None else wishes.port,
        wishes.workers or gate.workers,
        variable=PORT_VARIABLE,
        option="--port",
    )
    operations_port = operations.port if wishes.operations_port is None else wishes.operations_port
    watched = listen(
        operations.host,
        operations_port,
        variable=OPERATIONS_PORT_VARIABLE,
        option="--operations-port",
    )
    scheme = "http" if gate.tls is None else "https"
    return Sockets(gates, watched, f"{scheme}://{_address(gates[0])}", _managed(settings, wishes))


def _managed(settings: Settings, wishes: Wishes) -> socket.socket | None:
    management = settings.management
    if not management.enabled:
        return None
    return listen(
        management.host,
        management.port if wishes.management_port is None else wishes.management_port,
        variable=MANAGEMENT_PORT_VARIABLE,
        option="--management-port",
    )


def _address(sock: socket.socket) -> str:
    """How this machine reaches the socket: an address that means all becomes the loopback's."""
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared only
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def require_shared_counters(document: Document, workers: int) -> None:
    """Raise `FaregateError` where several workers could not keep limits."""
    if document.settings.limits.redis_url is not None:
        if importlib.util.find_spec("redis") is None:
            raise FaregateError(
                "settings.limits.redis_url needs a client that is not installed",
                fix=f"{sys.executable} -m pip install 'faregate[redis]'",
            )
        return
    limits = document.limits or any(plan.limits for plan in document.plans)
    if workers > 1 and limits and not embedded_valkey.is_installed():
        raise FaregateError(
            f"{workers} workers can't keep the limits of this configuration without shared "
            "counters",
            fix=f"{sys.executable} -m pip install 'faregate[shared]', or set "
            "settings.limits.redis_url, or serve with --workers 1",
        )


def _plan_valkey(home: Home, settings: Settings, workers: int) -> ChildPlan | None:
    """The counters that several workers share, unless they have a Redis.

    Limits may come with a later revision, so it runs whether there are some now or not.
    """
    if workers == 1 or settings.limits.redis_url or not embedded_valkey.is_installed():
        return None
    program = (sys.executable, "-P", "-m", "faregate.supervisor.embedded_valkey")
    path = embedded_valkey.socket_path(home.run)
    return ChildPlan("valkey", (*program, "--socket", str(path), "--parent", str(os.getpid())))


def plan_service(
    home: Home, settings: Settings, sockets: Sockets, more: tuple[ChildPlan, ...] = ()
) -> ServicePlan:
    """The processes of this machine; `more` are served beside them."""
    environment = {**os.environ, "FAREGATE_HOME": str(home.root)}
    workers = len(sockets.gates)
    valkey = _plan_valkey(home, settings, workers)
    counting = {WORKERS_VARIABLE: str(workers)}
    if valkey is not None:
        counting[LIMITS_URL_VARIABLE] = f"unix://{embedded_valkey.socket_path(home.run)}"
        more = (*more, valkey)
    gates = (
        ChildPlan("gate", (*_PROGRAM, "gate"), worker, sock, environment | counting)
        for worker, sock in enumerate(sockets.gates)
    )
    clerk = ChildPlan("clerk", (*_PROGRAM, "clerk"), environment=environment)
    batches = ChildPlan("batches", (*_PROGRAM, "batches"), environment=environment)
    runners = [batches] if settings.batches.enabled else []
    facts = {"url": sockets.url, "operations": sockets.operations_address}
    if sockets.management is not None:
        program = (sys.executable, "-P", "-m", "faregate.app", "control")
        runners.append(
            ChildPlan("control", program, listener=sockets.management, environment=environment)
        )
        facts["management"] = str(sockets.management_url)
    return ServicePlan(
        children=(*more, *gates, clerk, *runners),
        operations=sockets.operations,
        drain_timeout_s=settings.gate.drain_timeout_s,
        facts=facts,
        operator_hash=hash_key(operator_token(home.master_key())),
    )


def command_name() -> str:
    """How this installation's `faregate` is called from a shell here."""
    beside = Path(sys.executable).with_name("faregate")
    if shutil.which("faregate") or not beside.exists():
        return "faregate"
    try:
        return str(beside.relative_to(Path.cwd()))
    except ValueError:
        return str(beside)
