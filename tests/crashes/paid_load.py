"""Callers that pay and go on whatever dies, and what dies meanwhile."""

import asyncio
import itertools
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final, Self

from tests.crashes.spending import Answer, Installation, ask, body
from tests.end_to_end.served import wait_until
from tests.gate.running import connect
from tests.postgresql import PostgresqlServer

from faregate.storage.home import Home

CALLERS: Final = 24
SCRIPTS: Final = ("tokens=5", "tokens=20,token_ms=2", "latency_ms=30", "tokens=300")
MODELS: Final = ("flat", "tokens", "odd", "dear")
_IN_TRANSACTION: Final = """
import sqlite3, sys, time
ledger = sqlite3.connect(sys.argv[1], isolation_level=None)
ledger.execute("BEGIN IMMEDIATE")
ledger.execute("UPDATE accounts SET balance_nano = balance_nano + 1000000")
ledger.execute("UPDATE purses SET drawn = drawn + 1000000")
print("within", flush=True)
time.sleep(60)
"""


class PaidLoad:
    """Callers without end, in a loop and a thread of their own."""

    def __init__(self, place: Installation) -> None:
        self._place = place
        self._stop = False
        self._numbers = itertools.count()
        self.answers: list[Answer] = []
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as callers:
            for _ in range(CALLERS):
                callers.create_task(self._call_on())

    async def _call_on(self) -> None:
        while not self._stop:
            number = next(self._numbers)
            asked = body(MODELS[number % 4], stream=number % 3 == 0)
            if number % 5:
                asked["max_tokens"] = 300
            try:
                async with await connect(self._place.served.port, self._place.key) as client:
                    found = await ask(client, asked, x_simulate=random.choice(SCRIPTS))
            except OSError:
                found = Answer(0, "unreachable", 0.0)
            self.answers.append(found)
            if not found.served:
                await asyncio.sleep(0.02)

    @property
    def served(self) -> int:
        """How many calls were answered."""
        return sum(one.served for one in self.answers)

    def told(self) -> dict[str, int]:
        """How many of each status and code."""
        found = Counter(f"{one.status} {one.code}".strip() for one in self.answers)
        return dict(sorted(found.items()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._thread.join(60)


def kill(place: Installation, role: str) -> None:
    """Kill one process of a role, and wait for the one that takes its place."""
    count = place.workers if role == "gate" else 1
    served = place.served
    wait_until(lambda: len(served.pids(role)) == count, 30)
    before = set(served.pids(role))
    victim = random.choice(sorted(before))
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(set(served.pids(role)) - {victim}) == count, 30)


def kill_database(place: Installation, server: PostgresqlServer | None) -> None:
    """PostgreSQL crashes and comes back; SQLite's file loses a writer within a transaction."""
    if server is not None:
        if random.random() < 0.5:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'faregate'"
            )
            return
        server.crash()
        time.sleep(random.random())
        server.start()
        return
    path = str(Home(place.home).ledger_database)
    command = [sys.executable, "-c", _IN_TRANSACTION, path]
    for _ in range(20):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as writer:
            assert writer.stdout is not None
            within = writer.stdout.readline()
            time.sleep(random.random() / 2)
            writer.kill()
        if within:
            return
    raise sqlite3.OperationalError("the ledger was locked all the time")


def storm_with_kills(
    place: Installation, kills: int, kill_one: Callable[[str], None], credit: str
) -> list[Answer]:
    """Kill one thing after another under load; before each there is a little more credit."""
    answers: list[Answer] = []
    for number in range(kills):
        with PaidLoad(place) as load:
            place.grant(credit)
            wait_until(lambda load=load: load.served > 20, 60)
            kill_one(("gate", "clerk", "database")[number % 3])
            so_far = load.served
            place.grant(credit)
            wait_until(lambda load=load, goal=so_far + 20: load.served > goal, 60)
        print(f"kill {number + 1}: {load.told()}", flush=True)
        answers += load.answers
    return answers
