"""The gate's tests run on the loop that the gate runs on."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop
from tests.gate.running import Place, running


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop, as in production."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """A gate before a simulator."""
    async with running() as started:
        yield started
