"""A worker sees what changed within a second, goes on while the store is gone, and comes back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

import pytest
from tests.gate.running import Place, document, running, until

from faregate.configuration.document import Document
from faregate.core.errors import ConfigurationError, StorageError
from faregate.gate.follower import Follower
from faregate.gate.memory import MemoryConfiguration
from faregate.gate.ports import ConfigurationState
from faregate.identity.keys import hash_key


class Watching:
    """A follower, and what it was told."""

    def __init__(self) -> None:
        self.source = MemoryConfiguration(Document())
        self.follower = Follower(self.source)
        self.adopted: list[int] = []
        self.forgotten: list[bytes] = []
        self.error: Exception | None = None

    def adopt(self, state: ConfigurationState) -> None:
        if self.error is not None:
            raise self.error
        self.adopted.append(state.revision)

    def forget(self, hashes: Iterable[bytes]) -> None:
        self.forgotten.extend(hashes)


@pytest.fixture
async def watching() -> AsyncIterator[Watching]:
    made = Watching()
    made.follower.read_first()
    task = asyncio.create_task(made.follower.follow(made.adopt, made.forget))
    yield made
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    made.follower.close()
    assert made.source.closed


async def test_changes_are_told_once(watching: Watching) -> None:
    number = watching.source.set_document(Document())
    secret = watching.source.add_key("a")
    await until(lambda: watching.forgotten, 1.0)
    assert watching.adopted == [number]
    assert watching.forgotten == [hash_key(secret)]
    watching.source.revoke_key(secret)
    await until(lambda: len(watching.forgotten) == 2, 1.0)
    assert watching.adopted == [number]


async def test_of_many_revisions_the_last_counts(watching: Watching) -> None:
    for _ in range(9):
        last = watching.source.set_document(Document())
    await until(lambda: watching.adopted, 1.0)
    assert watching.adopted == [last]


async def test_a_store_that_is_gone_comes_back(
    watching: Watching, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    watching.source.fail = True
    await until(lambda: "can't be read" in caplog.text, 1.0)
    with pytest.raises(StorageError):
        await watching.follower.find_key(b"x")
    watching.source.fail = False
    number = watching.source.set_document(Document())
    await until(lambda: watching.adopted, 1.0)
    assert watching.adopted == [number]
    assert "can be read again" in caplog.text
    assert caplog.text.count("going on with what is known") == 1


@pytest.mark.parametrize("error", [ConfigurationError("no such file"), ZeroDivisionError("ours")])
async def test_a_revision_that_can_not_be_used_is_passed_over(
    watching: Watching, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    watching.error = error
    watching.source.set_document(Document())
    await until(lambda: "the one before stays" in caplog.text, 1.0)
    assert str(error) in caplog.text
    watching.error = None
    number = watching.source.set_document(Document())
    await until(lambda: watching.adopted, 1.0)
    assert watching.adopted == [number]


async def test_a_defect_of_the_store_does_not_end_it_either(
    watching: Watching, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watching.source, "changes_since", lambda cursor: 1 / 0)
    await until(lambda: "division by zero" in caplog.text, 1.0)
    monkeypatch.undo()
    number = watching.source.set_document(Document())
    await until(lambda: watching.adopted == [number], 1.0)
    assert watching.adopted == [number]


async def test_a_gate_uses_a_new_revision_within_a_second() -> None:
    async with running(follow=True) as place:
        assert isinstance(place, Place)
        changed = document(place.base_url, api_key="sk-new")
        place.source.set_document(changed)
        await until(lambda: place.gate.snapshot.revision > 1, 1.0)
        await place.post()
        assert place.sim.requests[0].header("authorization") == "Bearer sk-new"
