"""Files, batches and providers elsewhere are looked after as those on this machine are."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.batches.contract import batch_facts, file_facts
from tests.cli.anywhere import console_at
from tests.cli.console import Console

from faregate.storage.file_shelf import SqliteFileShelf


@pytest.fixture
def elsewhere(empty_console: Console) -> Iterator[Console]:
    with console_at("elsewhere", empty_console) as console:
        yield console


@contextlib.contextmanager
def shelf_of(console: Console) -> Iterator[SqliteFileShelf]:
    with contextlib.closing(
        SqliteFileShelf(console.home.files_database, console.home.files)
    ) as shelf:
        yield shelf


def test_files(elsewhere: Console) -> None:
    with shelf_of(elsewhere) as shelf:
        ids = []
        for owner in ("application:shop", "key:a"):
            file = file_facts(owner, expires_s=None)
            assert shelf.keep(file, b"some", 100, 100)
            ids.append(file.file_id)
    listed = elsewhere.good("files", "list", "--json").json
    assert [one["file_id"] for one in listed] == ids[::-1]
    assert ids[0] not in elsewhere.good("files", "list", "--owner", "key:a").out
    assert "nothing was changed" in elsewhere.good("files", "delete", ids[0], "--dry-run").out
    assert elsewhere.good("files", "delete", ids[0]).out == f"Deleted {ids[0]}.\n"
    assert len(list(Path(elsewhere.home.files).iterdir())) == 1
    assert elsewhere.run("files", "delete", ids[0]).status == 1
    assert elsewhere.run("files", "delete", ids[0], "--dry-run").status == 1


def test_batches(elsewhere: Console) -> None:
    batch = batch_facts("key:a")
    with shelf_of(elsewhere) as shelf:
        assert shelf.keep_batch(batch, b"{}\n", 10)
    [listed] = elsewhere.good("batches", "list", "--json").json
    assert (listed["batch_id"], listed["owner"]) == (batch.batch_id, "key:a")
    assert batch.endpoint in elsewhere.good("batches", "show", batch.batch_id).out
    dry = elsewhere.good("batches", "cancel", batch.batch_id, "--dry-run", "--json").json
    assert dry == {"dry_run": True, "id": batch.batch_id, "state": "validating"}
    assert "cancelling" in elsewhere.good("batches", "cancel", batch.batch_id).out
    assert elsewhere.run("batches", "cancel", "batch_nowhere").status == 1


def test_providers_of_a_service_that_does_not_run(elsewhere: Console) -> None:
    for command in (("status",), ("reset", "p"), ("balance", "p", "5")):
        said = elsewhere.run("providers", *command)
        assert said.status == 1
        assert "fix:" in said.err


def test_what_needs_the_machine(elsewhere: Console) -> None:
    said = elsewhere.run("providers", "test")
    assert "only on the machine of the installation" in said.err
    assert "--profile local" in said.err


def test_a_table_is_json_too(elsewhere: Console) -> None:
    assert json.loads(elsewhere.good("files", "list", "--json").out) == []
