"""The service keeps its processes alive and ends them all, whatever ends the service."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from faregate.identity.operator import operator_token
from faregate.net.control import SPENT_MAX

PROGRAM = Path(__file__).with_name("service_program.py")


class Running:
    """A service of stand-ins in a process of its own."""

    def __init__(self, behaviour: str, workers: int, drain_timeout_s: float, **environment) -> None:
        arguments = [behaviour, str(workers), str(drain_timeout_s)]
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        self.facts = json.loads(self.process.stdout.readline())

    def ready(self) -> "Running":
        """Wait until all its processes are ready, the clerk too, which it doesn't wait for."""
        assert self.process.stdout.readline() == "ready\n"
        wait_until(lambda: all(p["state"] == "ready" for p in self.status()["processes"]))
        return self

    def get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.facts["operations"], timeout=5)
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read()

    def status(self) -> dict:
        return json.loads(self.get("/status")[1])

    def pids(self, role: str) -> list[int]:
        return [p["pid"] for p in self.status()["processes"] if p["role"] == role and p["pid"]]

    def answer(self) -> int:
        """The pid of the gate that takes a new connection."""
        with socket.create_connection(("127.0.0.1", self.facts["port"]), timeout=5) as sock:
            return int(sock.makefile().readline())

    def end(self) -> tuple[int, str]:
        _, log = self.process.communicate(timeout=20)
        return self.process.returncode, log


@pytest.fixture
def start():
    started: list[Running] = []

    def start(behaviour="works", workers=2, drain_timeout_s=5.0, **environment) -> Running:
        started.append(Running(behaviour, workers, drain_timeout_s, **environment))
        return started[-1]

    yield start
    for running in started:
        running.process.kill()
        running.process.communicate()


def alive(pid: int) -> bool:
    """Whether any of its threads lives: the first may be dead while another still accepts."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" or len(os.listdir(f"/proc/{pid}/task")) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition, seconds: float = 5.0) -> float:
    """Seconds that it took; fails when it takes longer than `seconds`."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, "it took too long"
        time.sleep(0.01)
    return time.monotonic() - begun


def test_all_processes_start_serve_and_are_told_of_by_the_operations_port(start) -> None:
    running = start().ready()
    assert running.get("/healthz")[0] == 200
    assert running.get("/readyz")[0] == 200
    status = running.status()
    assert status["ready"] is True
    assert [p["role"] for p in status["processes"]] == ["gate", "gate", "clerk"]
    assert running.answer() in running.pids("gate")


def test_a_signal_ends_everything_and_leaves_with_success(start) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        running = start().ready()
        pids = running.pids("gate") + running.pids("clerk")
        running.process.send_signal(number)
        status, log = running.end()
        assert status == 0, log
        assert "Traceback" not in log
        assert not any(map(alive, pids))


@pytest.mark.alone
def test_a_killed_gate_is_replaced_within_a_second_on_the_same_socket(start) -> None:
    running = start(workers=1).ready()
    [pid] = running.pids("gate")
    os.kill(pid, signal.SIGKILL)
    begun = time.monotonic()
    wait_until(lambda: not alive(pid))  # until then it may take one with it
    # Connections that come meanwhile wait in the socket: none is refused.
    successor = running.answer()
    assert time.monotonic() - begun < 1.0
    assert successor != pid
    assert running.status()["processes"][0]["restarts"] == 1


def test_a_killed_clerk_comes_back(start) -> None:
    running = start().ready()
    [pid] = running.pids("clerk")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: running.pids("clerk") not in ([], [pid]))


def test_nothing_is_left_when_the_supervisor_is_killed(start) -> None:
    running = start().ready()
    pids = running.pids("gate") + running.pids("clerk")
    running.process.kill()
    wait_until(lambda: not any(map(alive, pids)))


def test_a_drain_waits_for_the_gates_and_refuses_new_connections(start) -> None:
    running = start("slow", STAND_IN_DRAIN_S="1.0").ready()
    clerk = running.pids("clerk")
    running.process.send_signal(signal.SIGTERM)
    wait_until(lambda: running.get("/readyz")[0] == 503)
    assert b"draining" in running.get("/readyz")[1]
    assert running.get("/healthz")[0] == 200
    assert running.pids("clerk") == clerk  # it reads what the gates still write
    assert running.end()[0] == 0


