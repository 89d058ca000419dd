"""A paid installation under a storm of callers, and everything that was said of its money.

Callers, the journal's calls, the ledger's transfers and its balances each tell what was spent; a
sampler looks into the ledger all the while. `Installation.check` compares them to the nano-dollar.
"""

import asyncio
import contextlib
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Self

import msgspec
from tests.end_to_end.served import Served, processes_of, wait_until
from tests.gate.running import BrokenReplyError, Client, Reply, connect

from faregate.calllog.frames import CallRecord
from faregate.core.errors import StorageError
from faregate.core.money import parse_amount
from faregate.identity.keys import generate_key
from faregate.ledger import reckoning
from faregate.ledger.bookkeeping import GrantKind
from faregate.storage.call_log import CallLog
from faregate.storage.home import Home
from faregate.storage.ledger_books import Books, open_books
from faregate.storage.ledger_connection import Session
from faregate.storage.ledger_database import open_ledger

URL_VARIABLE: Final = "TEST_LEDGER_URL"
# Prices for each call alone, so that what is held is what is charged; and by tokens.
PRICES: Final[tuple[dict[str, Any], ...]] = (
    {"model": "flat", "input": 0, "output": 0, "request": "0.003"},
    {"model": "dear", "input": 0, "output": 0, "request": "0.007"},
    {"model": "tokens", "input": "2.5", "output": "10"},
    {"model": "long", "input": "2.5", "output": "10"},
    {"model": "odd", "input": "0.1234567", "output": "3.3333333", "request": "0.000000007"},
)
MODELS: Final = {"long": {"output_tokens_max": 128_000}}
QUICK: Final = "tokens=20"
SLOW: Final = "tokens=20,latency_ms=200"


class Answer(msgspec.Struct, frozen=True):
    """What one caller got: status (0: the connection broke), code, and how long it took."""

    status: int
    code: str
    seconds: float
    output_limit: int = 0
    usage: dict[str, Any] | None = None
    call_id: str = ""

    @property
    def served(self) -> bool:
        """Whether it was answered."""
        return self.status == 200


def body(model: str, *, stream: bool = False, **more: Any) -> dict[str, Any]:
    """A short chat."""
    said = {"model": model, "messages": [{"role": "user", "content": "What is a fare?"}]}
    asked = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    return said | asked | more


def _answer(reply: Reply, seconds: float) -> Answer:
    limit = int(reply["faregate-output-limit"] or 0)
    if reply.status != 200:
        return Answer(reply.status, str(reply.json.get("code")), seconds)
    if reply["content-type"] != "text/event-stream":
        return Answer(200, "", seconds, limit, reply.json["usage"], str(reply["faregate-call-id"]))
    usage, code = None, ""
    for line in reply.body.split(b"\n"):
        if line.startswith(b"data: {"):
            event = json.loads(line[6:])
            usage = event.get("usage") or usage
            code = event.get("faregate", {}).get("refusal", {}).get("code", code)
    assert reply.body.endswith(b"data: [DONE]\n\n")
    return Answer(200, code, seconds, limit, usage, str(reply["faregate-call-id"]))


async def ask(client: Client, asked: dict[str, Any], **headers: str) -> Answer:
    """One call."""
    begun = time.monotonic()
    try:
        reply = await client.post(asked, **headers)
    except (BrokenReplyError, OSError, asyncio.IncompleteReadError):
        return Answer(0, "broken", time.monotonic() - begun)
    return _answer(reply, time.monotonic() - begun)


Asked = tuple[str, dict[str, Any], dict[str, str]]  # key, body, headers


async def _storm(port: int, calls: Sequence[Asked], patience_s: float) -> list[Answer]:
    clients = [await connect(port, key) for key, _, _ in calls]
    gate = asyncio.Event()

    async def one(client: Client, asked: dict[str, Any], headers: dict[str, str]) -> Answer:
        async with client:
            await gate.wait()
            try:
                return await asyncio.wait_for(ask(client, asked, **headers), patience_s)
            except TimeoutError:
                return Answer(0, "silence", patience_s)

    tasks = [
        asyncio.create_task(one(client, asked, headers))
        for client, (_, asked, headers) in zip(clients, calls, strict=True)
    ]
    await asyncio.sleep(0.1)  # every worker has taken its connections in
    gate.set()
    return await asyncio.gather(*tasks)


