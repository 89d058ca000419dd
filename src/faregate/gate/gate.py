"""One gate worker: takes requests and sees every call through."""

import asyncio
import logging
from random import Random
from typing import Final

from faregate.calllog.frames import Closed, Happened
from faregate.configuration.document import Document
from faregate.core import bounds
from faregate.core.clock import Clock
from faregate.core.ids import CallIds
from faregate.core.refusals import Refusal
from faregate.dialects import openai_bounds, problem
from faregate.gate.call import Call
from faregate.gate.caller_book import CallerBook
from faregate.gate.credit_broker import CreditBroker
from faregate.gate.explaining import Explaining
from faregate.gate.filing import Filing
from faregate.gate.ports import ConfigurationState, Journal, LedgerSource, Tally
from faregate.gate.realtime_call import REALTIME_PATH, RealtimeCall
from faregate.gate.recorder import Recorder
from faregate.gate.routes import compile_routes
from faregate.gate.snapshot import Checks, Snapshot
from faregate.gate.state import CallState
from faregate.gate.terms import TermsBook
from faregate.gate.upstreams import Upstreams
from faregate.monitor.metrics import GateMetrics
from faregate.net.client_connection import ClientConnection
from faregate.net.deadlines import Deadlines
from faregate.net.listener import Listener
from faregate.policies.credit import CreditCheck
from faregate.policies.guesses import Guesses
from faregate.policies.key_sets import load_library
from faregate.policies.keys import KeyCheck
from faregate.policies.limits import LimitCheck
from faregate.policies.masking import mask
from faregate.routing.registry import Registry
from faregate.wire.client_address import ProxyTrust
from faregate.wire.reply import render_reply
from faregate.wire.request_reader import RequestHead

_log = logging.getLogger(__name__)

_EVENT_BYTES_MAX: Final = 500  # of what a provider's event says
_GOOD_NEWS: Final = frozenset({"back", "breaker_closed", "budget_back"})
_NOT_HTTP: Final = "none"  # the route in counts of what was no request


