"""What every store of files and batches promises: to gates, and to the runner."""

from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import msgspec
import pytest

from faregate.batches.facts import (
    BatchFacts,
    Ending,
    FileFacts,
    LineError,
    LineFacts,
    Page,
    input_name,
    new_batch_id,
    new_file_id,
    results_name,
)
from faregate.core.errors import StorageError

NOW_S = 1_700_000_000
MUCH = 1 << 40


class Stores(NamedTuple):
    """The two sides of one store."""

    shelf: Any
    desk: Any


def file_facts(owner: str = "key:a", data: bytes = b"some", **more: Any) -> FileFacts:
    facts = FileFacts(
        file_id=new_file_id(), owner=owner, purpose="batch", filename="in.jsonl",
        size_bytes=len(data), created_s=NOW_S, expires_s=NOW_S + 100,
    )  # fmt: skip
    return msgspec.structs.replace(facts, **more)


def batch_facts(owner: str = "key:a", dialect: Any = "openai", **more: Any) -> BatchFacts:
    facts = BatchFacts(
        batch_id=new_batch_id(dialect), owner=owner, key_id="a", dialect=dialect,
        endpoint="/v1/chat/completions", created_s=NOW_S, expires_s=NOW_S + 100,
    )  # fmt: skip
    return msgspec.structs.replace(facts, **more)


def kept(stores: Stores, owner: str = "key:a", data: bytes = b"some", **more: Any) -> FileFacts:
    facts = file_facts(owner, data, **more)
    assert stores.shelf.keep(facts, data, MUCH, 100)
    return facts


def begun(stores: Stores, lines: int = 3, dialect: Any = "openai") -> BatchFacts:
    """A batch whose lines wait."""
    batch = batch_facts(dialect=dialect)
    assert stores.shelf.keep_batch(batch, b"lines", 10)
    rows = [LineFacts(n, f"c{n}", f"m{n % 2}", n, 1) for n in range(1, lines + 1)]
    stores.desk.begin(batch.batch_id, rows, NOW_S)
    return batch


def call_ids() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"call_{next(numbers)}"


def render(batch: BatchFacts, line: int, custom_id: str, outcome: str) -> bytes:
    return f"{custom_id} {outcome}\n".encode()


def ending(state: Any = "completed", rest: Any = "errored") -> Ending:
    return Ending(state, rest, NOW_S + 5, 50)