def test_the_drain_ends_at_its_timeout_and_a_stubborn_process_is_killed(start) -> None:
    running = start("stubborn", workers=1, drain_timeout_s=0.3).ready()
    pids = running.pids("gate")
    begun = time.monotonic()
    running.process.send_signal(signal.SIGTERM)
    status, log = running.end()
    assert status == 0
    assert "gate.killed" in log
    assert time.monotonic() - begun < 5
    assert not any(map(alive, pids))


def test_a_second_signal_does_not_wait_for_calls_in_flight(start) -> None:
    running = start("slow", drain_timeout_s=60, STAND_IN_DRAIN_S="60").ready()
    running.process.send_signal(signal.SIGINT)
    wait_until(lambda: running.get("/readyz")[0] == 503)
    begun = time.monotonic()
    running.process.send_signal(signal.SIGINT)
    assert running.end()[0] == 0
    assert time.monotonic() - begun < 5


def test_a_service_that_can_not_start_says_so_and_gives_up(start) -> None:
    running = start("dies", workers=1)
    status, log = running.end()
    assert status == 1
    assert "error: the gate 0 process ends at its start, 5 times in a row" in log
    assert 'gate.died worker=0 reason="exit status 3"' in log


def test_counters_of_a_dead_worker_are_kept_and_gauges_are_not(start) -> None:
    running = start(workers=2).ready()

    def value(name: str, **labels) -> float:
        page = running.get("/metrics")[1].decode()
        samples = [s for f in text_string_to_metric_families(page) for s in f.samples]
        return sum(s.value for s in samples if s.name == name and s.labels == labels)

    assert value("faregate_stream_events_total") == 15  # two gates and the clerk, 5 each
    os.kill(running.pids("gate")[0], signal.SIGKILL)
    wait_until(lambda: value("faregate_workers", role="gate", state="ready") == 2)
    assert value("faregate_stream_events_total") == 20
    assert value("faregate_worker_restarts_total", role="gate") == 1
    assert value("faregate_configuration_revision") == 7


def test_a_hangup_tells_the_gates_to_reload(start) -> None:
    running = start(workers=1).ready()
    running.process.send_signal(signal.SIGHUP)

    def reloaded() -> bool:
        return b"faregate_stream_events_total 11.0" in running.get("/metrics")[1]

    wait_until(reloaded)  # 5 of the clerk, 5 of the gate, and one reload
    assert running.status()["ready"] is True


def test_providers_are_asked_of_all_gates_and_orders_reach_them(start) -> None:
    running = start("works", 2, 5.0).ready()
    port = running.facts["operations"]

    def order(target: str, token: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("POST", target, headers={"authorization": f"Bearer {token}"})
        return connection.getresponse().status

    token = operator_token(bytes(32))
    assert order("/providers/reset?provider=p", operator_token(b"x" * 32)) == 401
    assert order("/providers/reset?provider=p&key=k", token) == 200
    assert order("/providers/reset", token) == 400
    assert order("/providers/balance?provider=p&amount_nano=5", token) == 200
    assert order("/providers/balance?provider=p&amount_nano=x", token) == 400
    status, body = running.get("/providers")
    told = json.loads(body)
    heard = [["reset", {"provider": "p", "key": "k"}], ["balances", {"p": 5}]]
    assert status == 200
    assert told["silent"] == 0
    assert [(one["worker"], one["accounts"]) for one in told["workers"]] == [(0, heard), (1, heard)]
    os.kill(running.pids("gate")[0], signal.SIGKILL)

    def told_anew() -> bool:
        workers = json.loads(running.get("/providers")[1])["workers"]
        return [one["accounts"] for one in workers] == [[["balances", {"p": 5}]], heard]

    wait_until(told_anew)


def test_what_is_spent_is_told_to_all_gates_and_anew(start) -> None:
    spent = {f"p{number}": {"day": [1, number]} for number in range(SPENT_MAX + 1)}
    running = start(STAND_IN_SPENT=json.dumps(spent)).ready()

    def heard() -> list[dict]:
        """What each gate was told, in whatever parts."""
        workers = json.loads(running.get("/providers")[1])["workers"]
        told = [[part for kind, part in one["accounts"] if kind == "spent"] for one in workers]
        return [{name: by for part in parts for name, by in part.items()} for parts in told]

    wait_until(lambda: heard() == [spent, spent])
    os.kill(running.pids("gate")[0], signal.SIGKILL)
    wait_until(lambda: len(running.pids("gate")) == 2 and heard() == [spent, spent])
