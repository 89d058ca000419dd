"""An installation opens where there is one, with its tables brought up to date."""

from pathlib import Path

import pytest

from faregate.configuration.document import Document, Provider
from faregate.core.errors import StorageError
from faregate.storage.home import Home
from faregate.storage.installation import open_installation
from faregate.storage.preparation import open_gate_source, prepare_home


def test_nothing_there(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match="no installation"),
        open_installation(Home(tmp_path / "home")),
    ):
        pass


def test_opened_to_be_changed(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    prepare_home(home)
    document = Document(providers=(Provider(name="p", base_url="http://h"),))
    with open_installation(home) as installation:
        assert installation.revisions.apply(document, "a", "s") == 1
        made = installation.keys.create("app", "a")
    source = open_gate_source(home)
    assert source.latest().document == document
    assert source.find_key(made.record.hash) == made.record
    source.close()


def test_an_empty_database_is_set_up(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    home.database.touch()
    with open_installation(home) as installation:
        assert installation.revisions.history() == []
