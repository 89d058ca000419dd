"""The operator sees and cancels all batches."""

import contextlib

from tests.batches.contract import batch_facts, ending, render
from tests.cli.console import Console

from faregate.batches.facts import BatchFacts, LineError, LineFacts
from faregate.cli.files import opened_shelf
from faregate.storage.batch_desk import SqliteBatchDesk


def keep(owner: str = "key:a") -> BatchFacts:
    """A batch that waits for its runner."""
    batch = batch_facts(owner, input_file="file-in")
    with opened_shelf() as shelf:
        assert shelf.keep_batch(batch, b"", 10)
    return batch


def test_batches_are_listed_shown_and_cancelled(console: Console) -> None:
    assert "There are no batches" in console.good("batches", "list").out
    one, two = keep(), keep("application:shop")
    listed = console.good("batches", "list", "--json").json
    assert [batch["batch_id"] for batch in listed] == [two.batch_id, one.batch_id]
    told = console.good("batches", "list", "--owner", "key:a").out
    assert one.batch_id in told
    assert "0 of 0" in told
    assert two.batch_id not in told
    shown = console.good("batches", "show", one.batch_id)
    assert "validating" in shown.out
    assert console.good("batches", "show", one.batch_id, "--json").json["input_file"] == "file-in"
    said = console.good("batches", "cancel", one.batch_id).out
    assert said == f"{one.batch_id} is cancelling.\n"
    assert console.good("batches", "cancel", two.batch_id, "--json").json["state"] == "cancelling"


def test_what_stopped_a_batch_is_shown(console: Console) -> None:
    batch = keep()
    home = console.home
    with contextlib.closing(SqliteBatchDesk(home.files_database, home.files)) as desk:
        desk.begin(batch.batch_id, [LineFacts(1, "a", "m", 0, 1)], 7)
        desk.stop(batch.batch_id, LineError("credit_exhausted", "Top up.", 1))
        desk.finish(batch.batch_id, ending("failed"), render)
    shown = console.good("batches", "show", batch.batch_id).out
    assert "line 1: credit_exhausted: Top up." in shown
    assert "1 of 1" in shown
    assert "failed." in console.good("batches", "cancel", batch.batch_id).out


def test_a_batch_that_is_not_there_is_told(console: Console) -> None:
    for command in ("show", "cancel"):
        said = console.run("batches", command, "batch_none")
        assert (said.status, "there is no batch" in said.err) == (1, True)
