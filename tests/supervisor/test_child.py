"""A child is started, listened to, replaced and ended, whatever it does itself."""

import asyncio
import contextlib
import sys
import time
from pathlib import Path

import pytest

from faregate.supervisor.child import MESSAGE_BYTES_MAX, SILENCE_S_MAX, Child, ChildPlan
from faregate.supervisor.log import EventLog

STAND_IN = str(Path(__file__).with_name("stand_in.py"))


class Kept:
    """A child that runs, and what happens to it."""

    def __init__(self, *command: str, role: str = "gate") -> None:
        self._changed = asyncio.Event()
        self.child = Child(ChildPlan(role, command), EventLog(), self._changed.set)
        self.life = asyncio.create_task(self.child.run())

    async def becomes(self, state: str) -> None:
        async with asyncio.timeout(10):
            while self.child.state != state:
                await self._changed.wait()
                self._changed.clear()

    async def stop(self, patience_s: float = 5.0) -> None:
        await self.child.stop(patience_s, asyncio.Event())
        async with asyncio.timeout(5):
            await self.life


@pytest.fixture
async def keep():
    kept: list[Kept] = []

    def keep(*arguments: str, **options: str) -> Kept:
        kept.append(Kept(sys.executable, *arguments, **options))
        return kept[-1]

    yield keep
    for one in kept:
        with contextlib.suppress(TimeoutError):
            await one.stop(0.0)


async def test_a_child_becomes_ready_and_is_ended_by_a_drain(keep) -> None:
    kept = keep(STAND_IN, "works")
    await kept.becomes("ready")
    assert kept.child.pid is not None
    await kept.stop()
    assert kept.child.state == "stopped"
    assert kept.child.restarts == 0


async def test_metrics_are_fetched_and_kept_over_a_restart(keep, capfd) -> None:
    kept = keep(STAND_IN, "works")
    await kept.becomes("ready")
    await kept.child.refresh_metrics()
    assert kept.child.metrics()["counters"]["faregate_stream_events_total"] == [[[], 5]]
    kept.child.end_if_silent(time.monotonic() + SILENCE_S_MAX + 1)
    await kept.becomes("restarting")
    assert kept.child.metrics()["counters"]["faregate_stream_events_total"] == [[[], 5]]
    assert "gauges" not in kept.child.metrics()
    await kept.becomes("ready")
    assert "gate.hangs" in capfd.readouterr().err


async def test_only_a_gate_is_held_to_speak(keep) -> None:
    kept = keep(STAND_IN, "works", role="clerk")
    await kept.becomes("ready")
    pid = kept.child.pid
    kept.child.end_if_silent(time.monotonic() + 1000)
    await kept.child.refresh_metrics()
    assert kept.child.pid == pid


async def test_a_program_that_is_not_there_is_hopeless(keep) -> None:
    kept = Kept("/nonexistent/program")
    async with asyncio.timeout(10):
        await kept.life
    assert kept.child.policy.hopeless()
    assert kept.child.restarts == 4


async def test_stopping_in_the_middle_of_a_start_leaves_nothing(keep) -> None:
    for turns in range(6):
        kept = keep(STAND_IN, "works")
        for _ in range(turns):
            await asyncio.sleep(0)
        await kept.stop()
        assert kept.child.state == "stopped"
        assert kept.child.pid is None


async def test_nonsense_on_the_channel_is_told_of_and_survived(keep, capfd) -> None:
    program = (
        "import socket, sys; s = socket.socket(fileno=int(sys.argv[sys.argv.index('--control-fd')"
        ' + 1])); s.sendall(b\'nonsense\\n[1]\\n{"type": "unheard-of"}\\n{"type": "ready"}\\n\');'
        "s.recv(100)"
    )
    kept = keep("-c", program)
    await kept.becomes("ready")
    assert capfd.readouterr().err.count("gate.message_unknown") == 3


async def test_a_message_without_end_costs_the_child_its_life(keep, capfd) -> None:
    program = (
        "import socket, sys; s = socket.socket(fileno=int(sys.argv[sys.argv.index('--control-fd')"
        f" + 1])); s.sendall(b'x' * {3 * MESSAGE_BYTES_MAX}); s.recv(100)"
    )
    kept = keep("-c", program)
    await kept.becomes("restarting")
    assert "gate.channel_broken" in capfd.readouterr().err
