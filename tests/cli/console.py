"""Commands as a person types them, in a home of their own."""

import io
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from faregate.cli.main import main
from faregate.providers.vendors import VENDORS
from faregate.storage.home import Home
from faregate.storage.password_hashes import Cost


def vendor_variables() -> set[str]:
    """All variables that describe accounts at vendors."""
    names: set[str] = set()
    for vendor in VENDORS.values():
        known = vendor.key_environment
        names.update(*known.credentials.values(), *known.options.values(), known.base_urls)
    return names


class Said(NamedTuple):
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Console:
    """Runs commands in this process, through the program's own entry."""

    def __init__(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.root = root
        self.home = Home(root / "home")
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.setenv("FAREGATE_HOME", str(self.home.root))
        # Each console makes an owner: its password's hash needs to cost nothing here.
        monkeypatch.setattr(Cost.__new__, "__defaults__", (1, 8, 1))
        monkeypatch.setenv("FAREGATE_PROFILE", "")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(root / "config"))
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.delenv("FAREGATE_API_KEY", raising=False)
        unset = (
            "FAREGATE_MASTER_KEY",
            "FAREGATE_PORT",
            "FAREGATE_MANAGEMENT_URL",
            "FAREGATE_TOKEN",
        )
        for name in (*unset, *vendor_variables()):
            monkeypatch.delenv(name, raising=False)

    def run(self, *arguments: str, stdin: str = "") -> Said:
        """Run a command to its end."""
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        self._capsys.readouterr()
        status = 0
        try:
            main(arguments)
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else 0
        return Said(status, *self._capsys.readouterr())

    def good(self, *arguments: str, stdin: str = "") -> Said:
        """Run a command that must succeed."""
        said = self.run(*arguments, stdin=stdin)
        assert said.status == 0, said
        return said

    def setenv(self, name: str, value: str) -> None:
        """Set an environment variable for the commands that follow."""
        self._monkeypatch.setenv(name, value)

    def file(self, text: str, name: str = "faregate.yaml") -> str:
        """Write a file; gives its path."""
        path = self.root / name
        path.write_text(text)
        return str(path)