class Gate:
    """What a worker's calls share (`net.exchange.Application`)."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        journal: Journal,
        key_check: KeyCheck,
        state: ConfigurationState,
        ledger: LedgerSource,
        tally: Tally,
        explaining: Explaining | None = None,
        filing: Filing | None = None,
        token_secret: bytes | None = None,
    ) -> None:
        # -- for the worker's life
        self.loop = loop
        self.now = clock.monotonic
        self.wall_ns = clock.wall_ns
        self.ids = CallIds(clock.wall_ns() // 1_000_000_000)
        self.metrics = GateMetrics()
        self.recorder = Recorder(journal, state.document.settings.journal.when_full)
        self.deadlines = Deadlines(loop, self.now)
        self.tasks: set[asyncio.Task[None]] = set()
        self.explaining = explaining or Explaining()
        self.filing = filing or Filing()
        self.tally = tally
        self.broker = CreditBroker(loop, ledger, self.now, state.document.settings)
        self.broker.dropped = self._forget_terms
        self.limit_check = LimitCheck(tally, self.now)
        self.credit_check = CreditCheck(self.broker, self.wall_ns)
        self.callers = CallerBook(key_check, clock, token_secret)
        self._guesses = Guesses(clock, self.client_address, self.metrics.guessed)
        key_check.guessed = self._guesses
        self._checks = Checks(key_check, self.limit_check, self.credit_check, self.callers.tokens)
        self._upstreams = Upstreams(loop, self.deadlines, self.now)
        self._random = Random()  # noqa: S311 - spreads load, keeps no secret
        self.registry = Registry(self._provider_event)
        # -- with the configuration
        self.snapshot: Snapshot
        self.statuses: dict[str, int] | None = None  # codes that are told by other statuses
        self.sampled_every = 0  # of so many calls one is explained though it passes; 0: none
        self.sampled_in = 0
        self.shadows = 0  # copies under way
        self.attempts_told = ""  # "operator" or "all": who is told what was tried
        self.keeps_bodies = False
        self.body_bytes_kept = 0
        self.body_bytes_to_keep = 0
        self._trust = ProxyTrust(())
        self._trusts = False
        self.settings = state.document.settings.gate
        self.listener = Listener(loop, self, self.deadlines, self.now, self.settings)
        self.adopt(state)

    # -- configuration ----------------------------------------------------------------------------

    def adopt(self, state: ConfigurationState) -> None:
        """Use another revision from the next call on.

        It is whole at once; calls in flight keep theirs.

        Raises `ConfigurationError`, and then nothing has changed.
        """
        document: Document = state.document
        prepared = self._upstreams.prepare(document)
        settings = document.settings
        terms = TermsBook(document, self.tally, self.broker)
        routes = compile_routes(document, self.registry, terms.prices, self._random, self.wall_ns())
        callers = self.callers.prepare(document)
        snapshot = Snapshot(
            state.revision, document, prepared, self._checks, terms, routes.by_name, callers
        )
        self.registry.adopt(routes.accounts, self.now(), self.wall_ns())
        self.broker.settings = settings
        self.statuses = settings.refusals.statuses or None
        self.snapshot = snapshot
        self.callers.adopt(callers)
        if callers is not None and callers.takes_tokens:
            self.loop.run_in_executor(None, load_library)  # it takes long, and no call shall wait
        self._upstreams.adopt(prepared)
        for tokenizer in {model.tokenizer for model in document.models} - {None}:
            # Loading one takes half a second, which no call shall wait for.
            self.loop.run_in_executor(None, openai_bounds.prepare, str(tokenizer))
        self.settings = self.listener.settings = settings.gate
        self._guesses.wait_s_max = settings.gate.guess_wait_max_s
        self._trust = ProxyTrust(settings.gate.trusted_proxies)
        self._trusts = bool(self._trust)
        share = settings.refusals.decisions_share
        self.sampled_every = self.sampled_in = round(1 / share) if share else 0
        told = settings.routing.attempts_header
        self.attempts_told = "" if told == "off" else told
        self.keeps_bodies = settings.journal.bodies != "off"
        self.body_bytes_kept = settings.journal.body_bytes_max
        self.body_bytes_to_keep = self.body_bytes_kept + bounds.MASKING_MARGIN_BYTES
        self.recorder.when_full = settings.journal.when_full
        self.metrics.revision = state.revision

    def _provider_event(self, kind: str, account: str, key: str, detail: str) -> None:
        """Something became of an account: benched, back, broken, running out."""
        of = f"{account}/{key}" if key else account
        log = _log.info if kind in _GOOD_NEWS else _log.warning
        log("provider %s: %s: %s", of, kind, detail)
        self.metrics.provider_event(account, kind)
        detail = mask(detail.encode())[:_EVENT_BYTES_MAX].decode("utf-8", "replace")
        self.recorder.ends(Happened(self.ids.next(), self.wall_ns(), kind, account, key, detail))

    def _forget_terms(self) -> None:
        self.snapshot.terms.forget()

    # -- Application ------------------------------------------------------------------------------

    def open_exchange(self, connection: ClientConnection, head: RequestHead) -> Call:
        """Begin a call and take the steps that its head suffices for."""
        kind: type[Call] = Call
        if not head.keep_alive and head.path == REALTIME_PATH:
            kind = RealtimeCall
        call = kind(self, self.snapshot, connection, head)
        call.run()
        return call

    def refuse_bytes(self, connection: ClientConnection, refusal: Refusal) -> None:
        """Refuse what is no request; it is recorded all the same."""
        call_id = self.ids.next()
        fields, body = problem.render(refusal, call_id, self.statuses)
        status = refusal.told_status(self.statuses)
        fields.append(("faregate-call-id", call_id))
        connection.send(render_reply(status, fields, body, close=True))
        self.recorder.ends(
            Closed(
                call_id, self.wall_ns(), self.snapshot.revision, "", "", "", "", connection.peer,
                "", "", "refused", status, refusal.code, refusal.detail, 0, 0, len(body),
            )
        )  # fmt: skip
        self.metrics.call_ended(_NOT_HTTP, "refused", status)
        self.metrics.call_refused(refusal.code)
        connection.finish()

    # -- for calls --------------------------------------------------------------------------------

    def client_address(self, call: CallState) -> str:
        """The caller's address, seen through the proxies that are trusted."""
        peer = call.connection.peer
        if not self._trusts:
            return peer
        return self._trust.client_address(peer, call.head.fields.get(b"x-forwarded-for"))

    # -- for the worker ---------------------------------------------------------------------------

    def update_metrics(self) -> None:
        """Bring the counts that are not counted as they happen up to date."""
        metrics, listener = self.metrics, self.listener
        metrics.connections_accepted = listener.accepted
        metrics.connections_open = len(listener.connections)
        metrics.connections_active = listener.active
        metrics.journal_full = self.recorder.full
        metrics.limits_degraded = self.tally.is_degraded
        metrics.upstreams_are(
            (name, state.open, state.idle, state.waiting)
            for name, upstream in self._upstreams.current.items()
            for state in (upstream.state,)
        )

    async def close(self, drain_timeout_s: float) -> None:
        """Let calls in flight finish, then end."""
        await self.listener.drain(drain_timeout_s)
        for task in list(self.tasks):
            task.cancel()
        await self.broker.close()
        await self.tally.close()
        self._upstreams.close()
        self.deadlines.close()
        self.explaining.close()
        self.filing.close()
        self.recorder.close()
