"""A worker serves from "ready" on, tells its supervisor how it goes, and ends when told or left."""

import asyncio
import contextlib
import gc
import json
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.gate.running import HELLO, connect, document, until

from faregate.calllog.frames import Happened, Started, decode_frame
from faregate.configuration.commerce import Price
from faregate.configuration.document import Document, ProviderBudget
from faregate.configuration.references import plain
from faregate.core.clock import SystemClock
from faregate.core.errors import StorageError
from faregate.gate.explaining import Explaining
from faregate.gate.memory import MemoryConfiguration
from faregate.gate.memory_journal import MemoryJournal
from faregate.gate.worker import GateWorker, Openers
from faregate.identity.keys import hash_key
from faregate.identity.operator import operator_token
from faregate.ledger.memory import MemoryLedger
from faregate.ledger.windows import period
from faregate.simulator.service import Simulator
from faregate.tally.memory import MemoryTally


@dataclass
class Supervised:
    """A worker in this process, and its supervisor's end of the channel."""

    task: asyncio.Task[None]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    source: MemoryConfiguration
    journal: MemoryJournal
    port: int
    key: str

    async def message(self) -> Any:
        return json.loads(await asyncio.wait_for(self.reader.readline(), 3))

    async def ready(self) -> None:
        """Read what it says of itself up to "ready": what it runs, so that one can ask at once."""
        metrics = await self.message()
        assert metrics["type"] == "metrics"
        assert metrics["data"]["gauges"]["faregate_configuration_revision"] == [[[], 1]]
        assert await self.message() == {"type": "ready"}

    def tell(self, kind: str, data: Any = None) -> None:
        self.writer.write(json.dumps({"type": kind, "data": data}).encode() + b"\n")

    def happened(self) -> list[str]:
        """What became of accounts."""
        frames = [decode_frame(data) for data in self.journal.frames]
        return [frame.kind for frame in frames if isinstance(frame, Happened)]


def openers(journal: MemoryJournal) -> Openers:
    ledger = MemoryLedger(SystemClock())
    return Openers(
        lambda settings: journal,
        lambda settings: ledger.source("w"),
        lambda settings: MemoryTally(),
    )


@pytest.fixture
async def supervised() -> AsyncIterator[Supervised]:
    thresholds = gc.get_threshold()
    ours, theirs = socket.socketpair()
    async with Simulator() as simulator:
        source, journal = MemoryConfiguration(document(simulator.base_url)), MemoryJournal()
        key = source.add_key("test")
        listening = socket.create_server(("127.0.0.1", 0))
        worker = GateWorker(source, openers(journal), SystemClock(), listening, theirs.detach())
        reader, writer = await asyncio.open_connection(sock=ours)
        task = asyncio.create_task(worker.run())
        port = listening.getsockname()[1]
        yield Supervised(task, reader, writer, source, journal, port, key)
        writer.close()
        await asyncio.wait_for(task, 5)
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    assert source.closed
    assert journal.closed


async def test_it_serves_when_it_says_ready(supervised: Supervised) -> None:
    await supervised.ready()
    async with await connect(supervised.port, supervised.key) as client:
        assert (await client.post(HELLO)).status == 200


async def test_metrics_come_every_second_and_when_asked_for(supervised: Supervised) -> None:
    await supervised.ready()
    supervised.tell("metrics")
    first = await supervised.message()
    assert first["type"] == "metrics"
    assert first["data"]
    loop = asyncio.get_running_loop()
    asked_at = loop.time()
    assert (await supervised.message())["type"] == "metrics"
    assert loop.time() - asked_at < 1.5


async def test_a_drain_finishes_calls_and_says_so(supervised: Supervised) -> None:
    await supervised.ready()
    async with await connect(supervised.port, supervised.key) as client:
        client.ask(HELLO, x_simulate="latency_ms=300")
        await until(lambda: supervised.journal.frames)
        supervised.tell("drain")
        assert (await client.reply()).status == 200
        assert await client.ended()
    kinds = [(await supervised.message())["type"] for _ in range(2)]
    while kinds[-1] != "drained":
        kinds.append((await supervised.message())["type"])
    assert set(kinds) == {"metrics", "drained"}
    await asyncio.wait_for(asyncio.shield(supervised.task), 3)


