"""A data folder is made ready once; opening it again is light, and doesn't change it."""

import subprocess
import sys
from pathlib import Path

import pytest

from faregate.core.errors import StorageError
from faregate.storage.gate_reader import schema_is_current
from faregate.storage.home import Home
from faregate.storage.preparation import open_gate_source, prepare_home


def test_made_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    made = prepare_home(home)
    assert made[-1] == home.database
    assert len(made) == 5
    assert schema_is_current(home.database)
    assert prepare_home(home) == []
    source = open_gate_source(home)
    assert source.latest().revision == 0
    source.close()


def test_the_second_time_is_light(tmp_path: Path) -> None:
    prepare_home(Home(tmp_path / "home"))
    program = (
        "import sys, pathlib; from faregate.storage.preparation import prepare_home;"
        "from faregate.storage.home import Home;"
        "print(prepare_home(Home(pathlib.Path(sys.argv[1]))), 'sqlalchemy' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "home")],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert result.stdout.strip() == "[] False"


def test_a_bad_master_key_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAREGATE_MASTER_KEY", "short")
    with pytest.raises(StorageError, match="64 hexadecimal digits"):
        prepare_home(Home(tmp_path / "home"))