def storm(port: int, calls: Sequence[Asked], patience_s: float = 90) -> list[Answer]:
    """All calls at once, each on a connection of its own that is open before."""
    return asyncio.run(_storm(port, calls, patience_s))


def price_nano(model: str, usage: dict[str, Any]) -> int:
    """What a usage costs, reckoned apart from Faregate; halves are rounded upwards."""
    [row] = [one for one in PRICES if one["model"] == model]
    tokens = usage["prompt_tokens"] * Fraction(str(row["input"]))
    tokens += usage["completion_tokens"] * Fraction(str(row["output"]))
    dollars = tokens / 1_000_000 + Fraction(str(row.get("request", 0)))
    return math.floor(dollars * 1_000_000_000 + Fraction(1, 2))


def counted(answers: Sequence[Answer]) -> dict[str, int]:
    """How many of each status and code."""
    found = Counter(f"{one.status} {one.code}".strip() for one in answers)
    return dict(sorted(found.items()))


@dataclass
class Sampler:
    """Reads the ledger all the time, and keeps what must never be."""

    read: Callable[[Callable[[Session], list[str]]], list[str]]
    samples: int = 0
    away: int = 0
    most_drawn_nano: int = 0
    violations: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.violations += self.read(self._look)
                self.samples += 1
            except StorageError:
                self.away += 1
                time.sleep(0.05)
            time.sleep(0.002)

    def _look(self, session: Session) -> list[str]:
        now_ns = time.time_ns()
        accounts = dict(session.rows("SELECT account, balance_nano FROM accounts"))
        draws = dict(session.rows("SELECT purse_id, SUM(amount) FROM draws GROUP BY purse_id"))
        buckets: dict[str, dict[int, int]] = {}
        for purse_id, starts_ns, spent in session.rows(
            "SELECT purse_id, starts_ns, spent FROM purse_buckets"
        ):
            buckets.setdefault(purse_id, {})[starts_ns] = spent
        wrong = [f"{name} is {has}" for name, has in accounts.items() if _is_debt(name, has)]
        for purse_id, kind, cap, carried, spent, drawn, rolling_ns in session.rows(
            "SELECT purse_id, kind, cap, carried, spent, drawn, rolling_ns FROM purses"
        ):
            if kind == "wallet":
                most, used = accounts.get(purse_id, 0), 0
                self.most_drawn_nano = max(self.most_drawn_nano, drawn)
            else:
                most, used = cap + carried, spent
            if rolling_ns is not None:
                freed = reckoning.frees(buckets.get(purse_id, {}), rolling_ns, now_ns)
                used = sum(amount for _, amount in freed)
            if used + drawn > most:
                wrong.append(f"{purse_id}: {used} spent and {drawn} drawn of {most}")
            if drawn != draws.get(purse_id, 0):
                wrong.append(f"{purse_id}: {drawn} drawn, by workers {draws.get(purse_id, 0)}")
        return wrong

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)


def _is_debt(account: str, balance_nano: int) -> bool:
    return account.startswith("wallet:") and balance_nano < 0


class Totals(msgspec.Struct, frozen=True):
    """What an installation came to."""

    calls: int
    charges: int
    charged_nano: int
    lost: int
    unfinished: int
    short_nano: int
    balance_nano: int


