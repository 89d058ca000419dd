"""Counters that several workers and nodes share, over Redis or Valkey.

Strategy: one script (shared.lua) does everything, by the server's clock. One question is under way
at a time; all that is asked for meanwhile goes into the next one, so questions grow with the load
instead of becoming more. Counters hold leases (leased.py), so most takes ask nothing.

What a lost reply leaves behind is lost to the limit until it lapses: nothing is ever sent twice,
for what is given back twice would let a limit be exceeded.

While the server can't be reached, calls are refused or every worker counts in its share of each
limit. A share begins when all that may have been used before has left its window. After the
server has lost its counts, or workers have used shares, it gives nothing for the length of a
window.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import msgspec

from faregate.core import bounds
from faregate.core.errors import StorageError
from faregate.limits.counters import ASK, Counter, LimitSpec, LimitUnit
from faregate.tally.idle import forget_idle
from faregate.tally.leased import NOTHING, Asked, Leased, LeasedRate, LeasedSlots, Token

if TYPE_CHECKING:
    from redis.asyncio import Redis

SCRIPT: Final = Path(__file__).with_name("shared.lua").read_text(encoding="utf-8")
SERVER_KEY: Final = b"{faregate}:server"
WORKERS_KEY: Final = b"{faregate}:workers"

ROUND_TRIP_S_MAX: Final = 0.5
LAPSE_S: Final = 5.0  # without a word, a worker counts as dead and its calls at once as ended
HEARD_S: Final = 4.0  # after its last word it lets no more calls at once begin
FLUSH_S: Final = 0.05  # until what is put back is told, where nothing else is asked
PAUSES_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)  # between attempts to reach the server
RETURN_S: Final = PAUSES_S[-1] + 2 * ROUND_TRIP_S_MAX  # until all workers are back from an outage
QUESTION_COUNTERS_MAX: Final = 256  # a hundredth of a second of the server
TRIES: Final = 5  # of a call whose lease lapsed before it could take

_log = logging.getLogger(__name__)


class Connection(Protocol):
    """The part of a client that is used."""

    async def execute_command(self, *arguments: Any) -> Any:
        """Send one command and wait for its reply."""

    async def aclose(self) -> None:
        """Close."""


class _Waiting:
    """A call that waits for leases."""

    __slots__ = ("answered", "left", "reserved")

    def __init__(self, left: int, answered: "asyncio.Future[None]") -> None:
        self.left = left
        self.answered = answered
        self.reserved: list[tuple[Leased, int, Token]] = []


class RedisTally:
    """`gate.ports.Tally` of one worker among several."""

    def __init__(
        self,
        client: Connection,
        worker: str,
        *,
        when_down: Literal["refuse", "local_share"] = "refuse",
        workers_total: int = 1,
        now: Callable[[], float] = time.monotonic,
        counters_max: int = bounds.LIMIT_COUNTERS_MAX,
    ) -> None:
        # For the life of the worker.
        self._client = client
        self._worker = worker
        self._when_down = when_down
        self._workers_total = workers_total
        self._now = now
        self._counters_max = counters_max
        self._script_hash = ""
        # What is counted.
        self._counters: dict[bytes, Leased] = {}
        self._asked: dict[Leased, list[tuple[_Waiting, int]]] = {}
        self._soon: dict[Leased, None] = {}
        self._is_to_beat = False
        self._is_due = False  # what is to be told soon is to be told now
        self._flush: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None
        # What is known of the server.
        self._born = 0
        self._heard_at = now()
        self._is_down = False
        self._down_at = 0.0
        self._recovering: asyncio.Task[None] | None = None
        self._shares_were_used = False

    @property
    def is_degraded(self) -> bool:
        """Whether the shared counters can't be reached now."""
        return self._is_down

    def counter(self, spec: LimitSpec) -> Counter:
        """The counter of `spec.limit_id`; of another window it is another."""
        key = _key_of(spec)
        counter = self._counters.get(key)
        if counter is None:
            return self._make(spec, key)
        if counter.spec is not spec and counter.spec != spec:
            counter.adopt(spec, self._now())
        return counter

    async def ask(self, wanted: Sequence[tuple[Counter, int]]) -> None:
        """Lease so much of these counters, in one question with all who ask."""
        for _ in range(TRIES):
            now = self._now()
            lacking = [
                (counter, cost)
                for counter, cost in wanted
                if isinstance(counter, LeasedRate | LeasedSlots) and counter.check(cost, now) == ASK
            ]
            if not lacking:
                return
            if self._is_down:
                raise _unreachable()
            await self._wait_for(lacking)
        if any(counter.check(cost, self._now()) == ASK for counter, cost in wanted):
            raise StorageError(
                "the shared limits answer too slowly to count by",
                fix="bring the gate and its Redis or Valkey closer together",
            )

    async def keep_house(self) -> None:
        """Say that this worker lives, give back, forget what lies idle."""
        self._forget_idle()
        if self._is_down:
            return
        for counter in self._counters.values():
            if isinstance(counter, LeasedSlots) and counter.holds:
                self._soon[counter] = None
        self._is_to_beat = True
        await asyncio.wait({self._begin_asking()}, timeout=ROUND_TRIP_S_MAX)

    async def close(self) -> None:
        """Give everything back, as far as the server can be reached."""
        if self._flush is not None:
            self._flush.cancel()
        if self._recovering is not None:
            self._recovering.cancel()
        if not self._is_down:
            self._soon.update(dict.fromkeys(self._counters.values()))
            self._is_due = True
            await asyncio.wait({self._begin_asking()}, timeout=2 * ROUND_TRIP_S_MAX)
        await self._client.aclose()

    # -- counters --------------------------------------------------------------------------------

    def _make(self, spec: LimitSpec, key: bytes) -> Leased:
        if len(self._counters) >= self._counters_max:
            self._forget_idle()
            if len(self._counters) >= self._counters_max:
                raise StorageError(
                    f"{self._counters_max:,} limits count at once, and more are not kept",
                    fix="let limits be for fewer subjects, such as keys instead of customers",
                )
        if spec.unit is LimitUnit.CONCURRENT:
            counter: Leased = LeasedSlots(spec, key, self._tell_soon, self._valid_until)
        else:
            counter = LeasedRate(spec, key, self._tell_soon)
        if self._is_down and self._when_down == "local_share":
            counter.go_alone(self._workers_total, self._down_at)
        self._counters[key] = counter
        return counter

    def _forget_idle(self) -> None:
        now = self._now()

        def is_idle(counter: Leased) -> bool:
            if counter.lies_unused(now):
                self._soon[counter] = None
                return False
            return counter.is_idle(now)

        forget_idle(self._counters, is_idle)

    def _valid_until(self) -> float:
        return self._heard_at + HEARD_S

    def _tell_soon(self, counter: Leased) -> None:
        self._soon[counter] = None
        if self._flush is None and not self._is_down:
            loop = asyncio.get_running_loop()
            self._flush = loop.call_later(FLUSH_S, self._flush_now)

    def _flush_now(self) -> None:
        self._flush = None
        if self._soon and not self._is_down:
            self._is_due = True
            self._begin_asking()

    # -- questions -------------------------------------------------------------------------------

    async def _wait_for(self, lacking: "list[tuple[Leased, int]]") -> None:
        """Wait until the server answered; what it gave for this call is there to take."""
        if len(self._asked) >= bounds.LIMIT_QUESTIONS_WAITING_MAX:
            raise StorageError(
                f"{bounds.LIMIT_QUESTIONS_WAITING_MAX:,} limits wait for the shared counters",
                fix="give Redis or Valkey more of a processor, or bring it closer",
            )
        waiting = _Waiting(len(lacking), asyncio.get_running_loop().create_future())
        for counter, cost in lacking:
            self._asked.setdefault(counter, []).append((waiting, cost))
        self._begin_asking()
        try:
            await waiting.answered
        finally:
            now = self._now()
            for counter, cost, token in waiting.reserved:
                counter.release(cost, token, now)
            waiting.reserved.clear()

    def _begin_asking(self) -> "asyncio.Task[None]":
        """The task that asks until nothing is left to ask."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().create_task(self._ask_all())
        return self._asking

    async def _ask_all(self) -> None:
        # What is to be told soon waits for its time, or for a question that is asked anyway:
        # under load there is always something, and a question after the other would be asked.
        while self._asked or self._is_due or self._is_to_beat:
            tells_all = self._is_due or self._is_to_beat
            self._is_due = self._is_to_beat = False
            batch: dict[Leased, list[tuple[_Waiting, int]]] = {}
            for counter in list(islice(self._asked, QUESTION_COUNTERS_MAX)):
                batch[counter] = self._asked.pop(counter)
                self._soon.pop(counter, None)
            for counter in list(islice(self._soon, QUESTION_COUNTERS_MAX - len(batch))):
                batch[counter] = []
                del self._soon[counter]
            self._is_due = tells_all and bool(self._soon)
            try:
                await self._ask_once(batch)
            except Exception as error:
                self._fail(error, batch)
                return
            await asyncio.sleep(0)  # those who waited take before the next question gives back

    async def _ask_once(self, batch: "dict[Leased, list[tuple[_Waiting, int]]]") -> None:
        asked_at = self._now()
        questions = []
        for counter, waiters in batch.items():
            costs = [cost for waiting, cost in waiters if not waiting.answered.done()]
            asked = Asked(sum(costs), min(costs)) if costs else NOTHING
            questions.append(counter.question(asked, asked_at))
        answers = await self._exchange(questions, [counter.key for counter in batch])
        now = self._now()
        for (counter, waiters), answer in zip(batch.items(), answers, strict=True):
            counter.accept(answer, asked_at, now)
            for waiting, cost in waiters:
                waiting.left -= 1
                if waiting.answered.done():
                    continue
                token = counter.token
                if counter.reserve(cost):
                    waiting.reserved.append((counter, cost, token))
                if waiting.left == 0:
                    waiting.answered.set_result(None)

    async def _exchange(self, questions: list[Any], keys: list[bytes]) -> list[Any]:
        """One round trip; raises where the server doesn't answer in time."""
        asked_at = self._now()
        alone_us = int(RETURN_S * 1e6) if self._shares_were_used else 0
        packed = msgspec.msgpack.encode(
            [self._worker, self._born, alone_us, int(LAPSE_S * 1e6), questions]
        )
        arguments = (len(keys) + 2, SERVER_KEY, WORKERS_KEY, *keys, packed)
        async with asyncio.timeout(ROUND_TRIP_S_MAX):
            reply = await self._evaluate(arguments)
        born, answers = msgspec.msgpack.decode(reply)
        if self._born not in (0, born):
            _log.warning("the shared limits begin anew: their counts were lost")
            for counter in self._counters.values():
                counter.drop()
        self._born = born
        self._heard_at = asked_at
        self._shares_were_used = False
        return answers  # type: ignore[no-any-return]

    async def _evaluate(self, arguments: tuple[Any, ...]) -> Any:
        from redis.exceptions import NoScriptError  # here: an optional package

        if self._script_hash:
            try:
                return await self._client.execute_command("EVALSHA", self._script_hash, *arguments)
            except NoScriptError:  # it was started anew, or its scripts were flushed: nothing ran
                pass
        loaded = await self._client.execute_command("SCRIPT LOAD", SCRIPT)
        self._script_hash = loaded.decode() if isinstance(loaded, bytes) else loaded
        return await self._client.execute_command("EVALSHA", self._script_hash, *arguments)

    # -- when the server can't be reached --------------------------------------------------------

    def _fail(self, error: Exception, batch: "dict[Leased, list[tuple[_Waiting, int]]]") -> None:
        if not self._is_down:
            self._is_down = True
            self._down_at = self._now()
            _log.error(
                "the shared limits can't be reached (%s: %s); %s",
                type(error).__name__,
                error,
                "calls that a limit applies to are refused"
                if self._when_down == "refuse"
                else f"each of {self._workers_total} workers keeps its share of each limit",
            )
            if self._when_down == "local_share":
                for counter in self._counters.values():
                    counter.go_alone(self._workers_total, self._down_at)
        for counter in batch:
            counter.unanswered()
        waiters = [*batch.values(), *self._asked.values()]
        self._asked.clear()
        self._soon.clear()
        for waiting, _ in (pair for pairs in waiters for pair in pairs):
            if waiting.answered.done():
                continue
            if self._when_down == "refuse":
                waiting.answered.set_exception(_unreachable())
            else:
                waiting.answered.set_result(None)
        if self._recovering is None or self._recovering.done():
            self._recovering = asyncio.get_running_loop().create_task(self._recover())

    async def _recover(self) -> None:
        """Try to reach the server until it answers."""
        attempt = 0
        while True:
            await asyncio.sleep(PAUSES_S[min(attempt, len(PAUSES_S) - 1)])
            attempt += 1
            self._shares_were_used |= self._note_shares()
            try:
                await self._exchange([], [])
            except Exception as error:
                _log.debug("the shared limits are still away: %s", error)
                continue
            self._is_down = False
            self._shares_were_used = self._note_shares()  # while the answer was on its way
            for counter in self._counters.values():
                counter.come_back()
            _log.warning("the shared limits are back")
            if self._shares_were_used:
                self._is_to_beat = True
                self._begin_asking()
            return

    def _note_shares(self) -> bool:
        """Whether any share was used since this was last asked."""
        used = [counter for counter in self._counters.values() if counter.share_was_used]
        for counter in used:
            counter.share_was_used = False
        return bool(used)


def _key_of(spec: LimitSpec) -> bytes:
    kind = "c" if spec.unit is LimitUnit.CONCURRENT else "w" if spec.burst is None else "s"
    return f"{{faregate}}:{kind}:{spec.window_s:g}:{spec.limit_id}".encode()


def _unreachable() -> StorageError:
    return StorageError(
        "the shared limits can't be reached",
        fix="start the Redis or Valkey of settings.limits.redis_url",
    )


def connect(url: str) -> "Redis":
    """A client that tries nothing twice; raises `ValueError`."""
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return Redis.from_url(
        url,
        socket_timeout=ROUND_TRIP_S_MAX,
        socket_connect_timeout=ROUND_TRIP_S_MAX,
        retry=Retry(NoBackoff(), 0),
        single_connection_client=False,
        max_connections=2,
    )
