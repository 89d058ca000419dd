"""The same commands on this machine, and over the management API."""

import contextlib
from collections.abc import Iterator

from tests.cli.console import Console
from tests.client.served_api import served_api

PLACES = ("here", "elsewhere")


@contextlib.contextmanager
def console_at(place: str, console: Console) -> Iterator[Console]:
    """A console whose commands are for a new installation `here` or `elsewhere`."""
    if place == "here":
        console.good("init")
        yield console
        return
    with served_api(console.home.root) as served:
        console.setenv("FAREGATE_MANAGEMENT_URL", served.url)
        console.setenv("FAREGATE_TOKEN", served.token)
        yield console


@contextlib.contextmanager
def on_the_machine(console: Console) -> Iterator[None]:
    """Commands of the block are for the data folder itself."""
    console.setenv("FAREGATE_PROFILE", "local")
    yield
    console.setenv("FAREGATE_PROFILE", "")