class Installation:
    """A home with one wallet, and the service on it.

    `granted` are dollars; `more` are other parts of the document.
    """

    def __init__(
        self,
        folder: Path,
        base_url: str,
        granted: str | None,
        *,
        workers: int = 1,
        ledger_url: str | None = None,
        vanish_after_s: float = 900,
        more: dict[str, Any] | None = None,
    ) -> None:
        self.home = folder / "home"
        self.key, self.other_key = generate_key(), generate_key()
        self.granted_nano = parse_amount(granted) if granted else 0
        self._ledger_url = ledger_url
        self._vanish_after_s = vanish_after_s
        self.workers = workers
        self._file = folder / "faregate.yaml"
        self._file.write_text(json.dumps(self._document(base_url, granted) | (more or {})))
        self.served: Served

    def _document(self, base_url: str, granted: str | None) -> dict[str, Any]:
        ledger: dict[str, Any] = {"vanish_after_s": self._vanish_after_s}
        if self._ledger_url:
            ledger["url"] = f"${{env:{URL_VARIABLE}}}"
        wallet = {"wallet": "paid"} if granted else {}
        grants = [{"name": "first", "amount": granted}]
        return {
            "version": 1,
            "providers": [
                {"name": "simulated", "base_url": base_url, "proxy": "none",
                 "connections_max": 2_000}
            ],
            "models": [
                {"name": one["model"], "provider": "simulated", **MODELS.get(one["model"], {})}
                for one in PRICES
            ],
            "prices": list(PRICES),
            "wallets": [{"name": "paid", "grants": grants}] if granted else [],
            "applications": [{"name": "shop", **wallet}],
            "keys": [
                {"name": "test", "secret": "${env:TEST_KEY}", "application": "shop"},
                {"name": "other", "secret": "${env:OTHER_KEY}", "application": "shop"},
            ],
            "settings": {"ledger": ledger, "credit": {"top_up_url": "https://example.com/pay"}},
        }  # fmt: skip

    def start(self, start: Callable[..., Served], *, port: str = "") -> Self:
        """Serve it."""
        environment = {
            "TEST_KEY": self.key,
            "OTHER_KEY": self.other_key,
            URL_VARIABLE: self._ledger_url or "",
        }
        if port:
            environment["FAREGATE_PORT"] = port
        arguments = ("--workers", str(self.workers), "--config", str(self._file))
        self.served = start(self.home, *arguments, **environment).ready()
        wait_until(lambda: len(self.served.pids("gate")) == self.workers, 20)
        return self

    def burst(self, bodies: Sequence[dict[str, Any]], **headers: str) -> list[Answer]:
        """All of these calls at once."""
        given = {"x_simulate": QUICK} | headers
        return storm(self.served.port, [(self.key, one, given) for one in bodies])

    @contextlib.contextmanager
    def sampled(self) -> Iterator[Sampler]:
        """Look into its ledger all the while; fail where it ever was wrong."""
        connection = open_ledger(Home(self.home), self._ledger_url).connect()
        try:
            with Sampler(connection.read) as sampler:
                yield sampler
        finally:
            connection.close()
        assert not sampler.violations, sampler.violations[:5]
        assert sampler.samples > 3

    @contextlib.contextmanager
    def books(self) -> Iterator[Books]:
        """Its books."""
        with open_books(Home(self.home), self._ledger_url) as books:
            yield books

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Of the ledger."""
        connection = open_ledger(Home(self.home), self._ledger_url).connect()
        try:
            return connection.read(lambda session: session.rows(statement))
        finally:
            connection.close()

    def events(self) -> list[str]:
        """The kinds of what happened in the ledger."""
        return [kind for (kind,) in self.rows("SELECT kind FROM events ORDER BY seq")]

    def records(self) -> list[CallRecord]:
        """All calls on record."""
        home = Home(self.home)
        with contextlib.closing(CallLog(home.journal, home.calls_database)) as log:
            return log.recent(1_000_000)

    def posted(self) -> bool:
        """Whether the clerk has caught up: every charge on record is in the ledger."""
        try:
            records = self.records()
        except StorageError:  # the clerk is just making its store
            return False
        wanted = {one.call_id for one in records if one.charge is not None}
        known = self.rows("SELECT transfer_id FROM transfers WHERE kind = 'charge'")
        closed = all(one.state == "closed" for one in records)
        return closed and wanted == {call_id for (call_id,) in known}

    def grant(self, dollars: str, *, expires_in_s: float | None = None) -> None:
        """Give credit while it runs; what expires is promotional."""
        amount_nano, expires_ns = parse_amount(dollars), None
        if expires_in_s is not None:
            expires_ns = time.time_ns() + int(expires_in_s * 1e9)
        kind: GrantKind = "paid" if expires_ns is None else "promotional"
        with self.books() as books:
            books.grant("paid", amount_nano, kind, "test", "during a storm", expires_ns)
        self.granted_nano += amount_nano

    def check_prices(self, asked: Sequence[dict[str, Any]], answers: Sequence[Answer]) -> None:
        """Each call was charged what its caller can reckon from the reply."""
        posted = "SELECT transfer_id, amount_nano FROM transfers WHERE kind = 'charge'"
        charged = dict(self.rows(posted))
        stated = [
            (charged[answer.call_id], price_nano(one["model"], answer.usage))
            for one, answer in zip(asked, answers, strict=True)
            if answer.usage is not None
        ]
        assert stated
        assert [charge for charge, _ in stated] == [price for _, price in stated]

    def balance_nano(self) -> int:
        """What the wallet has."""
        with self.books() as books:
            return books.wallet("paid").balance_nano

    def stop(self) -> None:
        """End the service in good order."""
        assert self.served.stop() == 0, self.served.log[-3_000:]
        wait_until(lambda: processes_of(self.home) == [], 20)
        log = self.served.log
        assert "Traceback" not in log, log[log.index("Traceback") - 1_000 :][:5_000]

    def check(self, *, shortfalls: bool = False) -> Totals:
        """After the end: nothing is drawn, and all accounts of the money agree."""
        assert self.posted()
        records = self.records()
        charges = {one.call_id: one.charge for one in records if one.charge is not None}
        posted = "SELECT transfer_id, amount_nano FROM transfers WHERE kind = 'charge'"
        transfers = dict(self.rows(posted))
        wanted = {call_id: one.charge_nano for call_id, one in charges.items()}
        assert transfers.keys() == wanted.keys()
        assert shortfalls or transfers == wanted
        charged_nano = sum(transfers.values())
        with self.books() as books:
            assert books.verify().discrepancies == ()
            short = [event for _, event in books.events() if event.kind == "shortfall"]
            wallet = books.wallet("paid")
            assert [one for one in books.budgets() if one.drawn] == []
        # What a stream used beyond its hold, before it could be stopped, the operator bears; the
        # ledger has to bear more only for a worker that had been given up.
        short_nano = sum(event.amount or 0 for event in short)
        borne_nano = sum(one.shortfall_nano for one in charges.values())
        assert short_nano == borne_nano + sum(wanted.values()) - charged_nano, short
        expired_nano = self.rows(
            "SELECT COALESCE(SUM(amount_nano), 0) FROM transfers WHERE kind = 'expiry'"
        )[0][0]
        if self.granted_nano:
            left_nano = self.granted_nano - charged_nano - expired_nano
            assert wallet.balance_nano == left_nano >= 0
        used: Counter[str] = Counter()
        for one in charges.values():
            used.update(dict(zip(one.purses, one.used, strict=True)))
        spent = dict(self.rows("SELECT purse_id, spent FROM purses WHERE kind <> 'wallet'"))
        assert spent == {purse_id: used[purse_id] for purse_id in spent}
        drawn = self.rows("SELECT COALESCE(SUM(amount), 0) FROM draws")[0][0]
        assert (wallet.drawn_nano, drawn) == (0, 0)
        outcomes = Counter(one.outcome for one in records if one.charge is None and one.provider)
        return Totals(
            len(records), len(transfers), charged_nano, outcomes["lost"],
            outcomes["cancelled"] + outcomes["failed"], short_nano,
            wallet.balance_nano,
        )  # fmt: skip
