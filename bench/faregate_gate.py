"""Faregate as a candidate: the real `faregate serve` with one worker and everything on.

Key, model alias, two limits, two budgets, wallet, price, usage, journal, metrics, the ledger and
the clerk, all at their defaults; only the ceiling of upstream connections is raised, for 5,000
open streams.
"""

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import calls
import machine
import processes
from processes import Candidate, Unavailable

_PROGRAM = Path(sys.executable).parent / "faregate"
_HOME = processes.WORK / "home"
_UPSTREAM_CONNECTIONS = 6_000
_CONFIGURATION = """\
version: 1
settings:
  gate: {{port: {port}, workers: 1}}
  operations: {{port: {operations_port}}}
providers:
  - name: vendor
    base_url: http://127.0.0.1:{upstream_port}/v1
    api_key: ${{env:BENCH_PROVIDER_KEY}}
    connections_max: {connections}
    proxy: none
models:
  - {{name: bench, aliases: [{alias}], provider: vendor, upstream_model: {upstream}}}
  - {{name: {streamed}, provider: vendor, upstream_model: {upstream}}}
  - {{name: {slow}, provider: vendor}}
keys:
  - name: bench
    secret: ${{env:BENCH_CALLER_KEY}}
    application: bench
wallets:
  - name: bench
    grants: [{{name: all, amount: 900000000}}]
applications:
  - {{name: bench, wallet: bench}}
prices:
  - {{model: bench, input: 0.15, cached_input: 0.075, output: 0.60}}
  - {{model: {streamed}, input: 0.15, cached_input: 0.075, output: 0.60}}
  - {{model: {slow}, input: 0.15, cached_input: 0.075, output: 0.60}}
limits:
  - {{name: key-rate, each: key, unit: requests, max: 100000000, per: minute}}
  - {{name: key-at-once, each: key, unit: concurrent, max: 1000000}}
budgets:
  - {{name: key-day, each: key, amount: 500000000, window: day}}
  - {{name: application-month, each: application, amount: 900000000, window: month}}
"""


class Installation:
    """A data folder with the benchmark's configuration, ready to be served."""

    def __init__(self, upstream_port: int) -> None:
        try:
            from faregate.identity.keys import generate_key
        except ImportError as error:
            raise Unavailable(f"faregate is not installed here: {error}") from error
        if not _PROGRAM.exists():
            raise Unavailable(f"{_PROGRAM} does not exist: make install")
        self.port = processes.free_port()
        self.operations_port = processes.free_port()
        self.key = generate_key()
        self.unknown_key = generate_key()
        self.env = {
            "FAREGATE_HOME": str(_HOME),
            # What the shell may have set for another installation doesn't count here.
            "FAREGATE_PORT": str(self.port),
            "FAREGATE_OPERATIONS_PORT": str(self.operations_port),
            "BENCH_PROVIDER_KEY": "sk-bench-provider",
            "BENCH_CALLER_KEY": self.key,
        }
        shutil.rmtree(_HOME, ignore_errors=True)
        _HOME.parent.mkdir(parents=True, exist_ok=True)
        file = processes.RUN / "faregate.yaml"
        file.write_text(
            _CONFIGURATION.format(
                port=self.port,
                operations_port=self.operations_port,
                upstream_port=upstream_port,
                connections=_UPSTREAM_CONNECTIONS,
                alias=calls.MODEL_ALIAS,
                upstream=calls.MODEL_UPSTREAM,
                streamed=calls.MODEL_STREAMED,
                slow=calls.MODEL_SLOW,
            )
        )
        self._run("init")
        self._run("config", "apply", str(file))

    def _run(self, *arguments: str) -> None:
        finished = subprocess.run(
            [str(_PROGRAM), *arguments],
            env=machine.environment(self.env),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if finished.returncode != 0:
            lines = (finished.stderr or finished.stdout or "no output").strip().splitlines()
            raise Unavailable(f"faregate {arguments[0]}: {' '.join(lines)[-300:]}")

    @contextlib.contextmanager
    def serve(self) -> Iterator[Candidate]:
        """Run `faregate serve`: its worker on the gateway's core, the rest on the load's."""
        command: list[str | Path] = [_PROGRAM, "serve"]
        with processes.running(
            command, core=machine.LOAD_CORE, log="faregate", env=self.env
        ) as process:
            processes.wait_for_answer(process, self.operations_port, "/readyz", "faregate")
            gates = _gates(process.pid)
            others = [pid for pid in machine.family(process.pid) if pid not in gates]
            for pid in gates:
                machine.pin(pid, machine.GATEWAY_CORE)
            yield Candidate(
                "faregate",
                self.port,
                self.port,
                lambda: gates,
                key=self.key,
                unknown_key=self.unknown_key,
                clerk_pids=lambda: others,
            )

    def seconds_to_ready(self) -> float:
        """Time from the start of `faregate serve` until /readyz answers 200; on all cores."""
        begun = time.monotonic()
        with processes.running([_PROGRAM, "serve"], core=None, log="faregate", env=self.env) as it:
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
