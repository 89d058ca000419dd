"""Faregate as a candidate: the real `faregate serve` with one worker and everything on.

Key, model alias, two limits, two budgets, wallet, price, usage, journal, metrics, the ledger and
the clerk, all at their defaults (templates/faregate.yaml). With stores that are shared, its ledger
is in PostgreSQL and its limits are counted in Valkey.
"""

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import books
import calls
import machine
import processes
from processes import Candidate
from stores import Stores
from unavailable import Unavailable

PROGRAM = Path(sys.executable).parent / "faregate"
_TEMPLATE = Path(__file__).resolve().parent / "templates" / "faregate.yaml"
_SHARED = """\
  ledger: {url: "${env:BENCH_LEDGER_URL}"}
  limits: {redis_url: "${env:BENCH_LIMITS_URL}"}
"""
_WALLET = "bench"


def run_command(name: str, env: dict[str, str], *arguments: str) -> str:
    """What a command of Faregate prints; raises `Unavailable` with its words where it fails."""
    finished = subprocess.run(
        [str(PROGRAM), *arguments],
        env=machine.environment(env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if finished.returncode != 0:
        lines = (finished.stderr or finished.stdout or "no output").strip().splitlines()
        raise Unavailable(f"{name} {arguments[0]}: {' '.join(lines)[-300:]}")
    return finished.stdout


class Installation:
    """A data folder with the benchmark's configuration, ready to be served."""

    def __init__(self, upstream_port: int, stores: Stores | None = None) -> None:
        try:
            from faregate.identity.keys import generate_key
        except ImportError as error:
            raise Unavailable(f"faregate is not installed here: {error}") from error
        if not PROGRAM.exists():
            raise Unavailable(f"{PROGRAM} does not exist: make install")
        self.port = processes.free_port()
        self.operations_port = processes.free_port()
        self.name = "faregate" if stores is None else "faregate-shared"
        self.stores = stores
        self.key = generate_key()
        self.refused_keys: dict[calls.Caller, str] = {
            "unknown": generate_key(),
            "unpaid": generate_key(),
            "limited": generate_key(),
        }
        home = processes.WORK / ("home" if stores is None else "home-shared")
        self.env = {
            "FAREGATE_HOME": str(home),
            # What the shell may have set for another installation doesn't count here.
            "FAREGATE_PORT": str(self.port),
            "FAREGATE_OPERATIONS_PORT": str(self.operations_port),
            "FAREGATE_MANAGEMENT_PORT": "0",
            "BENCH_PROVIDER_KEY": "sk-bench-provider",
            "BENCH_KEY": self.key,
            "BENCH_UNPAID_KEY": self.refused_keys["unpaid"],
            "BENCH_LIMITED_KEY": self.refused_keys["limited"],
        }
        if stores is not None:
            self.env["BENCH_LEDGER_URL"] = stores.ledger_url
            self.env["BENCH_LIMITS_URL"] = stores.limits_url
        shutil.rmtree(home, ignore_errors=True)
        processes.RUN.mkdir(parents=True, exist_ok=True)
        file = processes.RUN / f"{self.name}.yaml"
        file.write_text(
            _TEMPLATE.read_text().format(
                port=self.port,
                operations_port=self.operations_port,
                upstream_port=upstream_port,
                stores="" if stores is None else _SHARED.rstrip(),
                alias=calls.MODEL_ALIAS,
                upstream=calls.MODEL_UPSTREAM,
                streamed=calls.MODEL_STREAMED,
                slow=calls.MODEL_SLOW,
                anthropic=calls.MODEL_ANTHROPIC,
                gemini=calls.MODEL_GEMINI,
                routed=calls.MODEL_ROUTED,
            )
        )
        self._run("init")
        self._run("config", "apply", str(file))

    def _run(self, *arguments: str) -> str:
        return run_command(self.name, self.env, *arguments)

    @contextlib.contextmanager
    def serve(self) -> Iterator[Candidate]:
        """Run `faregate serve`: its worker on the gateway's core, the rest on the load's."""
        command: list[str | Path] = [PROGRAM, "serve"]
        with processes.running(
            command, core=machine.LOAD_CORE, log=self.name, env=self.env
        ) as process:
            processes.wait_for_answer(process, self.operations_port, "/readyz", self.name)
            gates = _gates(process.pid)
            others = [pid for pid in machine.family(process.pid) if pid not in gates]
            for pid in gates:
                machine.pin(pid, machine.GATEWAY_CORE)
            yield Candidate(
                self.name,
                self.port,
                self.port,
                lambda: gates,
                key=self.key,
                refused_keys=self.refused_keys,
                clerk_pids=lambda: others + (self.stores.pids() if self.stores else []),
                settle=lambda: books.wait_for_clerk(self.operations_port),
                books=self._books,
            )

    def _books(self) -> books.Books:
        books.wait_for_clerk(self.operations_port)
        return books.read(lambda *arguments: books.as_json(self._run(*arguments)), _WALLET)

    def seconds_to_ready(self) -> float:
        """Time from the start of `faregate serve` until /readyz answers 200; on all cores."""
        begun = time.monotonic()
        with processes.running([PROGRAM, "serve"], core=None, log="faregate", env=self.env) as it:
            processes.wait_for_answer(it, self.operations_port, "/readyz", "faregate")
            return time.monotonic() - begun


def _gates(supervisor: int) -> list[int]:
    """The gate workers among the children of the supervisor."""
    gates = [
        pid for pid in machine.children(supervisor) if "gate" in machine.command_line(pid)[1:7]
    ]
    if len(gates) != 1:
        raise Unavailable(f"faregate serve has {len(gates)} gate workers where one is expected")
    return gates
