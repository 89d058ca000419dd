"""The state of one call, from its head to its record."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from faregate.calllog.frames import Attempt
from faregate.catalogue.models import Offer
from faregate.catalogue.prices import Tariff
from faregate.core import bounds
from faregate.core.refusals import Refusal
from faregate.dialects import openai_bounds
from faregate.dialects.neutral.request import Request
from faregate.dialects.rate_fields import RateFields
from faregate.dialects.translation import Meter, Peeked
from faregate.dialects.usage import Usage
from faregate.gate.upstreams import Upstream
from faregate.identity.keys import KeyRecord
from faregate.ledger.purses import Need
from faregate.ledger.slices import NOTHING, Slice
from faregate.net.client_connection import ClientConnection
from faregate.net.upstream_connection import Sending
from faregate.policies.limits import NO_COSTS, Costs
from faregate.policies.terms import NO_TERMS, Terms
from faregate.routing.course import Course
from faregate.routing.targets import Choice
from faregate.wire.reply_reader import ReplyHead
from faregate.wire.request_reader import RequestHead

if TYPE_CHECKING:
    from faregate.gate.gate import Gate
    from faregate.gate.growth import Growth
    from faregate.gate.phases import Step
    from faregate.gate.snapshot import Snapshot
    from faregate.gate.wires import Wire


_MUCH: Final = 1_000  # left of a limit: a few more or less tell a caller the same
_RATE_LINES_S: Final = 0.01


class CallState:
    """What the phases, the relay and the record know of a call.

    Times `_at` are seconds on the monotonic clock.
    """

    __slots__ = (
        "acting",
        "ahead", "answers", "attempting", "attempts", "beyond", "body", "call_id", "choice",
        "choices", "chunked", "connection", "cost", "costs", "course", "customer", "deadline",
        "dropped", "elsewhere", "ended", "first_byte_at", "form", "gate", "grows", "growth",
        "head", "idempotent", "input_bound", "kept", "kept_bytes", "key", "limited_at",
        "makes_output", "meter", "model_asked", "most", "need", "neutral", "offer", "out",
        "output_sent", "peek", "plan", "refusal", "relaying", "reply", "reply_bytes",
        "request_body", "request_bytes", "request_head", "resent", "reused", "run_name", "sending",
        "sent_at", "shadow", "slices", "snapshot", "started", "started_at", "started_ns",
        "submitted_at", "suspect", "tariff", "terms", "timer", "upstream", "usage", "waiting",
        "whole", "wire",
    )  # fmt: skip

    request_head: bytes
    request_body: bytes

    def __init__(
        self,
        gate: "Gate",
        snapshot: "Snapshot",
        connection: ClientConnection,
        head: RequestHead,
    ) -> None:
        # -- from the request's head
        self.gate = gate
        self.connection = connection
        self.head = head
        self.snapshot = snapshot
        plan = self.plan = snapshot.plan(head)
        self.call_id = gate.ids.next()
        self.started_ns = gate.wall_ns()
        self.started_at = gate.now()
        # -- how far it has come
        self.ahead: Iterator[Step] = iter(plan.head_steps)
        self.whole = False  # the request has arrived
        self.waiting = False  # a step is being awaited
        self.ended = False
        self.refusal: Refusal | None = None
        # -- what the phases find
        self.key: KeyRecord | None = None
        self.acting = ""  # for what the operator acts for the key
        self.body = b""  # without its content coding
        self.form = b""  # the Content-Type of a body that is a form
        self.request_bytes = 0  # as it came
        self.peek: Peeked | None = None
        self.model_asked = ""
        self.offer: Offer | None = None
        self.upstream: Upstream | None = None
        self.deadline = 0.0  # monotonic; 0.0: the provider's timeouts alone count
        self.timer: asyncio.TimerHandle | None = None
        # -- which target is tried, and what is tried next (`gate.choosing`, `gate.attempts`)
        self.choice: Choice | None = None
        self.wire: Wire | None = None
        self.course: Course | None = None
        self.neutral: Request | None = None
        self.attempting = False
        self.shadow: Choice | None = None
        self.answers: tuple[tuple[object, object], ...] = ()
        # -- what is sent upstream
        self.idempotent = False
        self.started = False  # the journal knows of it
        self.sending: Sending | None = None
        self.submitted_at = 0.0
        self.reused = False
        self.attempts: tuple[Attempt, ...] = ()
        self.reply_bytes = 0
        self._owe_nothing()
        self.begin_attempt()

    def _owe_nothing(self) -> None:
        """What applies to it isn't known yet, and nothing was taken."""
        self.customer = ""
        self.run_name = ""
        self.terms: Terms = NO_TERMS
        self.makes_output = False
        self.choices = 1  # answers, each of up to the output limit
        self.input_bound = 0
        self.elsewhere = False  # the input may have what isn't in the body
        self.costs: Costs = NO_COSTS
        self.most: Usage | None = None  # billed beside tokens, and the service tier asked for
        self.limited_at = 0.0
        self.slices: tuple[Slice, ...] = ()
        self.need: Need = NOTHING
        self.tariff: Tariff | None = None
        self.cost: Tariff | None = None
        self.beyond = False  # beyond an included volume
        self.output_sent = 0
        self.grows = False
        self.growth: Growth | None = None

    def begin_attempt(self) -> None:
        """Know nothing of a reply.

        None of an earlier attempt's has gone to the caller.
        """
        self.resent = False
        self.sent_at = 0.0
        self.dropped: tuple[str, ...] = ()
        self.reply: ReplyHead | None = None
        self.relaying = False  # a part of the reply has gone to the caller
        self.chunked = False
        self.out: list[bytes] = []
        self.suspect = False  # it began well and may be an error all the same
        self.meter: Meter | None = None
        self.kept: list[bytes] = []
        self.kept_bytes = 0
        self.first_byte_at = 0.0
        self.usage: Usage | None = None

    # -- what limits and credit ask of a call (`policies.limits`, `policies.credit`) --------------

    def estimate(self) -> tuple[int, int]:
        """Input and output tokens that it may come to."""
        peeked = self.peek
        if peeked is None:
            return 0, 0
        inputs = self.closer_input_bound() if self.terms.tokenizer else self.input_bound
        if not self.makes_output:
            beside = self.most
            return inputs, (beside.output_tokens if beside is not None else None) or 0
        limit = peeked.output_limit
        if limit is None:
            limit = self.terms.default_output_tokens or bounds.LEAST_OUTPUT_TOKENS
        most = self.terms.output_tokens_max
        return inputs, (limit if most is None else min(limit, most)) * self.choices

    def limit_standings(self) -> list[tuple[int, float]]:
        """What is left of each limit, and the seconds until there is more."""
        now = self.gate.now()
        return [(one.left(now), one.resets_s(now)) for one in self.terms.counters]

    def rate_lines(self, fields: RateFields) -> bytes:
        """The reply's lines that tell what is left.

        While much is left they may be 10 ms old.
        """
        terms, now = self.terms, self.first_byte_at
        if now < terms.rate_lines_until:
            return terms.rate_lines
        standings = self.limit_standings()
        lines = fields.lines(standings)
        if all(left > _MUCH for left, _ in standings):
            terms.rate_lines, terms.rate_lines_until = lines, now + _RATE_LINES_S
        return lines

    def closer_input_bound(self) -> int:
        """A closer bound of its input tokens than the length of its body."""
        terms = self.terms
        if self.elsewhere:
            return self.input_bound
        dialect = self.plan.operation.dialect if self.plan.operation is not None else ""
        return openai_bounds.closer_bound(
            self.body, terms.image_tokens_max, terms.tokenizer, dialect
        )
