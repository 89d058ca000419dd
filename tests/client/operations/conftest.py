"""One installation for the tests of all operations."""

from collections.abc import Iterator

import pytest
from tests.client.served_api import served_api, token_of_owner

from faregate.client.management import Client


@pytest.fixture(scope="package")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a person who may do everything in a new installation."""
    with (
        served_api(tmp_path_factory.mktemp("api") / "home") as served,
        Client(served.url, token_of_owner(served)) as opened,
    ):
        yield opened
