"""Callers that go on whatever dies, and the comparison of what was seen with what was recorded."""

import contextlib
import http.client
import itertools
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from tests.end_to_end.served import Served, processes_of, serving, wait_until

from faregate.calllog.frames import CallRecord
from faregate.identity.keys import generate_key
from faregate.simulator.service import SimulatorThread
from faregate.storage.call_log import CallLog
from faregate.storage.home import Home

CALLERS = 6
SCRIPTS = ("tokens=3,token_ms=4", "latency_ms=8", "", "tokens=20,token_ms=1")
CONFIGURATION = """
version: 1
providers:
  - {{name: simulated, base_url: "{base_url}", proxy: none}}
models:
  - {{name: sim, provider: simulated}}
keys:
  - {{name: test, secret: "${{env:TEST_KEY}}"}}
"""


class Load:
    """Threads that call without end; every call has a user agent of its own."""

    def __init__(self, port: int, key: str, numbers: Iterator[int], renewal: float) -> None:
        self._port = port
        self._renewal = renewal
        self._key = key
        self._numbers = numbers
        self._stop = threading.Event()
        self.answered: list[str] = []
        self.failed: list[str] = []
        self._threads = [threading.Thread(target=self._run) for _ in range(CALLERS)]

    def _run(self) -> None:
        connection = None
        while not self._stop.is_set():
            name = f"load/{next(self._numbers)}"
            try:
                if connection is None or random.random() < self._renewal:
                    connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
                self._call(connection, name)
                self.answered.append(name)
            except (OSError, http.client.HTTPException):
                self.failed.append(name)
                connection = None
                time.sleep(0.01)  # nobody may be there just now

    def _call(self, connection: http.client.HTTPConnection, name: str) -> None:
        stream = random.random() < 0.5
        body = json.dumps({"model": "sim", "messages": [], "stream": stream})
        headers = {
            "Authorization": f"Bearer {self._key}",
            "User-Agent": name,
            "X-Simulate": random.choice(SCRIPTS),
        }
        connection.request("POST", "/v1/chat/completions", body, headers)
        reply = connection.getresponse()
        data = reply.read()
        assert reply.status == 200, data
        assert data.endswith(b"data: [DONE]\n\n" if stream else b"}")

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)


class Trial:
    """A service under load that loses processes, round after round.

    `renewal` is the share of calls on new connections, `calls` how many are answered before a
    kill and after it.
    """

    def __init__(self, folder: Path, workers: int, renewal: float = 0.1, calls: int = 60) -> None:
        self.home = folder / "home"
        self._renewal = renewal
        self._calls = calls
        self.workers = workers
        self.replaced_s: list[float] = []
        self.answered: set[str] = set()
        self.failures: list[tuple[str, int]] = []
        self._key = generate_key()
        self._numbers = itertools.count()
        self._file = folder / "faregate.yaml"
        self.records: list[CallRecord] = []
        self.seen: set[str] = set()

    def run(self, rounds: int) -> None:
        """Kill a gate, the clerk and the supervisor in turn; then end, and read the log."""
        with SimulatorThread(keep=200_000) as simulator, serving() as start:
            self._file.write_text(CONFIGURATION.format(base_url=simulator.base_url))
            served = self._start(start, "--config", str(self._file))
            for number in range(rounds):
                with Load(served.port, self._key, self._numbers, self._renewal) as load:
                    wait_until(lambda load=load: len(load.answered) > self._calls, 30)
                    role = ("gate", "clerk", "supervisor")[number % 3]
                    if role == "supervisor":
                        served = self._kill_supervisor(served, start)
                    else:
                        self._kill(served, role)
                    so_far = len(load.answered)
                    wait_until(
                        lambda load=load, goal=so_far + self._calls: len(load.answered) > goal, 30
                    )
                self.answered.update(load.answered)
                if role != "supervisor":
                    self.failures.append((role, len(load.failed)))
            assert served.stop(signal.SIGTERM) == 0, served.log
            assert "Traceback" not in served.log
            wait_until(lambda: processes_of(self.home) == [])
            received = simulator.snapshot()["received"]
        self.seen = {dict(each["headers"])["user-agent"] for each in received}
        with contextlib.closing(self._log()) as log:
            self.records = log.recent(1_000_000)

    def _log(self) -> CallLog:
        home = Home(self.home)
        return CallLog(home.journal, home.calls_database)

    def _start(self, start: Callable[..., Served], *arguments: str, port: str = "") -> Served:
        environment = {"TEST_KEY": self._key} | ({"FAREGATE_PORT": port} if port else {})
        workers = str(self.workers)
        return start(self.home, "--workers", workers, *arguments, **environment).ready()

    def _kill(self, served: Served, role: str) -> None:
        count = self.workers if role == "gate" else 1
        wait_until(lambda: len(served.pids(role)) == count, 20)
        before = set(served.pids(role))
        victim = random.choice(sorted(before))
        os.kill(victim, signal.SIGKILL)
        begun = time.monotonic()
        wait_until(lambda: len(set(served.pids(role)) - {victim}) == len(before), 20)
        if role == "gate":
            self.replaced_s.append(time.monotonic() - begun)

    def _kill_supervisor(self, served: Served, start: Callable[..., Served]) -> Served:
        served.process.kill()
        served.process.wait(10)
        # Its children notice, finish what they have, and leave.
        wait_until(lambda: processes_of(self.home) == [], 40)
        return self._start(start, port=str(served.port))

    def check(self) -> None:
        """Nothing missing, nothing twice, every call's end known."""
        counted = Counter(record.user_agent for record in self.records)
        missing = sorted(name for name in self.seen if not counted[name])
        assert not missing, f"{len(missing)} calls reached the provider unrecorded: {missing[:5]}"
        twice = sorted(name for name, count in counted.items() if count > 1)
        assert not twice, f"{len(twice)} calls are recorded twice: {twice[:5]}"
        assert len({record.call_id for record in self.records}) == len(self.records)
        assert self.answered <= set(counted)
        assert {record.state for record in self.records} == {"closed"}
        outcomes = Counter(str(record.outcome) for record in self.records)
        assert set(outcomes) <= {"answered", "cancelled", "lost", "failed"}
        assert outcomes["lost"] <= CALLERS * len(self.replaced_s)
        lost = {record.user_agent for record in self.records if record.outcome == "lost"}
        assert len(lost & self.answered) <= len(self.replaced_s)
        # Only calls that were on the killed worker fail, and none for a killed clerk.
        allowed = {"gate": CALLERS, "clerk": 0}
        assert all(count <= allowed[role] for role, count in self.failures), self.failures
        for record in self.records:
            assert record.outcome == "lost" or record.total_us
        print(f"{len(self.records)} calls: {dict(outcomes)}")
        print(f"gates replaced after {[f'{seconds:.2f} s' for seconds in self.replaced_s]}")
        print(f"calls that failed for their caller, by round: {self.failures}")
