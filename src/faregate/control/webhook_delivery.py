"""Delivers events to webhooks, beside the management API.

Strategy
  Two steps, one loop. Gathering reads what the ledger and the audit log have that is new, and
  puts it on its way in the database, together with how far it came. Sending takes what is due,
  one delivery of a webhook at a time, and many webhooks at once.

Theory
  At least once, with stable ids: what is not noted as arrived is sent again. First tries go in
  the order of events; one that failed comes later, and holds up none behind it. A webhook that
  fails rests for a while, so that a dead receiver doesn't get every event eight times in a row.
"""

import asyncio
import functools
import hashlib
import logging
import random
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Final, TypeVar

import faregate
from faregate.configuration.document import Document
from faregate.control.management import Management
from faregate.control.webhook_events import audit_message, ledger_message
from faregate.control.webhook_sending import send
from faregate.core.bounds import WEBHOOK_SENDING_MAX
from faregate.core.errors import FaregateError
from faregate.identity.webhooks import signature
from faregate.storage.home import Home
from faregate.storage.ledger_books import Books, open_books
from faregate.storage.revisions_held import state_in_force
from faregate.storage.revisions_state import State
from faregate.storage.webhook_outbox import Due, WebhookOutbox

_log = logging.getLogger(__name__)
T = TypeVar("T")

POLL_S: Final = 1.0
EVENTS_AT_ONCE: Final = 500
PRUNE_EACH_S: Final = 600.0
REST_S_MAX: Final = 60.0  # of a webhook that fails, between tries of whatever is due to it


