"""One installation for the tests of all operations."""

from collections.abc import Iterator

import pytest
from tests.client.served_api import served_api

from faregate.client.management import Client


@pytest.fixture(scope="package")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client that may do everything in a new installation."""
    with (
        served_api(tmp_path_factory.mktemp("api") / "home") as served,
        Client(served.url, served.token) as opened,
    ):
        yield opened