class ShelfContract:
    """To be inherited; the subclass has a fixture `stores`."""

    def test_files_are_found_by_their_owner_alone(self, stores: Stores) -> None:
        file = kept(stores)
        shelf = stores.shelf
        assert shelf.file("key:a", file.file_id) == file
        assert shelf.file(None, file.file_id) == file
        assert shelf.file("key:b", file.file_id) is None
        assert shelf.files("key:b", Page(10)) == []
        assert not shelf.delete("key:b", file.file_id)
        assert (shelf.read(file.file_id, 1, 2), shelf.size(file.file_id)) == (b"om", 4)
        assert shelf.delete("key:a", file.file_id)
        assert shelf.file(None, file.file_id) is None
        assert not shelf.delete("key:a", file.file_id)

    def test_there_is_room_for_so_many_files_and_bytes(self, stores: Stores) -> None:
        shelf = stores.shelf
        assert shelf.keep(file_facts(), b"some", 8, 3)
        assert shelf.keep(file_facts(), b"some", 8, 3)
        assert not shelf.keep(file_facts(), b"some", 8, 3)
        assert not shelf.keep(file_facts(), b"some", MUCH, 2)
        assert shelf.keep(file_facts("key:b"), b"some", 8, 3)
        assert len(shelf.files("key:a", Page(10))) == 2

    def test_an_expired_file_is_gone_and_swept(self, stores: Stores) -> None:
        old = kept(stores, expires_s=NOW_S)
        for_ever = kept(stores, expires_s=None)
        assert stores.shelf.file(None, old.file_id) is None
        assert stores.shelf.files(None, Page(10)) == [for_ever]
        stores.desk.sweep(NOW_S, 10)
        with pytest.raises(StorageError):
            stores.shelf.read(old.file_id, 0, 1)
        assert stores.shelf.read(for_ever.file_id, 0, 9) == b"some"

    def test_pages_follow_each_other(self, stores: Stores) -> None:
        files = [kept(stores) for _ in range(5)]
        kept(stores, "key:b")
        other = kept(stores, purpose="vision")
        shelf, ids = stores.shelf, [file.file_id for file in files]
        assert shelf.files("key:a", Page(2), "batch") == [files[4], files[3]]
        assert shelf.files("key:a", Page(2, after=ids[3]), "batch") == [files[2], files[1]]
        assert shelf.files("key:a", Page(2, before=ids[2]), "batch") == [files[4], files[3]]
        assert shelf.files("key:a", Page(1, before=ids[2]), "batch") == [files[3]]
        assert shelf.files("key:a", Page(2, after=ids[1], oldest_first=True)) == files[2:4]
        assert shelf.files("key:a", Page(9), "vision") == [other]
        assert shelf.files("key:a", Page(9, after="file-none")) == []

    def test_batches_are_found_by_their_owner_alone(self, stores: Stores) -> None:
        shelf = stores.shelf
        batch, message_batch = batch_facts(), batch_facts(dialect="anthropic")
        for one in (batch, message_batch):
            assert shelf.keep_batch(one, b"lines", 10)
        assert shelf.batch("key:a", batch.batch_id) == batch
        assert shelf.batch("key:b", batch.batch_id) is None
        assert shelf.batches("key:a", "openai", Page(5)) == [batch]
        assert shelf.batches(None, None, Page(5)) == [message_batch, batch]
        assert shelf.batches("key:b", None, Page(5)) == []
        assert shelf.cancel("key:b", batch.batch_id) is None
        assert not shelf.delete_batch("key:a", batch.batch_id)  # it is open
        cancelled = shelf.cancel("key:a", batch.batch_id)
        assert cancelled.state == "cancelling"
        assert shelf.cancel("key:a", batch.batch_id) == cancelled
        assert shelf.cancel("key:a", "batch_none") is None

    def test_so_many_batches_are_open_at_once(self, stores: Stores) -> None:
        shelf = stores.shelf
        assert shelf.keep_batch(batch_facts(), b"", 1)
        assert not shelf.keep_batch(batch_facts(), b"", 1)
        assert shelf.keep_batch(batch_facts("key:b"), b"", 1)

    def test_a_batch_outlives_its_input_file(self, stores: Stores) -> None:
        file = kept(stores)
        batch = batch_facts(input_file=file.file_id)
        assert stores.shelf.keep_batch(batch, None, 10)
        stores.shelf.delete("key:a", file.file_id)
        assert stores.desk.read(input_name(batch.batch_id), 0, 10) == b"some"


