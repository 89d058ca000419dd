"""The state of one call, from its head to its record."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

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
    from faregate.gate.phases import Plan, Step
    from faregate.gate.snapshot import Snapshot
    from faregate.gate.wires import Wire


_MUCH: Final = 1_000  # left of a limit: a few more or less tell a caller the same
_RATE_LINES_S: Final = 0.01


class CallState(msgspec.Struct, eq=False, repr_omit_defaults=True):
    """What the phases, the relay and the record know of a call.

    Times `_at` are seconds on the monotonic clock. A struct, for it makes seventy fields at once.
    """

    # -- from the request's head
    gate: "Gate"
    connection: ClientConnection
    head: RequestHead
    snapshot: "Snapshot"
    plan: "Plan"
    call_id: str
    started_ns: int
    started_at: float
    # -- how far it has come
    ahead: "Iterator[Step]"
    whole: bool = False  # the request has arrived
    waiting: bool = False  # a step is being awaited
    ended: bool = False
    refusal: Refusal | None = None
    # -- what the phases find
    key: KeyRecord | None = None
    body: bytes = b""  # without its content coding
    form: bytes = b""  # the Content-Type of a body that is a form
    request_bytes: int = 0  # as it came
    peek: Peeked | None = None
    model_asked: str = ""
    offer: Offer | None = None
    upstream: Upstream | None = None
    deadline: float = 0.0  # monotonic; 0.0: the provider's timeouts alone count
    timer: asyncio.TimerHandle | None = None
    # -- which target is tried, and what is tried next (`gate.choosing`, `gate.attempts`)
    choice: Choice | None = None
    wire: "Wire | None" = None
    course: Course | None = None
    neutral: Request | None = None
    dropped: tuple[str, ...] = ()
    attempting: bool = False
    shadow: Choice | None = None
    answers: tuple[tuple[object, object], ...] = ()
    # -- what applies to it, and what it has taken
    customer: str = ""
    run_name: str = ""
    terms: Terms = NO_TERMS
    makes_output: bool = False
    choices: int = 1  # answers, each of up to the output limit
    input_bound: int = 0
    costs: Costs = NO_COSTS
    most: Usage | None = None  # billed beside tokens, and the service tier asked for
    limited_at: float = 0.0
    slices: tuple[Slice, ...] = ()
    need: Need = NOTHING
    tariff: Tariff | None = None
    cost: Tariff | None = None
    beyond: bool = False  # beyond an included volume
    output_sent: int = 0
    grows: bool = False
    growth: "Growth | None" = None
    # -- what is sent upstream
    request_head: bytes = b""
    request_body: bytes = b""
    idempotent: bool = False
    resent: bool = False
    started: bool = False  # the journal knows of it
    sending: Sending | None = None
    submitted_at: float = 0.0
    sent_at: float = 0.0
    reused: bool = False
    attempts: tuple[Attempt, ...] = ()
    # -- what comes back
    reply: ReplyHead | None = None
    relaying: bool = False  # a part of the reply has gone to the caller
    chunked: bool = False
    out: list[bytes] = []
    suspect: bool = False  # it began well and may be an error all the same
    meter: Meter | None = None
    kept: list[bytes] = []
    kept_bytes: int = 0
    reply_bytes: int = 0
    first_byte_at: float = 0.0
    usage: Usage | None = None

    def __repr__(self) -> str:
        return f"<call {self.call_id}>"

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
        return openai_bounds.closer_bound(self.body, terms.image_tokens_max, terms.tokenizer)


State = TypeVar("State", bound=CallState)


def begin_call(
    kind: type[State],
    gate: "Gate",
    snapshot: "Snapshot",
    connection: ClientConnection,
    head: RequestHead,
) -> State:
    """A call of which the head is there."""
    plan = snapshot.plan(head)
    ahead = iter(plan.head_steps)
    return kind(
        gate, connection, head, snapshot, plan, gate.ids.next(), gate.wall_ns(), gate.now(), ahead
    )
