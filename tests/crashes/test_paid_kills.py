"""Whatever is killed under a storm of paid calls, the money is right to the nano-dollar."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.crashes.paid_load import kill, kill_database, storm_with_kills
from tests.crashes.spending import Installation
from tests.end_to_end.served import Served, wait_until
from tests.postgresql import PostgresqlServer, ledger_url, postgresql_server  # noqa: F401

from faregate.simulator.service import SimulatorThread


def _storm(
    place: Installation, kills: int, server: PostgresqlServer | None, simulator: SimulatorThread
) -> None:
    def kill_one(what: str) -> None:
        if what == "database":
            kill_database(place, server)
        else:
            kill(place, what)

    with place.sampled() as sampler:
        answers = storm_with_kills(place, kills, kill_one, "0.15")
        wait_until(place.posted, 60)
    place.stop()
    totals = place.check()
    received = simulator.snapshot()["received"]
    served = sum(one.served for one in answers)
    # A call of a killed worker may have been served, and is lost: charged nothing.
    assert totals.charges <= len(received) <= totals.charges + totals.lost + totals.unfinished
    assert served <= totals.charges + totals.lost
    print(
        f"{kills} kills: {len(answers)} calls, {served} served, {totals.charges} charged "
        f"{totals.charged_nano / 1e9} of {place.granted_nano / 1e9}, {totals.lost} lost, "
        f"borne {totals.short_nano / 1e9}, "
        f"overspend {max(0, totals.charged_nano - place.granted_nano)}, "
        f"{sampler.samples} samples, {sampler.away} while the ledger was away"
    )


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_three_kills(
    kind: str,
    request: pytest.FixtureRequest,
    simulator: SimulatorThread,
    serve: Callable[..., Served],
    tmp_path: Path,
) -> None:
    _kill_in(kind, 3, request, simulator, serve, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_fifty_kills(
    kind: str,
    request: pytest.FixtureRequest,
    simulator: SimulatorThread,
    serve: Callable[..., Served],
    tmp_path: Path,
) -> None:
    _kill_in(kind, 50, request, simulator, serve, tmp_path)


def _kill_in(
    kind: str,
    kills: int,
    request: pytest.FixtureRequest,
    simulator: SimulatorThread,
    serve: Callable[..., Served],
    tmp_path: Path,
) -> None:
    on_server = kind == "postgresql"
    server = request.getfixturevalue("postgresql_server") if on_server else None
    url = request.getfixturevalue("ledger_url") if on_server else None
    place = Installation(tmp_path, simulator.base_url, "0.15", workers=4, ledger_url=url)
    _storm(place.start(serve), kills, server, simulator)
