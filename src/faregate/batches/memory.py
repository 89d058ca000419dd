"""Files and batches in memory: the plain version of both ports."""

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from faregate.batches.facts import (
    BatchFacts,
    BegunLine,
    Dialect,
    Ending,
    FileFacts,
    LineError,
    LineFacts,
    LineOutcome,
    Page,
    cancelled,
    counted,
    ended,
    input_name,
    new_file_id,
    results_name,
)
from faregate.core.errors import StorageError

Facts = TypeVar("Facts", FileFacts, BatchFacts)
_replace = msgspec.structs.replace


class _Line:
    """A line and how far it has come."""

    def __init__(self, facts: LineFacts) -> None:
        self.facts = facts
        self.begun: BegunLine | None = None
        self.call_id: str | None = None
        self.attempts = 0
        self.outcome: LineOutcome | None = None
        self.result = b""

    @property
    def waits(self) -> bool:
        return self.begun is None and self.outcome is None


class MemoryBatches:
    """`gate.ports.FileShelf` and `runner.ports.BatchDesk` at once."""

    def __init__(self, now_s: Callable[[], int] = lambda: int(time.time())) -> None:
        self._now_s = now_s
        self._files: dict[str, FileFacts] = {}
        self._bytes: dict[str, bytes] = {}
        self._batches: dict[str, BatchFacts] = {}
        self._lines: dict[str, dict[int, _Line]] = {}
        self._changes = 0

    def close(self) -> None:
        """Nothing to let go of."""

    # -- FileShelf ---------------------------------------------------------------------------------

    def keep(self, file: FileFacts, data: bytes, total_bytes_max: int, count_max: int) -> bool:
        """Keep a file; False where its owner has no room for it."""
        held = [one for one in self._files.values() if one.owner == file.owner and self._lives(one)]
        total = sum(one.size_bytes for one in held) + file.size_bytes
        if len(held) >= count_max or total > total_bytes_max:
            return False
        self._files[file.file_id] = file
        self._bytes[file.file_id] = bytes(data)
        return True

    def _lives(self, file: FileFacts) -> bool:
        return file.expires_s is None or file.expires_s > self._now_s()

    def file(self, owner: str | None, file_id: str) -> FileFacts | None:
        """A file of that owner; of None, whoever's it is."""
        file = self._files.get(file_id)
        return file if file is not None and self._lives(file) and _is_of(file, owner) else None

    def files(self, owner: str | None, page: Page, purpose: str | None = None) -> list[FileFacts]:
        """A page of an owner's files, the newest first unless asked otherwise."""
        rows = [
            file
            for file in self._files.values()
            if _is_of(file, owner) and self._lives(file) and purpose in (None, file.purpose)
        ]
        return _paged(rows, list(self._files), lambda file: file.file_id, page)

    def delete(self, owner: str | None, file_id: str) -> bool:
        """Delete a file; batches that were made of it go on."""
        file = self._files.get(file_id)
        if file is None or not _is_of(file, owner):
            return False
        del self._files[file_id], self._bytes[file_id]
        return True

    def read(self, name: str, start: int, length: int) -> bytes:
        """A part of some bytes."""
        return self._named(name)[start : start + length]

    def size(self, name: str) -> int:
        """How many bytes there are under a name."""
        return len(self._named(name))

    def _named(self, name: str) -> bytes:
        try:
            return self._bytes[name]
        except KeyError:
            raise StorageError(f"there is nothing named {name}") from None

    def keep_batch(self, batch: BatchFacts, requests: bytes | None, open_max: int) -> bool:
        """Keep a batch; False where its owner has as many open ones as it may."""
        held = (one for one in self._batches.values() if one.owner == batch.owner)
        if sum(one.is_open for one in held) >= open_max:
            return False
        data = self._named(batch.input_file) if requests is None else requests
        self._bytes[input_name(batch.batch_id)] = data
        self._put(batch)
        return True

    def batch(self, owner: str | None, batch_id: str) -> BatchFacts | None:
        """A batch of that owner; of None, whoever's it is."""
        batch = self._batches.get(batch_id)
        return batch if batch is not None and _is_of(batch, owner) else None

    def batches(self, owner: str | None, dialect: Dialect | None, page: Page) -> list[BatchFacts]:
        """A page of an owner's batches, the newest first."""
        rows = [
            batch
            for batch in self._batches.values()
            if _is_of(batch, owner) and dialect in (None, batch.dialect)
        ]
        return _paged(rows, list(self._batches), lambda batch: batch.batch_id, page)

    def cancel(self, owner: str | None, batch_id: str) -> BatchFacts | None:
        """Ask for a batch's end."""
        batch = self.batch(owner, batch_id)
        if batch is None:
            return None
        return self._put(cancelled(batch, self._now_s()))

    def delete_batch(self, owner: str | None, batch_id: str) -> bool:
        """Delete a batch that has ended, with its results."""
        batch = self.batch(owner, batch_id)
        if batch is None or batch.is_open:
            return False
        del self._batches[batch_id]
        self._bytes.pop(results_name(batch_id), None)
        return True

    def _put(self, batch: BatchFacts) -> BatchFacts:
        self._changes += 1
        self._batches[batch.batch_id] = batch
        return batch

    # -- BatchDesk ---------------------------------------------------------------------------------

    def cursor(self) -> int | None:
        """Something that differs once anything has changed."""
        return self._changes

    def open_batches(self) -> list[BatchFacts]:
        """Batches that have their end to come, the oldest first."""
        return [batch for batch in self._batches.values() if batch.is_open]

    def begin(self, batch_id: str, lines: Sequence[LineFacts], now_s: int) -> None:
        """The input was read and is right: these are its lines."""
        batch = self._batches.get(batch_id)
        if batch is None or batch.total:
            return
        self._lines[batch_id] = {line.line: _Line(line) for line in lines}
        state = "in_progress" if batch.state == "validating" else batch.state
        times = {**batch.times, "in_progress": now_s}
        self._put(_replace(batch, state=state, times=times, total=len(lines)))

    def fail(self, batch_id: str, errors: Sequence[LineError], now_s: int) -> None:
        """The input was read and is wrong."""
        batch = self._batches.get(batch_id)
        if batch is not None:
            times = {**batch.times, "failed": now_s}
            self._put(_replace(batch, state="failed", times=times, errors=tuple(errors)))
        self._bytes.pop(input_name(batch_id), None)

    def take(
        self,
        batch_id: str,
        most: int,
        without_models: Sequence[str],
        new_call_id: Callable[[], str],
        now_ns: int,
    ) -> list[BegunLine]:
        """Mark the next lines as begun, each with the id of its call."""
        lines = [
            line
            for line in self._lines.get(batch_id, {}).values()
            if line.waits and line.facts.model not in without_models
        ]
        lines.sort(key=lambda line: (line.attempts, line.facts.line))
        for line in lines[:most]:
            line.attempts += 1
            line.call_id = line.call_id or new_call_id()
            line.begun = BegunLine(batch_id, *line.facts, line.call_id, now_ns, line.attempts)
        return [line.begun for line in lines[:most] if line.begun is not None]

    def put_back(self, line: BegunLine, *, same_call: bool) -> None:
        """A begun line was not called, or is to be called again."""
        held = self._lines[line.batch_id][line.line]
        held.begun = None
        held.call_id = line.call_id if same_call else None

    def keep_result(self, line: BegunLine, outcome: LineOutcome, result: bytes) -> None:
        """A line is done."""
        held = self._lines[line.batch_id][line.line]
        if held.begun is None:
            return
        held.begun, held.outcome, held.result = None, outcome, result
        self._put(counted(self._batches[line.batch_id], outcome))

    def begun(self, batch_id: str) -> list[BegunLine]:
        """The lines that were begun and are not done."""
        lines = self._lines.get(batch_id, {}).values()
        return [line.begun for line in lines if line.begun is not None]

    def pending(self, batch_id: str) -> int:
        """How many lines have not been begun."""
        return sum(line.waits for line in self._lines.get(batch_id, {}).values())

    def stop(self, batch_id: str, error: LineError) -> None:
        """Begin no further line of a batch; the first error stays."""
        batch = self._batches[batch_id]
        if batch.stopped is None:
            self._put(_replace(batch, stopped=error))

    def finish(
        self,
        batch_id: str,
        ending: Ending,
        render: Callable[[BatchFacts, int, str, LineOutcome], bytes],
    ) -> None:
        """End a batch of which no line is begun."""
        batch = self._batches.get(batch_id)
        if batch is None or not batch.is_open:
            return
        lines = self._lines.pop(batch_id, {})
        for line in lines.values():
            if line.waits:
                line.outcome = ending.rest
                facts = line.facts
                line.result = render(batch, facts.line, facts.custom_id, ending.rest)
                batch = counted(batch, ending.rest)
        good = b"".join(one.result for one in lines.values() if one.outcome == "succeeded")
        bad = b"".join(one.result for one in lines.values() if one.outcome != "succeeded")
        if batch.dialect == "anthropic":
            every = b"".join(line.result for line in lines.values())
            self._bytes[results_name(batch_id)] = every
        else:
            names = (self._keep_output(batch, ending, data) for data in (good, bad))
            batch = _replace(batch, output_file=next(names), error_file=next(names))
        self._put(ended(batch, ending))
        self._bytes.pop(input_name(batch_id), None)

    def _keep_output(self, batch: BatchFacts, ending: Ending, data: bytes) -> str | None:
        if not data:
            return None
        file_id = new_file_id()
        self._bytes[file_id] = data
        self._files[file_id] = FileFacts(
            file_id=file_id,
            owner=batch.owner,
            team=batch.team,
            purpose="batch_output",
            filename=f"{batch.batch_id}.jsonl",
            size_bytes=len(data),
            created_s=ending.now_s,
            expires_s=ending.now_s + (batch.output_keep_s or ending.keep_s),
        )
        return file_id

    def sweep(self, now_s: int, keep_batches_s: int) -> None:
        """Delete what has expired."""
        for file in list(self._files.values()):
            if file.expires_s is not None and file.expires_s <= now_s:
                self.delete(None, file.file_id)
        for batch in list(self._batches.values()):
            if not batch.is_open and batch.times.get(batch.state, now_s) <= now_s - keep_batches_s:
                self.delete_batch(None, batch.batch_id)


def _is_of(thing: FileFacts | BatchFacts, owner: str | None) -> bool:
    return owner is None or thing.owner == owner


def _paged(
    rows: list[Facts], every: list[str], name: Callable[[Any], str], page: Page
) -> list[Facts]:
    """A page of rows that come in the order in which they were made."""
    place = {each: at for at, each in enumerate(every)}
    rows = rows if page.oldest_first else rows[::-1]
    sign = 1 if page.oldest_first else -1
    for cursor, side in ((page.after, sign), (page.before, -sign)):
        if cursor is not None:
            at = place.get(cursor)
            rows = [row for row in rows if at is not None and (place[name(row)] - at) * side > 0]
    if page.before is not None and page.after is None:
        return rows[-page.limit :]
    return rows[: page.limit]
