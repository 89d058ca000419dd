"""A provider and services for each test, ended when it is over."""

from collections.abc import Callable, Iterator

import pytest
from tests.end_to_end.served import Served, serving

from faregate.simulator.service import SimulatorThread


@pytest.fixture
def simulator() -> Iterator[SimulatorThread]:
    """A provider that remembers all that it was asked."""
    with SimulatorThread(keep=200_000) as running:
        yield running


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Starts `faregate serve`: serve(home, NAME="value")."""
    with serving() as start:
        yield start