class DeskContract:
    """To be inherited; the subclass has a fixture `stores`."""

    def test_lines_are_taken_once_and_in_order(self, stores: Stores) -> None:
        batch, desk = begun(stores), stores.desk
        ids = call_ids()
        first = desk.take(batch.batch_id, 2, (), ids, 7)
        assert [(line.line, line.call_id, line.begun_ns) for line in first] == [
            (1, "call_1", 7),
            (2, "call_2", 7),
        ]
        assert desk.begun(batch.batch_id) == first
        assert desk.pending(batch.batch_id) == 1
        [last] = desk.take(batch.batch_id, 5, (), ids, 8)
        assert last.custom_id == "c3"
        assert desk.take(batch.batch_id, 5, (), ids, 9) == []

    def test_models_that_wait_are_left_out(self, stores: Stores) -> None:
        batch = begun(stores, 4)
        taken = stores.desk.take(batch.batch_id, 9, ("m1",), call_ids(), 7)
        assert [line.model for line in taken] == ["m0", "m0"]

    def test_what_is_put_back_comes_last(self, stores: Stores) -> None:
        batch, desk, ids = begun(stores), stores.desk, call_ids()
        one, two, _ = desk.take(batch.batch_id, 3, (), ids, 7)
        desk.put_back(one, same_call=True)
        desk.put_back(two, same_call=False)
        assert desk.pending(batch.batch_id) == 2
        again = desk.take(batch.batch_id, 3, (), ids, 8)
        assert [(line.line, line.call_id, line.attempts) for line in again] == [
            (1, "call_1", 2),
            (2, "call_4", 2),
        ]

    def test_a_result_counts_once(self, stores: Stores) -> None:
        batch, desk = begun(stores), stores.desk
        line, other, _ = desk.take(batch.batch_id, 3, (), call_ids(), 7)
        desk.keep_result(line, "succeeded", b"good\n")
        desk.keep_result(line, "errored", b"bad\n")
        desk.keep_result(other, "errored", b"bad\n")
        found = stores.shelf.batch(None, batch.batch_id)
        assert (found.total, found.succeeded, found.errored) == (3, 1, 1)
        assert len(desk.begun(batch.batch_id)) == 1

    def test_it_ends_with_files_of_what_was_said(self, stores: Stores) -> None:
        batch, desk = begun(stores), stores.desk
        line, other = desk.take(batch.batch_id, 2, (), call_ids(), 7)
        desk.keep_result(other, "succeeded", b"second\n")
        desk.keep_result(line, "succeeded", b"first\n")
        desk.finish(batch.batch_id, ending("cancelled", "cancelled"), render)
        found = stores.shelf.batch("key:a", batch.batch_id)
        assert (found.state, found.succeeded, found.cancelled) == ("cancelled", 2, 1)
        assert found.times["cancelled"] == NOW_S + 5
        assert stores.shelf.read(found.output_file, 0, 99) == b"first\nsecond\n"
        assert stores.shelf.read(found.error_file, 0, 99) == b"c3 cancelled\n"
        file = stores.shelf.file("key:a", found.output_file)
        assert (file.purpose, file.size_bytes, file.expires_s) == ("batch_output", 13, NOW_S + 55)
        assert desk.open_batches() == []
        desk.finish(batch.batch_id, ending(), render)  # again, as after a kill
        assert stores.shelf.batch(None, batch.batch_id) == found
        assert stores.shelf.delete_batch("key:a", batch.batch_id)

    def test_results_of_messages_stay_together(self, stores: Stores) -> None:
        batch, desk = begun(stores, 2, "anthropic"), stores.desk
        [line] = desk.take(batch.batch_id, 1, (), call_ids(), 7)
        desk.keep_result(line, "errored", b"first\n")
        desk.finish(batch.batch_id, ending("expired", "expired"), render)
        found = stores.shelf.batch(None, batch.batch_id)
        assert (found.state, found.output_file, found.error_file) == ("expired", None, None)
        assert stores.shelf.read(results_name(batch.batch_id), 0, 99) == b"first\nc2 expired\n"
        desk.sweep(NOW_S + 5 + 10, 10)
        assert stores.shelf.batch(None, batch.batch_id) is None

    def test_a_wrong_input_fails(self, stores: Stores) -> None:
        batch = batch_facts()
        stores.shelf.keep_batch(batch, b"", 10)
        errors = (LineError("empty_file", "Nothing."),)
        stores.desk.fail(batch.batch_id, errors, NOW_S)
        found = stores.shelf.batch(None, batch.batch_id)
        assert (found.state, found.errors, found.is_open) == ("failed", errors, False)

    def test_what_stops_it_is_told_at_its_end(self, stores: Stores) -> None:
        batch, desk = begun(stores), stores.desk
        error = LineError("credit_exhausted", "Top up.", 2)
        desk.stop(batch.batch_id, error)
        desk.stop(batch.batch_id, LineError("later", "Another."))
        desk.finish(batch.batch_id, ending("failed"), render)
        assert stores.shelf.batch(None, batch.batch_id).errors == (error,)

    def test_a_change_is_seen_by_the_cursor(self, stores: Stores) -> None:
        stores.shelf.keep_batch(batch_facts(), b"", 10)
        before = stores.desk.cursor()
        assert before == stores.desk.cursor()
        stores.shelf.keep_batch(batch_facts(), b"", 10)
        assert before != stores.desk.cursor()

    def test_a_batch_that_is_cancelled_early_stays_so(self, stores: Stores) -> None:
        batch = batch_facts()
        stores.shelf.keep_batch(batch, b"", 10)
        stores.shelf.cancel(None, batch.batch_id)
        stores.desk.begin(batch.batch_id, [LineFacts(1, "a", "m", 0, 1)], NOW_S)
        [found] = stores.desk.open_batches()
        assert (found.state, found.total) == ("cancelling", 1)
