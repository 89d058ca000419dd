"""Every operation of the management API takes many more requests than in each test run."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.control.fuzzing import fuzz, operations
from tests.control.managed import Api, make_home

from faregate.configuration.commerce import Team
from faregate.configuration.document import Document
from faregate.control.management import open_management
from faregate.control.registry import all_routes

NAMES = sorted(one.id for routes in all_routes() for one in routes.operations)


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """All operations of one API, whose caller may everything."""
    home = make_home(tmp_path_factory.mktemp("fuzzed") / "home")
    with open_management(home) as management:
        api = Api(management)
        api.apply(Document(teams=(Team(name="sales"), Team(name="other"))))
        yield operations(api.client.app)


@pytest.mark.parametrize("name", NAMES)
def test_no_operation_breaks(every: dict[str, Any], name: str) -> None:
    assert fuzz(every[name], examples=60) > 0
