"""Fields of limits are structured fields, filled in with true numbers, never too early.

They are read back with an independent reader of RFC 9651's lists.
"""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.dialects.rate_fields import (
    INTEGER_MAX,
    RateFields,
    RatePolicy,
    duration,
    policy_item,
    structured_string,
)

BURST = RatePolicy("burst", 100, 60)
DAILY = RatePolicy("daily", 1_000, 86_400)
TOKENS = RatePolicy("volume", 20_000, 60, "tokens")
INPUT = RatePolicy("input", 5_000, 60, "input-tokens")
AT_ONCE = RatePolicy("at-once", 4, 0, "concurrent-requests")

_ITEM = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"((?:;[a-z]+=(?:\d+|"[^"]*"))*)')


def read(value: str) -> list[tuple[str, dict[str, Any]]]:
    """A list of strings with parameters; fails on anything else."""
    items, at = [], 0
    while True:
        found = _ITEM.match(value, at)
        assert found, value[at:]
        pairs = [part.partition("=") for part in found.group(2).split(";")[1:]]
        facts = {name: v.strip('"') if v[0] == '"' else int(v) for name, _, v in pairs}
        items.append((re.sub(r"\\(.)", r"\1", found.group(1)), facts))
        at = found.end()
        if at == len(value):
            return items
        assert value[at] == ","
        at += 1


def told(fields: RateFields, *standings: tuple[int, float]) -> dict[str, str]:
    return dict(fields.pairs(standings))


def test_all_limits_are_told_in_one_field() -> None:
    fields = RateFields((BURST, DAILY, TOKENS, AT_ONCE), "ietf")
    lines = fields.lines(((40, 12.2), (999, 86_000), (0, 0.4), (3, 0.0)))
    assert lines == (
        b'ratelimit-policy: "burst";q=100;w=60,"daily";q=1000;w=86400,'
        b'"volume";q=20000;qu="tokens";w=60,"at-once";q=4;qu="concurrent-requests"\r\n'
        b'ratelimit: "burst";r=40;t=13,"daily";r=999;t=86000,"volume";r=0;t=1,"at-once";r=3\r\n'
    )
    assert lines.decode().count("\r\n") == 2


def test_the_fields_are_lists_that_can_be_read() -> None:
    fields = told(RateFields((BURST, INPUT, AT_ONCE), "ietf"), (1, 2.0), (3, 4.0), (5, 6.0))
    assert read(fields["ratelimit-policy"]) == [
        ("burst", {"q": 100, "w": 60}),
        ("input", {"q": 5_000, "qu": "input-tokens", "w": 60}),
        ("at-once", {"q": 4, "qu": "concurrent-requests"}),
    ]
    assert read(fields["ratelimit"]) == [
        ("burst", {"r": 1, "t": 2}),
        ("input", {"r": 3, "t": 4}),
        ("at-once", {"r": 5}),
    ]


@given(st.text(max_size=20), st.integers(), st.floats(0, 1e9))
def test_any_name_and_number_can_be_told(name: str, left: int, resets_s: float) -> None:
    policy = RatePolicy(name, max(left, 0), 60)
    fields = told(RateFields((policy,), "ietf"), (left, resets_s))
    assert set(fields) == {"ratelimit", "ratelimit-policy"}
    (shown, facts), (shown_policy, _) = (
        read(fields["ratelimit"])[0],
        read(fields["ratelimit-policy"])[0],
    )
    assert shown == shown_policy
    if name.isascii() and name.isprintable():
        assert shown == name
    assert 0 <= facts["r"] <= INTEGER_MAX
    assert resets_s <= facts["t"] <= resets_s + 1


def test_a_name_is_escaped() -> None:
    assert structured_string('a"b\\c 100%') == '"a\\"b\\\\c 100%"'
    assert structured_string("caf\u00e9\r\n") == '"caf%C3%A9%0D%0A"'
    fields = told(RateFields((RatePolicy("100%d", 1, 1),), "ietf"), (1, 1.0))
    assert fields["ratelimit"] == '"100%d";r=1;t=1'


def test_a_policy_that_is_too_large_is_told_as_large_as_can_be() -> None:
    assert policy_item(RatePolicy("a", 10**18, 0.5)) == f'"a";q={INTEGER_MAX};w=1'


@pytest.mark.parametrize(
    ("style", "names"),
    [
        ("none", set()),
        ("ietf", {"ratelimit", "ratelimit-policy"}),
        ("openai", {"x-ratelimit-limit-requests", "x-ratelimit-remaining-requests",
                    "x-ratelimit-reset-requests"}),
    ],
)  # fmt: skip
def test_an_operator_chooses_the_names(style: Any, names: set[str]) -> None:
    assert set(told(RateFields((BURST,), style), (1, 1.0))) == names
    assert RateFields((), style).lines(()) == b""


def test_both_are_told_at_once() -> None:
    assert len(told(RateFields((BURST, TOKENS), "both"), (1, 1.0), (2, 2.0))) == 8


def test_openais_names_tell_of_the_limit_with_the_least_left() -> None:
    fields = RateFields((BURST, DAILY, TOKENS, INPUT, AT_ONCE), "openai")
    assert told(fields, (40, 12.0), (7, 360.0), (19_000, 0.02), (4_000, 1.5), (0, 0.0)) == {
        "x-ratelimit-limit-requests": "1000",
        "x-ratelimit-remaining-requests": "7",
        "x-ratelimit-reset-requests": "6m0s",
        "x-ratelimit-limit-tokens": "5000",
        "x-ratelimit-remaining-tokens": "4000",
        "x-ratelimit-reset-tokens": "1.5s",
    }
    # Of two that are used up, the one that takes longer.
    both = told(fields, (0, 12.0), (0, 360.0), (1, 0.0), (1, 0.0), (0, 0.0))
    assert both["x-ratelimit-limit-requests"] == "1000"


def test_calls_at_once_are_none_of_openais_names() -> None:
    assert RateFields((AT_ONCE,), "openai").lines(((1, 0.0),)) == b""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.0001, "1ms"),
        (0.02, "20ms"),
        (0.9991, "1s"),
        (1.0, "1s"),
        (1.5, "1.5s"),
        (8.64, "8.64s"),
        (60.0, "1m0s"),
        (86.4, "1m26.4s"),
        (360.0, "6m0s"),
        (3_600.0, "1h0m0s"),
        (86_400.0, "24h0m0s"),
        (-1.0, "0s"),
    ],
)
def test_a_duration_is_written_as_openai_does(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.integers(0, 10**9))
def test_a_duration_says_every_millisecond(ms: int) -> None:
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s|(\d+)ms)", duration(ms / 1000))
    assert found
    hours, minutes, seconds, rest = (float(part or 0) for part in found.groups())
    assert round(hours * 3_600_000 + minutes * 60_000 + seconds * 1000 + rest) == ms
