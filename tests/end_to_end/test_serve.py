"""`faregate serve` serves what is configured, with several workers, and stays up."""

import json
import os
import signal
import threading
import time

import pytest
from tests.children import replacement_s_max
from tests.end_to_end.served import processes_of, wait_until

from faregate.identity.keys import generate_key
from faregate.simulator.service import SimulatorThread

CONFIGURATION = """
version: 1
providers:
  - name: simulated
    base_url: {base_url}
    proxy: none
models:
  - name: small
    provider: simulated
  - name: slow
    provider: simulated
    upstream_model: "sim:latency_ms=1500"
keys:
  - name: test
    secret: ${{env:TEST_KEY}}
"""
KEY = generate_key()


@pytest.fixture
def configuration(tmp_path):
    with SimulatorThread() as simulator:
        path = tmp_path / "faregate.yaml"
        path.write_text(CONFIGURATION.format(base_url=simulator.base_url))
        yield str(path)


@pytest.fixture
def served(serve, home, configuration):
    return serve(home, "--config", configuration, "--workers", "2", TEST_KEY=KEY).ready()


def ask(served, model: str = "small") -> int:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    return served.post("/v1/chat/completions", body, KEY)[0]


def test_a_configured_gate_is_ready_fast_and_answers(served) -> None:
    assert ask(served) == 200
    assert len(served.pids("gate")) == 2
    assert served.operations("/healthz")[0] == 200
    assert served.operations("/readyz")[0] == 200


@pytest.mark.alone
def test_a_killed_worker_is_replaced_within_a_second_and_the_others_serve_on(served) -> None:
    before = served.pids("gate")
    os.kill(before[0], signal.SIGKILL)
    begun = time.monotonic()
    wait_until(lambda: len(set(served.pids("gate")) - {before[0]}) == 2)
    took_s = time.monotonic() - begun
    assert took_s < replacement_s_max()
    # A connection that was given to the dead worker's socket waited there.
    assert [ask(served) for _ in range(20)] == [200] * 20
    assert before[1] in served.pids("gate")


def test_a_drain_lets_a_call_in_flight_finish_and_leaves_nothing(served, home) -> None:
    results: list[int] = []
    call = threading.Thread(target=lambda: results.append(ask(served, "slow")))
    call.start()
    wait_until(lambda: b'faregate_connections{state="active"} 1.0' in _metrics(served))
    begun = time.monotonic()
    assert served.stop(signal.SIGTERM) == 0
    call.join()
    assert results == [200]
    assert time.monotonic() - begun < 8
    assert processes_of(home) == []
    assert "Traceback" not in served.log


def _metrics(served) -> bytes:
    return served.operations("/metrics")[1]


def test_counters_survive_the_death_of_their_worker(served) -> None:
    def answered() -> float:
        rows = [row for row in _metrics(served).decode().splitlines() if "answered" in row]
        return sum(float(row.split()[-1]) for row in rows if row.startswith("faregate_calls_total"))

    assert [ask(served) for _ in range(10)] == [200] * 10
    wait_until(lambda: answered() == 10)
    for pid in served.pids("gate"):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(served.pids("gate")) == 2)
    assert answered() == 10
    assert ask(served) == 200
    wait_until(lambda: answered() == 11)


def test_without_an_installation_the_way_to_make_one_is_named(serve, home) -> None:
    served = serve(home)
    assert served.process.wait(20) == 1
    assert "faregate init" in served.log
    assert not home.exists()


def test_status_says_when_nothing_runs(serve, served) -> None:
    facts = json.loads(served.run("status", "--json").stdout)
    assert (facts["running"], facts["ready"]) == (True, True)
    served.stop()
    after = served.run("status", "--json")
    assert after.returncode == 3
    assert json.loads(after.stdout)["running"] is False
