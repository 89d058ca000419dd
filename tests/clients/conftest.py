"""Gates that the tests of a module share."""

from collections.abc import Iterator

import pytest
from tests.clients.gates import Address, gate_thread, local_model
from tests.end_to_end.served import model_is_installed

from faregate.simulator.service import SimulatorThread


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    """An upstream that does as it is told."""
    with SimulatorThread() as started:
        yield started


@pytest.fixture(scope="module")
def gate(simulator: SimulatorThread) -> Iterator[Address]:
    """A gate before the simulator."""
    with gate_thread(simulator.base_url) as address:
        yield address


@pytest.fixture(scope="module")
def model_gate() -> Iterator[Address]:
    """A gate before the real model."""
    if not model_is_installed():
        pytest.skip("needs requirements/local.txt")
    with local_model() as base_url, gate_thread(base_url) as address:
        yield address
