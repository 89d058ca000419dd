"""Fixtures of the management API's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.control.managed import Api, make_home

from faregate.control.management import Management, open_management


@pytest.fixture
def management(tmp_path: Path) -> Iterator[Management]:
    """The stores of a new installation."""
    with open_management(make_home(tmp_path / "home")) as opened:
        yield opened


@pytest.fixture
def api(management: Management) -> Api:
    """All operations over it, asked by whoever may everything."""
    return Api(management)
