"""The data folder is made once, closed to others, and every trouble with it is one clear line."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from faregate.core.errors import StorageError
from faregate.storage.home import Home


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_environment_names_the_folder(tmp_path: Path) -> None:
    assert Home.from_environment({"FAREGATE_HOME": str(tmp_path / "x")}).root == tmp_path / "x"
    assert Home.from_environment({}).root == Path.home() / ".faregate"
    assert Home.from_environment({"FAREGATE_HOME": ""}).root == Path.home() / ".faregate"


def test_created_closed_and_only_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "a" / "home")
    made = home.create({})
    assert made == [home.root, home.journal, home.run, home.master_key_file]
    assert [mode(path) for path in made] == [0o700, 0o700, 0o700, 0o600]
    key = home.master_key({})
    assert len(key) == 32
    assert home.create({}) == []
    assert home.master_key({}) == key
    assert sorted(path.name for path in home.root.iterdir()) == ["journal", "master.key", "run"]


def test_an_empty_folder_of_ours_is_closed(tmp_path: Path) -> None:
    root = tmp_path / "open"
    root.mkdir()
    root.chmod(0o755)
    Home(root).create({})
    assert mode(root) == 0o700


def test_an_open_folder_with_content_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "something").touch()
    with pytest.raises(StorageError, match="open to every user") as caught:
        Home(tmp_path).create({})
    assert caught.value.fix is not None
    assert "chmod 700" in caught.value.fix


def test_many_at_once_share_one_key(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: (home.create({}), home.master_key({}))[1], range(32)))
    assert len(keys) == 1


def test_variable_overrides_the_file(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    environment = {"FAREGATE_MASTER_KEY": "ab" * 32}
    home.create(environment)
    assert not home.master_key_file.exists()
    assert home.master_key(environment) == b"\xab" * 32


@pytest.mark.parametrize("text", ["", "ab", "zz" * 32, "ab" * 33])
def test_bad_master_key(tmp_path: Path, text: str) -> None:
    with pytest.raises(StorageError, match="64 hexadecimal digits") as caught:
        Home(tmp_path).master_key({"FAREGATE_MASTER_KEY": text})
    assert not text or text not in str(caught.value)


def test_key_that_others_can_read(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create({})
    home.master_key_file.chmod(0o640)
    with pytest.raises(StorageError, match="can be read by others") as caught:
        home.master_key({})
    assert caught.value.fix == f"chmod 600 {home.master_key_file}"


def test_a_lost_key_is_not_replaced(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create({})
    home.database.touch()
    home.master_key_file.unlink()
    with pytest.raises(StorageError, match=r"master\.key is missing"):
        home.create({})
    with pytest.raises(StorageError, match=r"master\.key is missing"):
        home.master_key({})


def test_unwritable_places(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StorageError, match="can't be used"):
        Home(file / "home").create({})
    with pytest.raises(StorageError, match="not a folder"):
        Home(file).create({})
    with pytest.raises(StorageError, match="can't be used"):
        Home(Path("/proc/faregate")).create({})


def test_require(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no installation") as caught:
        Home(tmp_path / "none").require()
    assert caught.value.fix is not None
    assert "faregate init" in caught.value.fix
