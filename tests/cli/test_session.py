"""Who asks has a name, and names are checked before anything is opened."""

import pytest
from tests.cli.console import Console

from faregate.cli.session import actor, checked_name, opened
from faregate.core.errors import FaregateError


def test_actor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("LOGNAME", "ann")
    assert actor() == "ann"
    monkeypatch.setenv("SUDO_USER", "bea")
    assert actor() == "bea"


def test_names() -> None:
    assert checked_name("my-app") == "my-app"
    with pytest.raises(FaregateError, match="can't be a name"):
        checked_name("my app\n")


def test_opened(console: Console) -> None:
    with opened() as installation:
        assert installation.home == console.home
