"""A gate for one situation: its clock stands still, its provider answers at once.

`World.ask` diagnoses and then makes the same call; `World.change` does what a diagnosis proposes.
"""

import asyncio
import contextlib
import itertools
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from tests.gate.accounts import MESSAGE_REPLY
from tests.gate.running import Asked, Client, Reply, connect, document, plain, until
from tests.gate.situations import Situation

from faregate.calllog.frames import CallRecord, Charge, decode_frame
from faregate.configuration.document import Document
from faregate.core.clock import ManualClock
from faregate.core.money import parse_amount
from faregate.gate.explaining import Explaining
from faregate.gate.follower import Follower
from faregate.gate.gate import Gate
from faregate.gate.memory import MemoryConfiguration
from faregate.gate.memory_journal import MemoryJournal
from faregate.identity.keys import generate_key, hash_key
from faregate.identity.operator import operator_token
from faregate.ledger.memory import MemoryLedger
from faregate.ledger.purses import DrawRequest, PurseSpec, Return
from faregate.limits.counters import Counter, LimitUnit
from faregate.policies.keys import KeyCheck
from faregate.policies.terms import Terms
from faregate.routing.targets import record
from faregate.routing.troubles import Trouble
from faregate.tally.memory import MemoryTally

OPERATOR = operator_token(bytes(32))
ANSWER = msgspec.json.encode(
    {
        "id": "x",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
)
_numbers = itertools.count()
SENT_AT_NS = 1_700_000_000_000_000_000


class Provider:
    """An upstream that answers at once; calls of users named "slow-..." wait, and then fail."""

    def __init__(self) -> None:
        self.asked = 0
        self.last = b""  # the body of the call before
        self.slow: set[bytes] = set()
        self.release = asyncio.Event()

    async def __call__(self, asked: Asked) -> None:
        self.asked += 1
        self.last = asked.body
        if b"/messages " in asked.head.split(b"\r\n", 1)[0]:
            self._answer_message(asked)
        elif b'"user":"slow-' in asked.body:
            self.slow.add(asked.body)
            await self.release.wait()
            asked.reply(b"{}", "500 Failed")  # so that all that it held comes back
        elif b'"stream":true' in asked.body.replace(b" ", b""):
            asked.begin_stream()
            usage = b'{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}'
            asked.chunk(b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n')
            asked.chunk(b"data: " + usage + b"\n\ndata: [DONE]\n\n")
            asked.write(b"0\r\n\r\n")
        else:
            asked.reply(ANSWER, content_type="application/json")

    def _answer_message(self, asked: Asked) -> None:
        if b'"stream":true' not in asked.body.replace(b" ", b""):
            asked.reply(msgspec.json.encode(MESSAGE_REPLY), content_type="application/json")
            return
        asked.begin_stream()
        delta = {"type": "text_delta", "text": "hi"}
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": MESSAGE_REPLY | {"content": []}},
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "text", "text": ""},
            },
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn"},
                "usage": {"output_tokens": 1},
            },
            {"type": "message_stop"},
        ]
        for event in events:
            data = msgspec.json.encode(event)
            asked.chunk(b"event: %b\ndata: %b\n\n" % (event["type"].encode(), data))
        asked.write(b"0\r\n\r\n")


