"""The gate that agents call, before back ends of many dialects."""

from collections.abc import Iterator

import pytest
from tests.sdks.world import World, world


@pytest.fixture(scope="module")
def place() -> Iterator[World]:
    """One gate and one simulator for a module's tests."""
    with world() as started:
        yield started
