"""Fixtures of the management API's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.control.managed import ROOT, Api, make_home
from tests.control.resources.world import document

from faregate.configuration.document import Document
from faregate.control.management import Management, open_management
from faregate.identity.permissions import machine_principal


@pytest.fixture
def management(tmp_path: Path) -> Iterator[Management]:
    """The stores of a new installation."""
    with open_management(make_home(tmp_path / "home")) as opened:
        yield opened


@pytest.fixture
def api(management: Management) -> Api:
    """All operations over it, asked by whoever may everything."""
    return Api(management)


@pytest.fixture(scope="module")
def stocked_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The operations over one installation: an application takes a second to make."""
    home = make_home(tmp_path_factory.mktemp("home") / "home")
    with open_management(home) as management:
        yield Api(management)


@pytest.fixture
def stocked(stocked_home: Api) -> Api:
    """The same with two teams and items of all kinds, as they are at first."""
    stocked_home.apply(Document())
    stocked_home.apply(document())
    return stocked_home.as_(machine_principal(ROOT))
