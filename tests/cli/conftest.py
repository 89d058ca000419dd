"""Fixtures of the commands' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.anywhere import PLACES, console_at, on_the_machine
from tests.cli.console import Console


@pytest.fixture
def empty_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Console:
    """A console where no data folder is."""
    return Console(tmp_path, monkeypatch, capsys)


@pytest.fixture
def console(empty_console: Console) -> Console:
    """A console with a data folder."""
    empty_console.good("init")
    return empty_console


@pytest.fixture(params=PLACES)
def people(request: pytest.FixtureRequest, empty_console: Console) -> Iterator[Console]:
    """A console here, and one elsewhere, with an owner and a team."""
    with console_at(request.param, empty_console) as console:
        with on_the_machine(console):
            console.good("users", "create-owner", "admin@localhost")
        console.good("teams", "add", "sales")
        yield console
