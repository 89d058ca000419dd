"""Calls of an invented application, as frames."""

from faregate.calllog.frames import (
    Attempt,
    Body,
    Charge,
    Closed,
    Decided,
    Settled,
    Started,
    Usage,
)
from faregate.core.findings import Finding

BEGIN_NS = 1_700_000_000_000_000_000


def call_id(number: int, worker: str = "a0") -> str:
    """The id of the worker's call of this number."""
    return f"call_6553f100{worker:0>10}{number:08x}"


def started(number: int, worker: str = "a0", **changes: object) -> Started:
    """The start of a call; every call begins a millisecond after the one before."""
    values: dict[str, object] = {
        "call_id": call_id(number, worker),
        "started_ns": BEGIN_NS + number * 1_000_000,
        "revision": 3,
        "key_id": "key_1",
        "key_name": "billing",
        "method": "POST",
        "path": "/v1/chat/completions",
        "client_address": "127.0.0.1",
        "user_agent": "test/1",
        "model_asked": "small",
        "model_served": "small-2",
        "provider": "acme",
        "streamed": False,
        "request_bytes": 250,
    }
    return Started(**(values | changes))  # type: ignore[arg-type]


def settled(number: int, worker: str = "a0", **changes: object) -> Settled:
    """The end of a call that was answered."""
    attempt = Attempt("acme", "https://acme.test/v1", "small-2", 90, 2_000, 9_000, 200, "ok", True)
    values: dict[str, object] = {
        "call_id": call_id(number, worker),
        "outcome": "answered",
        "status": 200,
        "refusal": None,
        "detail": None,
        "queue_us": 5,
        "first_byte_us": 2_000,
        "total_us": 10_000,
        "reply_bytes": 450,
        "events": 0,
        "usage": Usage(10, 20),
        "attempts": (attempt,),
    }
    return Settled(**(values | changes))  # type: ignore[arg-type]


def charge(
    charge_nano: int = 4_000, wallet: str = "acme", purses: tuple[str, ...] = ("wallet:acme",)
) -> Charge:
    """What a call costs, the same amount of each of its purses."""
    used = (charge_nano,) * len(purses)
    return Charge(wallet, purses, used, charge_nano, charge_nano // 2, 0, "stated")


def decided(number: int, worker: str = "a0") -> Decided:
    """What two steps said of a call."""
    findings = (
        Finding("IDENTIFY", "keys", "passed", "the key is known"),
        Finding("RESERVE", "credit", "refused", "too little", (("needed", "0.0123"),), True),
    )
    return Decided(call_id(number, worker), findings)


def closed(number: int, worker: str = "a0", **changes: object) -> Closed:
    """A call that the gate refused by itself."""
    values: dict[str, object] = {
        "call_id": call_id(number, worker),
        "started_ns": BEGIN_NS + number * 1_000_000,
        "revision": 3,
        "key_id": "",
        "key_name": "",
        "method": "POST",
        "path": "/v1/chat/completions",
        "client_address": "127.0.0.1",
        "user_agent": "test/1",
        "model_asked": "small",
        "outcome": "refused",
        "status": 401,
        "refusal": "key_unknown",
        "detail": "no such key",
        "total_us": 40,
        "request_bytes": 250,
        "reply_bytes": 300,
    }
    return Closed(**(values | changes))  # type: ignore[arg-type]


def body(number: int, data: bytes, worker: str = "a0") -> Body:
    """A request's body."""
    return Body(call_id(number, worker), "request", data, len(data))
