"""However many call at once, over however many workers, no more is spent than there is."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.crashes.spending import Installation, body, counted
from tests.end_to_end.served import Served, serving, wait_until
from tests.postgresql import ledger_url, postgresql_server  # noqa: F401

from faregate.simulator.service import SimulatorThread

CALLERS = 120
CALLS = 30  # that the wallet is for


@pytest.fixture
def simulator() -> Iterator[SimulatorThread]:
    """A provider that remembers all that it was asked."""
    with SimulatorThread(keep=200_000) as running:
        yield running


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Starts services, and ends them."""
    with serving() as start:
        yield start


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest) -> str | None:
    """The ledger's address; None: a file."""
    return request.getfixturevalue("ledger_url") if request.param == "postgresql" else None


@pytest.mark.parametrize("workers", [1, 4])
def test_a_wallet_for_so_many_calls_serves_so_many(
    workers: int,
    ledger: str | None,
    simulator: SimulatorThread,
    serve: Callable[..., Served],
    tmp_path: Path,
) -> None:
    granted = f"{CALLS * 3 / 1_000:.3f}"
    place = Installation(
        tmp_path, simulator.base_url, granted, workers=workers, ledger_url=ledger
    ).start(serve)
    with place.sampled() as sampler:
        answers = place.burst([body("flat", stream=at % 2 == 0) for at in range(CALLERS)])
        print(counted(answers))
        wait_until(place.posted, 10)
        late = place.burst([body("flat")] * 10)
    # Nothing is held any more when the last is told: money is missing, and no waiting helps.
    assert counted(answers) == {"200": CALLS, "402 credit_exhausted": CALLERS - CALLS}
    print(f"longest {max(one.seconds for one in answers):.2f} s")
    assert counted(late) == {"402 credit_exhausted": 10}
    place.stop()
    totals = place.check()
    assert (totals.charges, totals.balance_nano) == (CALLS, 0)
    received = simulator.snapshot()["received"]
    assert len(received) == CALLS
    print(f"{workers} workers: {totals}, {sampler.samples} samples")
