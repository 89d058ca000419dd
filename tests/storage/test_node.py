"""A node keeps its name, and no other data folder has the same."""

import threading
from pathlib import Path

import pytest

from faregate.core.errors import StorageError
from faregate.storage.home import Home
from faregate.storage.node import NODE_NAME, name_node


def test_a_name_is_kept(tmp_path: Path):
    name = name_node(Home(tmp_path))
    assert name == name_node(Home(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [NODE_NAME]


def test_two_folders_are_two_nodes(tmp_path: Path):
    homes = [Home(tmp_path / name) for name in ("a", "b")]
    for home in homes:
        home.root.mkdir()
    assert len({name_node(home) for home in homes}) == 2


def test_two_machines_with_one_folder_are_two_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    name = name_node(Home(tmp_path))
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    assert name_node(Home(tmp_path)) != name


def test_all_who_start_at_once_have_one_name(tmp_path: Path):
    barrier, names = threading.Barrier(8), []

    def start() -> None:
        barrier.wait(10)
        names.append(name_node(Home(tmp_path)))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (len(names), len(set(names))) == (8, 1)


def test_a_folder_that_is_not_there(tmp_path: Path):
    with pytest.raises(StorageError, match="can't be read or made"):
        name_node(Home(tmp_path / "nowhere"))


def test_a_damaged_file(tmp_path: Path):
    (tmp_path / NODE_NAME).write_bytes(b"\xff\x00")
    with pytest.raises(StorageError) as caught:
        name_node(Home(tmp_path))
    assert "delete the file" in (caught.value.fix or "")
