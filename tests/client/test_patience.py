"""What time mends is tried again, in time; what it doesn't is raised at once."""

import time
from typing import Any

import openai
import pytest
from tests.client.refused_world import HELLO, LARGE, poor_gate, url_of
from tests.dialects.specimen_refusals import CALL_ID

from faregate.client import (
    Patience,
    Refusal,
    call_with_patience,
    call_with_patience_async,
)
from faregate.core.refusals import Change, Fix, refuse
from faregate.dialects import problem


class FailedError(Exception):
    """What an SDK raises."""

    def __init__(self, body: bytes) -> None:
        super().__init__("refused")
        self.body = body


def failing(times: int, code: str = "rate_limited", **facts: Any) -> Any:
    """A call that is refused so many times; the list of its arguments."""
    body = problem.render(refuse(code, "No.", **facts), CALL_ID)[1]
    seen: list[dict[str, Any]] = []

    def call(**named: Any) -> int:
        seen.append(dict(named))
        if len(seen) <= times:
            raise FailedError(body)
        return len(seen)

    return call, seen


def test_it_waits_as_long_as_it_is_told() -> None:
    waits: list[float] = []
    call, seen = failing(1, retry_after_s=1)
    begun = time.monotonic()
    patience = Patience(on_wait=lambda refusal, pause_s: waits.append(pause_s))
    assert call_with_patience(call, model="m", patience=patience) == 2
    assert 1.0 <= time.monotonic() - begun < 2.0
    assert seen == [{"model": "m"}] * 2
    assert 1.0 <= waits[0] <= 1.2


@pytest.mark.parametrize(
    ("code", "facts"),
    [
        ("credit_exhausted", {}),
        ("request_invalid", {}),
        ("provider_unpaid", {}),
        ("rate_limited", {"retry_after_s": 90}),
        ("quota_exhausted", {"resets_ns": time.time_ns() + 10**15}),
    ],
)
def test_what_waiting_does_not_mend_is_raised_at_once(code: str, facts: dict[str, Any]) -> None:
    call, seen = failing(9, code, **facts)
    begun = time.monotonic()
    with pytest.raises(FailedError):
        call_with_patience(call)
    assert len(seen) == 1
    assert time.monotonic() - begun < 1


def test_what_is_no_refusal_is_not_tried_again() -> None:
    def broken() -> None:
        raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        call_with_patience(broken)


def test_tries_and_time_are_bounded() -> None:
    call, seen = failing(99, retry_after_s=0)
    with pytest.raises(FailedError):
        call_with_patience(call, patience=Patience(tries_max=3))
    assert len(seen) == 3
    call, seen = failing(99, "provider_overloaded")
    begun = time.monotonic()
    with pytest.raises(FailedError):
        call_with_patience(call, patience=Patience(within_s=1.5))
    assert len(seen) == 2  # after 1 s, and then 2 s would be too long
    assert time.monotonic() - begun < 1.5


def test_a_smaller_call_only_where_it_is_wished() -> None:
    fix = Fix("Lower it.", change=Change("set", name="max_tokens", value=30))
    call, seen = failing(1, "call_too_large", fixes=(fix,))
    with pytest.raises(FailedError):
        call_with_patience(call, max_tokens=99)
    assert call_with_patience(call, max_tokens=99, patience=Patience(lower=True)) == 2
    call, seen = failing(2, "call_too_large", fixes=(fix,))
    with pytest.raises(FailedError):  # the same again helps no more
        call_with_patience(call, max_tokens=99, patience=Patience(lower=True))
    assert seen == [{"max_tokens": 99}, {"max_tokens": 30}]
    call, seen = failing(1, "call_too_large", fixes=(fix,))
    with pytest.raises(FailedError):  # a field that the call doesn't have is not made up
        call_with_patience(call, patience=Patience(lower=True))


async def test_with_a_real_gate() -> None:
    told: list[Refusal] = []
    async with poor_gate() as place:
        base_url = f"{url_of(place)}/v1"
        async with openai.AsyncOpenAI(base_url=base_url, api_key=place.key, max_retries=0) as sdk:
            reply = await call_with_patience_async(
                sdk.chat.completions.create,
                model="sim",
                messages=HELLO,
                max_tokens=LARGE,
                patience=Patience(lower=True),
            )
            assert reply.choices[0].message.content
            hasty = Patience(within_s=1.0, on_wait=lambda refusal, _: told.append(refusal))
            ask: Any = {"model": "sim", "messages": HELLO, "max_tokens": 20}
            for _ in range(4):
                await sdk.chat.completions.create(**ask)
            with pytest.raises(openai.RateLimitError) as caught:
                await call_with_patience_async(sdk.chat.completions.create, **ask, patience=hasty)
    seen = Refusal.from_exception(caught.value)
    assert seen is not None
    assert (seen.code, seen.subject) == ("rate_limited", "steady")
    assert told == []  # it would be a minute
