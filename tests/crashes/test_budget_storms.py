"""Budgets hold as wallets do: of keys, applications, customers and runs, all at once."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.crashes.spending import QUICK, Asked, Installation, body, counted, storm
from tests.end_to_end.served import Served, wait_until
from tests.postgresql import ledger_url, postgresql_server  # noqa: F401

from faregate.simulator.service import SimulatorThread

Start = Callable[..., Served]
# A call of "flat" is 0.003 dollars: so many calls are 120, 200, 10 and 5.
BUDGETS = [
    {"name": "key", "each": "key", "amount": "0.36", "window": "day"},
    {"name": "shop", "each": "application", "amount": "0.6", "window": "hour", "rolling": True},
    {"name": "customer", "each": "customer", "amount": "0.03", "window": "month"},
    {"name": "run", "each": "run", "amount": "0.015"},
]


def _asked(key: str, at: int, **headers: str) -> Asked:
    return key, body("flat", stream=at % 2 == 0), {"x_simulate": QUICK} | headers


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.soak)])
def test_no_budget_is_exceeded_by_one(
    kind: str,
    request: pytest.FixtureRequest,
    simulator: SimulatorThread,
    serve: Start,
    tmp_path: Path,
) -> None:
    url = request.getfixturevalue("ledger_url") if kind == "postgresql" else None
    more: dict[str, Any] = {"budgets": BUDGETS}
    place = Installation(
        tmp_path, simulator.base_url, "2", workers=4, ledger_url=url, more=more
    ).start(serve)
    mine, others = place.key, place.other_key
    with place.sampled() as sampler:
        place.grant("0.5", expires_in_s=4)
        customers = [f"customer-{at % 4}" for at in range(100)]
        found = storm(
            place.served.port,
            [_asked(mine, at, faregate_customer=name) for at, name in enumerate(customers)],
        )
        print(f"customers: {counted(found)}")
        for name in set(customers):
            of_one = [one for one, whose in zip(found, customers, strict=True) if whose == name]
            assert counted(of_one) == {"200": 10, "429 budget_exhausted": 15}
        # An agent and its sub-agents, which have keys of their own.
        run = [_asked((mine, others)[at % 2], at, faregate_run="task-7") for at in range(40)]
        found = storm(place.served.port, run)
        print(f"run: {counted(found)}")
        assert counted(found) == {"200": 5, "402 budget_exhausted": 35}
        wait_until(lambda: place.rows("SELECT 1 FROM transfers WHERE kind = 'expiry'"), 20)
        found = storm(place.served.port, [_asked((mine, others)[at % 2], at) for at in range(320)])
        print(f"keys and application: {counted(found)}")
        assert counted(found) == {"200": 200 - 45, "429 budget_exhausted": 320 - 155}
        wait_until(place.posted, 15)
    place.stop()
    totals = place.check()
    assert (totals.charges, totals.charged_nano) == (200, 600_000_000)
    print(f"{totals}, {sampler.samples} samples")


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_worker_that_vanishes_and_comes_back(
    kind: str,
    request: pytest.FixtureRequest,
    simulator: SimulatorThread,
    serve: Start,
    tmp_path: Path,
) -> None:
    url = request.getfixturevalue("ledger_url") if kind == "postgresql" else None
    place = Installation(
        tmp_path, simulator.base_url, "0.9", workers=2, ledger_url=url, vanish_after_s=10
    ).start(serve)
    port = place.served.port

    def calls(count: int, script: str) -> list[Asked]:
        return [(place.key, body("flat"), {"x_simulate": script}) for _ in range(count)]

    with place.sampled() as sampler:
        victim = place.served.pids("gate")[0]
        held = storm(port, calls(100, "tokens=5,latency_ms=4000"), patience_s=1.5)
        print(f"begun: {counted(held)}")
        late = calls(100, "tokens=5,latency_ms=3000")
        _stop_within(victim, port, late)
        wait_until(lambda: "worker_vanished" in place.events(), 60)
        # All that there is now goes through the other one.
        for _ in range(2):
            print(f"meanwhile: {counted(storm(port, calls(300, QUICK), patience_s=2))}")
        os.kill(victim, signal.SIGCONT)
        time.sleep(3)
        after = storm(port, calls(100, QUICK))
        print(f"after: {counted(after)}")
        assert set(counted(after)) <= {"200", "402 credit_exhausted"}
        wait_until(place.posted, 15)
    assert "silent for too long" in place.served.log
    place.stop()
    totals = place.check(shortfalls=True)
    print(f"{totals}, {sampler.samples} samples, events {place.events()}")
    assert totals.balance_nano < 3_000_000


def _stop_within(victim: int, port: int, calls: list[Asked]) -> None:
    """Stop a worker while it has calls in flight."""
    storming = threading.Thread(target=lambda: storm(port, calls, patience_s=2))
    storming.start()
    time.sleep(1.0)
    os.kill(victim, signal.SIGSTOP)
    storming.join()
