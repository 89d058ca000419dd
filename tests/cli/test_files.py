"""The operator sees and deletes all files."""

from pathlib import Path

from tests.batches.contract import file_facts
from tests.cli.console import Console

from faregate.cli.files import opened_shelf


def keep(*owners: str) -> list[str]:
    """Files of these owners; gives their ids."""
    ids = []
    with opened_shelf() as shelf:
        for owner in owners:
            file = file_facts(owner, expires_s=None)
            assert shelf.keep(file, b"some", 100, 100)
            ids.append(file.file_id)
    return ids


def test_files_are_listed_and_deleted(console: Console) -> None:
    one, two = keep("application:shop", "key:a")
    assert [file["file_id"] for file in console.good("files", "list", "--json").json] == [two, one]
    listed = console.good("files", "list", "--owner", "key:a").out
    assert two in listed
    assert "never" in listed
    assert one not in listed
    assert console.good("files", "delete", one).out == f"Deleted {one}.\n"
    assert console.good("files", "delete", two, "--json").json == {"id": two, "deleted": True}
    assert "There are no files" in console.good("files", "list").out
    assert list(Path(console.home.files).iterdir()) == []


def test_a_file_that_is_not_there_is_told(console: Console) -> None:
    said = console.run("files", "delete", "file-none")
    assert (said.status, "there is no file" in said.err) == (1, True)


def test_without_an_installation_there_are_none(empty_console: Console) -> None:
    assert "there is no installation" in empty_console.run("files", "list").err
