"""The process runs what comes, and leaves when it is told to or alone."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator

import pytest
from tests.end_to_end.served import wait_until
from tests.runner.stand_ins import Stage, line

from faregate.core.clock import SystemClock
from faregate.runner import process
from faregate.runner.gates import Reply
from faregate.runner.process import RunnerProcess


@pytest.fixture(autouse=True)
def signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handlers are the main thread's to set."""
    monkeypatch.setattr(process.signal, "signal", lambda *_: None)


@contextlib.contextmanager
def working(stage: Stage) -> Iterator[socket.socket]:
    """A runner's process in a thread; gives the supervisor's end of its channel."""
    ours, theirs = socket.socketpair()
    stage.clock = SystemClock()  # type: ignore[assignment]
    made = RunnerProcess(
        stage.store, stage.calls, stage.gates, stage.clock, lambda: stage.settings, theirs.detach()
    )
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield ours
    finally:
        ours.close()
        thread.join(10)
        assert not thread.is_alive()


def test_it_runs_what_is_made_and_leaves_when_told() -> None:
    stage = Stage()
    with working(stage) as channel:
        assert json.loads(channel.recv(100)) == {"type": "ready"}
        batch_id = stage.make(line("a"), line("b"), expires_s=1 << 40)
        wait_until(lambda: stage.batch(batch_id).state == "completed")
        channel.sendall(b'{"type":"metrics"}\n{"type":"drain"}\n')
        assert json.loads(channel.recv(100)) == {"type": "drained"}


def test_it_lets_calls_under_way_end() -> None:
    stage = Stage()
    begun, release = threading.Event(), threading.Event()

    def answer(*_: object) -> Reply:
        begun.set()
        assert release.wait(10)
        return Reply(200, {}, b"{}")

    stage.gates.answer = answer
    with working(stage) as channel:
        channel.recv(100)
        batch_id = stage.make(line("a"), expires_s=1 << 40)
        assert begun.wait(10)
        channel.sendall(b'{"type":"drain"}\n')
        channel.settimeout(0.3)
        with pytest.raises(TimeoutError):
            channel.recv(100)
        release.set()
        channel.settimeout(10)
        assert json.loads(channel.recv(100)) == {"type": "drained"}
    assert stage.batch(batch_id).succeeded == 1


def test_it_leaves_when_its_supervisor_is_gone() -> None:
    with working(Stage()) as channel:
        assert channel.recv(100)  # the end of the block closes it
