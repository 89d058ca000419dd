"""Callers with money are served, however many come at once and though none gives a limit."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.crashes.spending import Installation, body, counted
from tests.end_to_end.served import Served

from faregate.simulator.service import SimulatorThread

Start = Callable[..., Served]
KINDS = {
    "whole": lambda at: False,
    "streamed": lambda at: True,
    "both": lambda at: at % 2 == 0,
}


def _bursts(
    simulator: SimulatorThread,
    serve: Start,
    folder: Path,
    granted: str,
    workers: int,
    latencies_ms: tuple[int, ...],
) -> None:
    """At 2.50 and 10 dollars for a million tokens; a model's limit is 16,384 or 128,000."""
    place = Installation(folder, simulator.base_url, granted, workers=workers).start(serve)
    with place.sampled():
        for latency_ms in latencies_ms:
            for model, count in (("tokens", 10), ("tokens", 100), ("long", 100)):
                for kind, streamed in KINDS.items():
                    calls = [body(model, stream=streamed(at)) for at in range(count)]
                    answers = place.burst(calls, x_simulate=f"tokens=50,latency_ms={latency_ms}")
                    waited = sorted(one.seconds - latency_ms / 1_000 for one in answers)
                    print(
                        f"${granted}, {workers} workers, {count} x {model} {kind}: beyond the "
                        f"provider's {latency_ms} ms median {waited[count // 2]:.2f} s, "
                        f"longest {waited[-1]:.2f} s"
                    )
                    assert counted(answers) == {"200": count}
    place.stop()
    place.check()


def test_five_dollars_are_enough_for_a_hundred_at_once(
    simulator: SimulatorThread, serve: Start, tmp_path: Path
) -> None:
    _bursts(simulator, serve, tmp_path, "5", 4, (500,))


@pytest.mark.soak
@pytest.mark.parametrize("granted", ["5", "10"])
@pytest.mark.parametrize("workers", [1, 4])
def test_whatever_the_latency(
    granted: str, workers: int, simulator: SimulatorThread, serve: Start, tmp_path: Path
) -> None:
    _bursts(simulator, serve, tmp_path, granted, workers, (200, 1_000, 3_000))
