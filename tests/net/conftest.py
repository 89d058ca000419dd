"""All tests of the network run on the event loop that the gate runs on."""

import uvloop


def pytest_asyncio_loop_factories():
    """The gate's loop."""
    return {"uvloop": uvloop.new_event_loop}