class World:
    """What one situation takes place in."""

    def __init__(self, situation: Situation, base_url: str, provider: Provider) -> None:
        self.situation = situation
        self.provider = provider
        self.clock = ManualClock(SENT_AT_NS)
        self.ledger = MemoryLedger(self.clock, threading.Lock())
        self.journal = MemoryJournal()
        self.tally = MemoryTally(self.clock.monotonic)
        self.commerce = dict(situation.commerce)
        self._base = plain(document(base_url))
        [simulated] = self._base["providers"]
        self._base["providers"] += [
            simulated | {"name": "claude", "vendor": "anthropic"},
            simulated | {"name": "sick"},
        ]
        self.source = MemoryConfiguration(self._document())
        self.key = self._make_key()
        self.body = dict(situation.body)
        self.returns: list[Return] = []
        self.unposted: list[tuple[PurseSpec, int]] = []
        self.taken: list[tuple[Counter, int, float]] = []
        self.flying: list[tuple[Client, asyncio.Task[Reply]]] = []
        provider.release.clear()
        provider.slow.clear()

    def _document(self) -> Document:
        settings = {"settings": self.situation.settings}
        return msgspec.convert(self._base | self.commerce | settings, Document)

    def _make_key(self) -> str:
        kind = self.situation.key
        if kind == "missing":
            return ""
        if kind == "unknown":
            return generate_key()
        key = self.source.add_key(
            "caller",
            application="app",
            models=frozenset({"paid-small", "free"}) if kind == "limited" else None,
            expires_ns=SENT_AT_NS - 1 if kind == "expired" else None,
        )
        if kind == "revoked":
            self.source.revoke_key(key)
        return key

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["World"]:
        """The gate runs, and stands as the situation says."""
        loop = asyncio.get_running_loop()
        follower = Follower(self.source)
        key_check = KeyCheck(follower.find_key, self.clock)
        explaining = Explaining(hash_key(OPERATOR), None, follower.find_named_key)
        self.gate = Gate(
            loop, self.clock, self.journal, key_check, follower.read_first(),
            self.ledger.source("worker"), self.tally, explaining,
        )  # fmt: skip
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        await self.gate.listener.serve(listening)
        try:
            if self.situation.is_sick:
                [choice] = self.gate.snapshot.routes["sick-model"].targets[0].choices
                record(choice, Trouble("auth", "key"), self.clock.monotonic())
            await self._set_the_scene()
            yield self
        finally:
            self.provider.release.set()
            for client, task in self.flying:
                task.cancel()
                client.leave()
            await self.gate.close(0.0)
            follower.close()

    # -- the scene --------------------------------------------------------------------------------

    def terms(self) -> Terms | None:
        """What applies to the call, if it comes so far."""
        record = self.source.find_key(hash_key(self.key))
        catalogue_name = {"gratis": "free"}.get(self.body["model"], self.body["model"])
        snapshot = self.gate.snapshot
        written = self.source.latest().document
        models = {model.name for model in (*written.models, *written.virtual_models)}
        if record is None or catalogue_name not in models:
            return None
        from faregate.catalogue.models import Offer

        offer = Offer(catalogue_name, "simulated", catalogue_name)
        headers = self.situation.headers
        customer = headers.get("faregate-customer") or self.body.get("user", "")
        run = headers.get("faregate-run", "")
        return snapshot.terms.find(
            record, offer, self.situation.path, customer, run, self.clock.wall_ns()
        )

    async def _set_the_scene(self) -> None:
        situation = self.situation
        if situation.granted:
            self.ledger.grant("purse", situation.granted)
        terms = self.terms()
        if terms is None:
            return
        for _ in range(situation.in_flight):
            await self._fly()
        for one in (*terms.included, *terms.slices):
            self._use_purse(one.spec)
        now = self.clock.monotonic()
        for counter in terms.counters:
            cost = int(counter.left(now) * situation.limits_taken_share)
            if cost and counter.take(cost, now) == 0.0:
                self.taken.append((counter, cost, now))
        self.clock.advance(0.3)

    async def _fly(self) -> None:
        """A call of the same key that is in flight until somebody waits."""
        # A name of its own, for a call of the situation before may still arrive.
        name = f"slow-{next(_numbers):08}"
        body = {"model": "paid", "messages": [], "max_tokens": 500, "user": name}
        client = await connect(self.port, self.key)
        task = asyncio.ensure_future(client.post(body, **self._headers()))
        self.flying.append((client, task))
        await until(
            lambda: task.done() or any(name.encode() in sent for sent in self.provider.slow), 10
        )

    def _headers(self) -> dict[str, str]:
        return {name.replace("-", "_"): value for name, value in self.situation.headers.items()}

    def _use_purse(self, spec: PurseSpec) -> None:
        """Another worker has drawn a part; of a rolling one a part was spent before."""
        other = self.ledger.source("other")
        situation = self.situation
        [standing] = other.standings([spec])
        spent = int(standing.available * situation.posted_share)
        if spent and spec.rolling_ns is not None:
            other.draw([DrawRequest(spec, spent, spent)])
            self.ledger.posting().post("other", [posted(spec, spent, self.clock.wall_ns())])
            [standing] = other.standings([spec])
        amount = int(standing.available * situation.drawn_share)
        if not amount:
            return
        settled = int(amount * situation.settled_share)
        before = spent if spec.rolling_ns is not None else 0
        other.draw([DrawRequest(spec, amount, before)])
        other.draw([DrawRequest(spec, 0, before + settled)])
        if settled and spec.rolling_ns is not None:
            self.unposted.append((spec, settled))
        if amount > settled:
            self.returns.append(Return(spec.purse_id, amount - settled, before + settled))

    # -- asking -----------------------------------------------------------------------------------

    def sent(self) -> bytes:
        """The body as it is sent."""
        text = self.situation.text
        return text.encode() if text is not None else msgspec.json.encode(self.body)

    async def diagnose(self) -> Reply:
        """What the gate says would happen."""
        situation = self.situation
        question: dict[str, Any] = {
            "method": situation.method,
            "path": situation.path,
            "headers": dict(situation.headers),
        }
        if situation.text is not None:
            question["text"] = situation.text
        else:
            question["body"] = self.body
        bearer = self.key
        if situation.as_operator:
            bearer = OPERATOR
            if situation.key in ("unknown", "missing"):
                if self.key:
                    question["headers"]["Authorization"] = f"Bearer {self.key}"
            else:
                question["key"] = "caller"
        async with await connect(self.port, bearer) as client:
            more = {} if bearer else {"authorization": ""}
            return await client.post(question, "/v1/diagnose", **more)

    async def call(self) -> Reply:
        """The call itself."""
        more = self._headers() if self.key else self._headers() | {"authorization": ""}
        async with await connect(self.port, self.key) as client:
            body = self.sent()
            bodiless = self.situation.method == "GET" and not body
            client.ask(
                None if bodiless else body, self.situation.path, self.situation.method, **more
            )
            reply = await client.reply()
        for _ in range(1_000):  # the ends of calls are written when their last byte is sent
            if not self.gate.listener.active or self.flying:
                break
            await asyncio.sleep(0)
        return reply

    def state(self) -> list[str]:
        """All that a call could change, but for what the diagnosis itself leaves."""
        slices = {
            purse_id: (one.free, one.taken, one.settled)
            for purse_id, one in self.gate.broker._slices.items()
            if one.taken or one.free
        }
        with self.ledger._lock:
            books = [f"{name}: {value}" for name, value in vars(self.ledger.books).items()]
        return [*books, repr(slices), *self._done()]

    def bound(self) -> list[str]:
        """The same without what lies idle in slices, which is whose who asks for it."""
        slices = self.gate.broker._slices
        idle = {purse_id: one.free for purse_id, one in slices.items()}
        held = [(purse_id, one.held, one.settled) for purse_id, one in slices.items()]
        with self.ledger._lock:
            books = self.ledger.books
            drawn = [
                (purse_id, purse.drawn - idle.get(purse_id, 0), purse.spent, purse.buckets)
                for purse_id, purse in books.purses.items()
            ]
            moved = repr((books.accounts, books.lots, books.transfers, books.charges, books.events))
        parts = [moved]
        for rows in (drawn, held):
            parts.append(repr(sorted(row for row in rows if any(row[1:]))))
        return [*parts, *self._done()]

    def _done(self) -> list[str]:
        """What is counted, sent and known of providers."""
        now = self.clock.monotonic()
        counters = {
            limit_id: (counter.left(now), counter.resets_s(now))
            for limit_id, counter in self.tally._counters.items()
            if counter.resets_s(now)
        }
        frames = [decode_frame(data) for data in self.journal.frames]
        written = [type(frame).__name__ for frame in frames]
        started = written.count("Started"), written.count("Settled")
        pools = [one.pool.state for one in self.gate.snapshot.upstreams.values()]
        counts = (self.provider.asked, started, [one.open for one in pools])
        return [repr(counters), repr(counts), repr(self.gate.registry.describe(now))]

    # -- changes ----------------------------------------------------------------------------------

    async def change(self, changes: list[dict[str, Any]]) -> None:
        """Do what the diagnosis proposes."""
        for change in changes:
            if change["kind"] == "set":
                self.body[change["name"]] = change["value"]
            elif change["kind"] == "top_up":
                assert change["name"] == "purse"
                self.ledger.grant("purse", parse_amount(change["amount"]))
            elif change["kind"] == "raise":
                self._raise(change["name"], change["amount"])
            else:
                await self._wait(change["seconds"])
        self.clock.advance(0.2)

    def _raise(self, name: str, amount: str) -> None:
        budgets = [dict(each) for each in self.commerce["budgets"]]
        for budget in budgets:
            if budget["name"] == name:
                budget["amount"] = amount
        self.commerce["budgets"] = budgets
        self.source.set_document(self._document())
        self.gate.adopt(self.source.latest())

    async def _wait(self, seconds: int) -> None:
        """Time passes; what others hold and calls in flight come to their end."""
        self.provider.release.set()
        for client, task in self.flying:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(task, 2)
            client.leave()
        self.flying.clear()
        now = self.clock.monotonic()
        for counter, cost, taken_at in self.taken:
            if counter.spec.unit is LimitUnit.CONCURRENT:
                counter.put_back(cost, taken_at, now)
        posting = self.ledger.posting()
        for spec, amount in self.unposted:
            posting.post("other", [posted(spec, amount, self.clock.wall_ns())])
        self.unposted = []
        self.ledger.source("other").give_back(self.returns)
        self.returns = []
        self.clock.advance(seconds)


def posted(spec: PurseSpec, amount: int, now_ns: int) -> CallRecord:
    """A call of another worker that was charged to one purse."""
    return CallRecord(
        call_id=f"call-{next(_numbers)}", worker="other", state="closed", started_ns=now_ns,
        revision=1, key_id="", key_name="", method="POST", path="", client_address="",
        user_agent="", model_asked="", outcome="answered", status=200,
        charge=Charge("", (spec.purse_id,), (amount,), 0, None, 0, "stated"),
    )  # fmt: skip
