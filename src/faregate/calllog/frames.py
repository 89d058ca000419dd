"""Frames: what a worker writes of its calls, and what they add up to.

A call that is sent to an upstream leaves two frames: `Started`, out of the process before the
upstream sees a byte, and `Settled` at its end. A call that is refused or answered by the gate
itself leaves one, `Closed`. Bodies and decisions, where they are kept, are frames of their own.
Frames are msgpack arrays with a tag first; fields are only ever added at the end.

Times are nanoseconds (`_ns`) since 1970-01-01 UTC or durations in microseconds (`_us`); sizes are
bytes on the wire, heads not counted.
"""

from typing import Literal

import msgspec

from faregate.core.findings import Finding
from faregate.dialects.usage import Usage as Usage

Outcome = Literal[
    "answered",  # a whole reply was sent to the caller
    "refused",  # the gate answered with a refusal
    "failed",  # an upstream failed after part of its reply was sent back
    "cancelled",  # the caller left before the end, or the gate stopped and could not wait longer
    "lost",  # the worker died; nobody knows the end
]


class Attempt(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One request to an upstream: to whom, when, and how it ended.

    Times count from the start of the call. `status` is 0 where no reply came; `result` is "ok",
    a class of provider refusal, or a code of `core.refusals`. `key` is the name of ours that was
    used, `model` the model's here.
    """

    provider: str
    upstream: str
    upstream_model: str
    begun_us: int
    first_byte_us: int | None
    ended_us: int
    status: int
    result: str
    connection_reused: bool
    key: str = ""
    model: str = ""


class Charge(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a call moves in the ledger once its end is in the journal.

    `purses` are their ids, `used` the amount of each in its own unit. `charge_nano` is what the
    caller pays, `cost_nano` what the provider bills (None: no price), both in nano-dollars.
    `shortfall_nano` was not held and could not be had: the operator bears it. `basis` says where
    the usage is from: "stated" by the provider, or "estimated".
    """

    wallet: str
    purses: tuple[str, ...]
    used: tuple[int, ...]
    charge_nano: int
    cost_nano: int | None
    shortfall_nano: int
    basis: Literal["stated", "estimated"]


class Started(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="s"):
    """A call that is about to be sent to an upstream."""

    call_id: str
    started_ns: int
    revision: int
    key_id: str
    key_name: str
    method: str
    path: str
    client_address: str
    user_agent: str
    model_asked: str
    model_served: str
    provider: str
    streamed: bool
    request_bytes: int
    application: str = ""
    team: str = ""
    customer: str = ""
    run: str = ""
    acting: str = ""  # the operator acted for the key: the batch and line, or "operator"


class Settled(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="e"):
    """How a started call ended."""

    call_id: str
    outcome: Outcome
    status: int
    refusal: str | None
    detail: str | None
    queue_us: int
    first_byte_us: int | None
    total_us: int
    reply_bytes: int
    events: int
    usage: Usage | None
    attempts: tuple[Attempt, ...]
    charge: Charge | None = None


class Closed(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="c"):
    """A call that the gate answered or refused without an upstream."""

    call_id: str
    started_ns: int
    revision: int
    key_id: str
    key_name: str
    method: str
    path: str
    client_address: str
    user_agent: str
    model_asked: str
    outcome: Outcome
    status: int
    refusal: str | None
    detail: str | None
    total_us: int
    request_bytes: int
    reply_bytes: int
    application: str = ""
    team: str = ""
    customer: str = ""
    run: str = ""
    acting: str = ""


class Decided(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="d"):
    """What every step said of a call.

    Kept of each call that was refused, and of some that weren't.
    """

    call_id: str
    findings: tuple[Finding, ...]


class Body(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="b"):
    """A body as it was kept: masked, and perhaps cut."""

    call_id: str
    part: Literal["request", "reply"]
    data: bytes
    whole_bytes: int


class Happened(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="p"):
    """What became of an account at a provider.

    `kind` is routing's word: benched, back, broken, balance_low and the like.
    `event_id` is its own; it is of no call.
    """

    event_id: str
    at_ns: int
    kind: str
    provider: str
    key: str
    detail: str


class Copied(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="x"):
    """What the copy of a call cost at an account; no caller pays it.

    `copy_id` is its own; `cost_nano` is in nano-dollars.
    """

    copy_id: str
    at_ns: int
    provider: str
    model: str
    cost_nano: int


CallFrame = Started | Settled | Closed | Decided | Body
Frame = CallFrame | Happened | Copied

encode_frame = msgspec.msgpack.Encoder().encode
decode_frame = msgspec.msgpack.Decoder(Frame).decode


def ends_call(frame: bytes) -> bool:
    """Whether an encoded frame is the end of a started call.

    Five bytes are read: a msgpack array's head is one byte up to 15 members, three beyond.
    """
    return frame[1:3] == b"\xa1e" or (frame[:1] == b"\xdc" and frame[3:5] == b"\xa1e")


class CallRecord(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """Everything known of one call: what `faregate calls show` prints.

    `state` is "open" until the end is known.
    """

    call_id: str
    worker: str
    state: Literal["open", "closed"]
    started_ns: int
    revision: int
    key_id: str
    key_name: str
    method: str
    path: str
    client_address: str
    user_agent: str
    model_asked: str
    model_served: str = ""
    provider: str = ""
    streamed: bool = False
    outcome: Outcome | None = None
    status: int | None = None
    refusal: str | None = None
    detail: str | None = None
    queue_us: int | None = None
    first_byte_us: int | None = None
    total_us: int | None = None
    request_bytes: int = 0
    reply_bytes: int = 0
    events: int = 0
    usage: Usage | None = None
    attempts: tuple[Attempt, ...] = ()
    application: str = ""
    team: str = ""
    customer: str = ""
    run: str = ""
    acting: str = ""
    charge: Charge | None = None
    decision: tuple[Finding, ...] | None = None
    request_body: str | None = None
    request_body_bytes: int | None = None  # of the whole body, where a part was kept
    reply_body: str | None = None
    reply_body_bytes: int | None = None
