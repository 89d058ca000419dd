"""A whole `faregate serve` for each test that asks, ended when the test is over."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.end_to_end.served import Served, model_is_installed, serving


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a data folder may be made."""
    return tmp_path / "home"


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for all tests of a module."""
    return tmp_path_factory.mktemp("module") / "home"


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Starts `faregate serve`: serve(home, "--demo", NAME="value")."""
    with serving() as start:
        yield start


@pytest.fixture(scope="module")
def demo(shared_home: Path) -> Iterator[Served]:
    """A demo with the real model, ready, for all tests of a module."""
    if not model_is_installed():
        pytest.skip("needs requirements/local.txt")
    with serving() as start:
        yield start(shared_home, "--demo").ready()