class WebhookDelivery:
    """Takes events to webhooks until it is told to stop."""

    def __init__(
        self,
        management: Management,
        *,
        poll_s: float = POLL_S,
        context: ssl.SSLContext | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._management = management
        self._outbox = WebhookOutbox(
            management.installation.database, management.box, management.clock
        )
        self._ledger = _OpenLedger(management.home)
        self._poll_s = poll_s
        self._context = context
        self._chance = chance
        self._document = Document()
        self._accounts: set[str] = set()
        self._state: State | None = None
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._resting: dict[str, tuple[int, float]] = {}
        self._pruned_s = -PRUNE_EACH_S
        # One thread: the ledger's connection is not to be shared, and SQLite has one writer.
        self._thread = ThreadPoolExecutor(1, "webhooks")

    async def __call__(self, stopping: asyncio.Event) -> None:
        """Run until `stopping` is set; what is being sent is sent again later."""
        gathered_s = -self._poll_s
        try:
            while not stopping.is_set():
                if time.monotonic() - gathered_s >= self._poll_s:
                    gathered_s = time.monotonic()
                    await self._in_thread(self.gather)
                await self._begin_sending()
                waiting = [asyncio.ensure_future(stopping.wait()), *self._sending.values()]
                await asyncio.wait(
                    waiting, timeout=self._poll_s, return_when=asyncio.FIRST_COMPLETED
                )
                waiting[0].cancel()
        finally:
            tasks = list(self._sending.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._in_thread(self._ledger.close)

    def gather(self) -> int:
        """Put new events on their way; gives the count of deliveries. It blocks."""
        self._renew_document()
        made = self._gather_audit() + self._gather_ledger()
        now_s = time.monotonic()
        if now_s - self._pruned_s >= PRUNE_EACH_S:
            self._pruned_s = now_s
            self._outbox.prune(self._document.settings.webhooks.keep_days)
        return made

    def _gather_audit(self) -> int:
        made, log = 0, self._management.audit
        expected = self._outbox.cursor("audit")
        if expected is None:
            head = log.head()
            return self._outbox.put("audit", None, head.sequence if head else 0, ())
        while found := log.find(after=expected, limit=EVENTS_AT_ONCE):
            last = found[-1].sequence
            made += self._outbox.put("audit", expected, last, [audit_message(e) for e in found])
            expected = last
        return made

    def _gather_ledger(self) -> int:
        try:
            return self._take_ledger(self._ledger.books(self._document.settings.ledger.url))
        except FaregateError as error:
            self._ledger.close()
            _log.warning("events of the ledger can't be read: %s", error)
        return 0

    def _take_ledger(self, books: Books) -> int:
        made = 0
        source = _ledger_source(self._document.settings.ledger.url)
        expected = self._outbox.cursor(source)
        newest = books.newest_events(1)
        last = newest[0][0] if newest else 0
        # Numbers go back where a ledger was put back from a backup: it is begun anew at its end.
        if expected is None or last < expected:
            return self._outbox.put(source, expected, last, ())
        while expected < last and (found := books.events(expected, EVENTS_AT_ONCE)):
            messages = [ledger_message(n, e, self._team_of_account) for n, e in found]
            made += self._outbox.put(source, expected, found[-1][0], messages)
            expected = found[-1][0]
        return made

    def _renew_document(self) -> None:
        with self._management.installation.database.reading() as connection:
            state = state_in_force(connection)
        if state is not self._state:
            self._document = state.part(("settings", "providers"), self._management.box)
            self._accounts = {one.name for one in self._document.providers if "/" not in one.name}
            self._state = state

    def _team_of_account(self, subject: str) -> str | None:
        """Whose account it is.

        An account of the organisation with a key is looked for first.
        """
        first, slash, rest = subject.partition("/")
        if not slash or (first in self._accounts and "/" not in rest):
            return None
        return first

    async def _begin_sending(self) -> None:
        now_s = time.monotonic()
        resting = {one for one, (_, until_s) in self._resting.items() if until_s > now_s}
        room = WEBHOOK_SENDING_MAX - len(self._sending)
        if room <= 0:
            return
        busy = resting | set(self._sending)
        for due in await self._in_thread(lambda: self._due(busy, room)):
            task = asyncio.ensure_future(self._deliver(due))
            self._sending[due.webhook_id] = task
            task.add_done_callback(functools.partial(self._ended, due.webhook_id))

    def _due(self, busy: set[str], room: int) -> list[Due]:
        found = self._outbox.due(busy, room)
        if found:
            # After it: what was set before an event holds for the event's delivery.
            self._renew_document()
        return found

    def _ended(self, webhook_id: str, task: "asyncio.Task[None]") -> None:
        del self._sending[webhook_id]
        if not task.cancelled() and task.exception() is not None:
            _log.error("a delivery could not be noted: %s", task.exception())

    async def _deliver(self, due: Due) -> None:
        settings = self._document.settings.webhooks
        body = due.body.encode()
        timestamp_s = self._management.clock.wall_ns() // 1_000_000_000
        fields = {
            "Content-Type": "application/json",
            "User-Agent": f"faregate/{faregate.__version__}",
            "webhook-id": due.message_id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": signature(due.secrets, due.message_id, timestamp_s, body),
        }
        tried = await send(
            due.url,
            fields,
            body,
            timeout_s=settings.timeout_s,
            private_addresses=settings.private_addresses,
            context=self._context,
        )
        self._rest(due.webhook_id, arrived=tried.arrived)
        chance = self._chance()
        if await self._in_thread(lambda: self._outbox.note(due, tried, settings, chance)):
            _log.warning("the webhook %s is disabled: it failed for too long", due.webhook_id)

    def _rest(self, webhook_id: str, *, arrived: bool) -> None:
        if arrived:
            self._resting.pop(webhook_id, None)
            return
        failures = self._resting.get(webhook_id, (0, 0.0))[0] + 1
        rest_s = min(REST_S_MAX, self._poll_s * 2 ** min(failures - 1, 10))
        self._resting[webhook_id] = (failures, time.monotonic() + rest_s)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        result: Any = await loop.run_in_executor(self._thread, work)
        return result  # type: ignore[no-any-return]


def _ledger_source(url: str | None) -> str:
    """Each ledger counts its own events; the address may hold a password."""
    return "ledger" if url is None else f"ledger {hashlib.sha256(url.encode()).hexdigest()[:16]}"


class _OpenLedger:
    """The books, kept open as long as their address stays the same."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._stack = ExitStack()
        self._opened: tuple[str | None, Books] | None = None

    def books(self, url: str | None) -> Books:
        """The books at `url`; raises `FaregateError`."""
        if self._opened is None or self._opened[0] != url:
            self.close()
            self._opened = (url, self._stack.enter_context(open_books(self._home, url)))
        return self._opened[1]

    def close(self) -> None:
        """Let go of them."""
        self._opened = None
        self._stack.close()
