"""However many call at once, over however many workers, no more is spent than there is."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.crashes.spending import SLOW, Answer, Installation, body, counted
from tests.end_to_end.served import Served, wait_until
from tests.postgresql import ledger_url, postgresql_server  # noqa: F401

from faregate.simulator.service import SimulatorThread

CALLERS = 120
CALLS = 30  # that the wallet is for
MODELS = ("flat", "tokens", "odd", "dear", "long")

Start = Callable[..., Served]


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest) -> str | None:
    """The ledger's address; None: a file."""
    return request.getfixturevalue("ledger_url") if request.param == "postgresql" else None


@pytest.mark.parametrize("workers", [1, 4])
def test_storms_over_an_almost_empty_wallet(
    workers: int, ledger: str | None, simulator: SimulatorThread, serve: Start, tmp_path: Path
) -> None:
    granted = f"{CALLS * 3 / 1_000:.3f}"
    place = Installation(
        tmp_path, simulator.base_url, granted, workers=workers, ledger_url=ledger
    ).start(serve)
    with place.sampled() as sampler:
        _exactly_so_many(place)
        assert len(simulator.snapshot()["received"]) == CALLS
        if workers > 1 or ledger is None:
            _top_up_is_noticed(place)
            _all_kinds_and_nothing_stranded(place)
    place.stop()
    totals = place.check()
    print(f"{workers} workers: {totals}; {sampler.samples} samples, overspend 0")


def _exactly_so_many(place: Installation) -> None:
    """What is held is what is charged, so the wallet is for exactly so many calls."""
    answers = place.burst([body("flat", stream=at % 2 == 0) for at in range(CALLERS)])
    print(f"exactly: {counted(answers)}, longest {_longest(answers):.2f} s")
    # Nothing is held any more when the last is told: money is missing, and no waiting helps.
    assert counted(answers) == {"200": CALLS, "402 credit_exhausted": CALLERS - CALLS}
    wait_until(place.posted, 15)
    assert place.balance_nano() == 0
    late = place.burst([body("flat")] * 10)
    assert counted(late) == {"402 credit_exhausted": 10}


def _top_up_is_noticed(place: Installation) -> None:
    """By calls that wait, and by those that come after."""
    place.grant("0.003")
    asked = [body("flat"), *[body("flat")] * 10]
    answers: list[Answer] = []
    slow = "tokens=20,latency_ms=2000"
    storm = threading.Thread(target=lambda: answers.extend(place.burst(asked, x_simulate=slow)))
    storm.start()
    time.sleep(1.0)
    place.grant("0.015")
    storm.join(60)
    print(f"top-up: {counted(answers)}, longest {_longest(answers):.2f} s")
    served = [one.seconds for one in answers if one.served]
    assert len(served) >= 6  # one before, five of those that waited
    assert len([seconds for seconds in served if seconds < 2.0 + 1.0 + 1.0]) >= 6
    _spend_the_rest(place, body("flat"))
    place.grant("0.003")
    begun = time.monotonic()
    wait_until(lambda: place.burst([body("flat")])[0].served, 5)
    took_s = time.monotonic() - begun
    print(f"top-up: a new call passes after {took_s:.2f} s")
    assert took_s < 1.0


def _all_kinds_and_nothing_stranded(place: Installation) -> None:
    """Holds are larger than charges here; what isn't charged comes back."""
    place.grant("0.2")
    kinds = [
        body(MODELS[at % len(MODELS)], stream=at % 2 == 0, **({"max_tokens": 40} if at % 3 else {}))
        for at in range(2 * CALLERS)
    ]
    answers = place.burst(kinds, x_simulate=SLOW)
    print(f"all kinds: {counted(answers)}, longest {_longest(answers):.2f} s")
    assert sum(one.served for one in answers) >= 20
    assert set(counted(answers)) <= {
        "200", "200 call_too_large", "200 credit_exhausted", "200 credit_held",
        "402 call_too_large", "402 credit_exhausted", "429 credit_held",
    }  # fmt: skip
    _spend_the_rest(place, body("flat"))
    wait_until(place.posted, 15)
    place.check_prices(kinds, answers)
    assert place.balance_nano() < 3_000_000  # not enough for one more: nothing is stranded


def _spend_the_rest(place: Installation, asked: dict[str, Any]) -> None:
    for _ in range(400):
        [answer] = place.burst([asked])
        if answer.status == 402:
            return
        assert answer.served, answer
    pytest.fail("there is no end of the money")


def _longest(answers: list[Answer]) -> float:
    return max(one.seconds for one in answers)
