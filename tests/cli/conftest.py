"""Fixtures of the commands' tests."""

from pathlib import Path

import pytest
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