async def test_it_leaves_when_its_supervisor_is_gone(supervised: Supervised) -> None:
    await supervised.ready()
    supervised.writer.transport.abort()
    await asyncio.wait_for(asyncio.shield(supervised.task), 3)
    with pytest.raises(OSError, match=r"."):
        await connect(supervised.port)


async def test_it_follows_changes(supervised: Supervised) -> None:
    await supervised.ready()
    async with await connect(supervised.port, supervised.key) as client:
        assert (await client.post(HELLO)).status == 200
        supervised.source.revoke_key(supervised.key)
        async with asyncio.timeout(10.0):
            while (await client.post(HELLO)).status == 200:
                pass
        assert (await client.post(HELLO)).code == "key_revoked"


async def test_what_calls_cost_and_what_it_is_told_uses_up_a_budget(supervised: Supervised) -> None:
    await supervised.ready()
    budget = ProviderBudget(amount=Decimal(1), window="year", alert_at=(50,))
    [provider] = supervised.source.latest().document.providers
    changed = msgspec.structs.replace(
        supervised.source.latest().document,
        providers=(msgspec.structs.replace(provider, budgets=(budget,)),),
        prices=(Price(model="sim", request=Decimal("0.6")),),
    )
    supervised.source.set_document(changed)
    async with await connect(supervised.port, supervised.key) as client:
        async with asyncio.timeout(15):
            while "budget_low" not in supervised.happened():  # nobody asks how the account is
                assert (await client.post(HELLO)).status == 200
                await supervised.message()
        starts_ns = period("year", "UTC", time.time_ns()).starts_ns
        supervised.tell("spent", {"simulated": {"year": [starts_ns, 10**9]}})
        await until(lambda: "budget_out" in supervised.happened())
        assert (await client.post(HELLO)).code == "provider_budget_exhausted"


async def test_without_a_configuration_it_does_not_begin() -> None:
    source = MemoryConfiguration()
    source.fail = True
    with socket.create_server(("127.0.0.1", 0)) as listening:
        worker = GateWorker(source, openers(MemoryJournal()), SystemClock(), listening, None)
        with pytest.raises(StorageError):
            await worker.run()
        with contextlib.suppress(Exception):
            worker._follower.close()


async def test_the_operator_acts_for_callers_beside_keys() -> None:
    """So the batches of a caller with a token go on as its calls."""
    thresholds = gc.get_threshold()
    token = operator_token(b"m" * 32)
    async with Simulator() as simulator:
        written = msgspec.convert(
            plain(document(simulator.base_url))
            | {
                "applications": [{"name": "app"}],
                "callers": {"hmac": [{"name": "a", "secret": "s" * 32, "application": "app"}]},
            },
            Document,
        )
        source, journal = MemoryConfiguration(written), MemoryJournal()
        listening = socket.create_server(("127.0.0.1", 0))
        explaining = Explaining(hash_key(token))
        worker = GateWorker(
            source, openers(journal), SystemClock(), listening, None, explaining,
            token_secret=b"t" * 32,
        )  # fmt: skip
        task = asyncio.create_task(worker.run())
        async with await connect(listening.getsockname()[1], token) as client:
            reply = await client.post(HELLO, faregate_key="hmac:a:app")
            assert reply.status == 200
            assert (await client.post(HELLO, faregate_key="hmac:a:other")).code == "key_unknown"
        frames = [decode_frame(frame) for frame in journal.frames]
        assert [one.key_id for one in frames if isinstance(one, Started)] == ["hmac:a:app"]
        worker._stopping.set()
        await asyncio.wait_for(task, 5)
    gc.set_threshold(*thresholds)
    gc.unfreeze()
