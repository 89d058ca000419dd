"""Faregate under bursts that its wallet is too small for: real service, stores and sockets."""

import contextlib
import http.client
import json
import shutil
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import processes
from burst import Address, Asked, Price, burst
from faregate_gate import PROGRAM, run_command
from overspend import Row, used
from stores import stores
from unavailable import Unavailable

_HOME = processes.WORK / "overspend"
_CLERK_SECONDS_MAX = 20.0
_NANO = 1_000_000_000
# Prices for each call, so that what is held is what is charged; by tokens; and uneven ones.
_PRICES = {
    "flat": Price(request=Fraction("0.003")),
    "dear": Price(request=Fraction("0.007")),
    "tokens": Price(Fraction("2.5"), Fraction(10)),
    "odd": Price(Fraction("0.1234567"), Fraction("3.3333333")),
}


def rows(callers: int, calls: int) -> Iterator[Row]:
    """A row for each store, number of workers and kind of burst."""
    with processes.alone():
        for workers in (1, 4):
            yield from _bursts(f"faregate, SQLite, {workers}", workers, None, callers, calls)
        try:
            with stores() as found:
                url = found.ledger_url
                yield from _bursts("faregate, PostgreSQL, 1", 1, url, callers, calls)
                yield from _bursts("faregate, PostgreSQL, 4", 4, url, callers, calls)
        except Unavailable as unavailable:
            print(f"without PostgreSQL: {unavailable}")


def _bursts(
    name: str, workers: int, ledger_url: str | None, callers: int, calls: int
) -> Iterator[Row]:
    flat, streamed = Asked("flat", False, 20), Asked("flat", True, 20)
    models = tuple(_PRICES)
    mixed = [Asked(models[at % 4], bool(at // 4 % 2), 20 + at % 60) for at in range(callers)]
    open_ended = [Asked(models[at % 4], bool(at // 4 % 2), None) for at in range(callers)]
    exactly = calls * _PRICES["flat"].request
    with _Service(workers, ledger_url, name).running() as service:
        for kind, asked, credit in (
            ("whole", [flat] * callers, exactly),
            ("streamed", [streamed] * callers, exactly),
            ("mixed", mixed, exactly),
            ("without limit", open_ended, exactly),
        ):
            yield service.row(name, kind, asked, credit)


class _Service:
    """One installation, served."""

    def __init__(self, workers: int, ledger_url: str | None, name: str) -> None:
        from faregate.identity.keys import generate_key

        self.port = processes.free_port()
        self._operations_port = processes.free_port()
        self._workers = workers
        self._ledger_url = ledger_url
        self._key = generate_key()
        # One wallet for each installation: a database may have those of others.
        self._wallet = "".join(one if one.isalnum() else "-" for one in name.lower())
        self._env = {
            "FAREGATE_HOME": str(_HOME),
            "FAREGATE_PORT": str(self.port),
            "FAREGATE_OPERATIONS_PORT": str(self._operations_port),
            "FAREGATE_MANAGEMENT_PORT": "0",
            "BENCH_CALLER_KEY": self._key,
            "BENCH_LEDGER_URL": ledger_url or "",
        }

    @contextlib.contextmanager
    def running(self) -> Iterator["_Service"]:
        """Set it up and serve it, before a provider that answers in 50 ms."""
        from faregate.simulator.service import SimulatorProcess

        shutil.rmtree(_HOME, ignore_errors=True)
        with SimulatorProcess(script="tokens=40,latency_ms=50") as provider:
            self._set_up(provider.base_url)
            command: list[str | Path] = [PROGRAM, "serve", "--workers", str(self._workers)]
            with processes.running(command, core=None, log="overspend", env=self._env) as process:
                processes.wait_for_answer(process, self._operations_port, "/readyz", "overspend")
                self._wait_for_workers()
                yield self

    def row(self, name: str, kind: str, asked: list[Asked], credit: Fraction) -> Row:
        """Give credit, make one burst, and wait until the ledger has it."""
        self._grant(credit)
        before, charges, charged = self._told()
        answers = burst(Address(f"http://127.0.0.1:{self.port}/v1", self._key), asked)
        admitted = sum(one.admitted for one in answers)
        deadline = time.monotonic() + _CLERK_SECONDS_MAX
        after = self._told()
        while after[1] - charges < admitted and time.monotonic() < deadline:
            time.sleep(0.05)
            after = self._told()
        return Row(
            name, kind, answers, after[1] - charges, used(answers, _PRICES),
            after[2] - charged, before, after[0],
        )  # fmt: skip

    def _told(self) -> tuple[Fraction, int, Fraction]:
        """The wallet's balance, how many charges the ledger has, and their sum."""
        from faregate.storage.home import Home
        from faregate.storage.ledger_database import open_ledger

        connection = open_ledger(Home(_HOME), self._ledger_url).connect()
        account = f"wallet:{self._wallet}"
        try:
            [[balance, count, charged]] = connection.read(
                lambda session: session.rows(
                    "SELECT (SELECT balance_nano FROM accounts WHERE account = ?), COUNT(*), "
                    "COALESCE(SUM(amount_nano), 0) FROM transfers "
                    "WHERE kind = 'charge' AND debit = ?",
                    account,
                    account,
                )
            )
        finally:
            connection.close()
        return Fraction(int(balance), _NANO), int(count), Fraction(int(charged), _NANO)

    def _grant(self, credit: Fraction) -> None:
        self._run("wallets", "grant", self._wallet, f"{float(credit):.9f}")

    def _set_up(self, base_url: str) -> None:
        document: dict[str, Any] = {
            "version": 1,
            "providers": [
                {"name": "vendor", "base_url": base_url, "proxy": "none", "connections_max": 4_000}
            ],
            "models": [{"name": name, "provider": "vendor"} for name in _PRICES],
            "prices": [
                {
                    "model": name,
                    "input": f"{float(price.input):.7f}",
                    "output": f"{float(price.output):.7f}",
                    "request": f"{float(price.request):.9f}",
                }
                for name, price in _PRICES.items()
            ],
            "wallets": [{"name": self._wallet}],
            "applications": [{"name": "bench", "wallet": self._wallet}],
            "keys": [
                {"name": "bench", "secret": "${env:BENCH_CALLER_KEY}", "application": "bench"}
            ],
        }
        if self._ledger_url:
            document["settings"] = {"ledger": {"url": "${env:BENCH_LEDGER_URL}"}}
        processes.RUN.mkdir(parents=True, exist_ok=True)
        file = processes.RUN / "overspend.yaml"
        file.write_text(json.dumps(document))
        self._run("init")
        self._run("config", "apply", str(file))

    def _run(self, *arguments: str) -> None:
        run_command("faregate", self._env, *arguments)

    def _wait_for_workers(self) -> None:
        deadline = time.monotonic() + processes.START_SECONDS_MAX
        while time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", self._operations_port, timeout=5)
            connection.request("GET", "/status")
            told = json.loads(connection.getresponse().read())["processes"]
            connection.close()
            ready = [one for one in told if one["role"] == "gate" and one["state"] == "ready"]
            if len(ready) == self._workers:
                return
            time.sleep(0.05)
        raise Unavailable("faregate serve does not get all of its workers ready")
