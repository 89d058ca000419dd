"""Fields that tell a caller what is left of its limits.

`RateFields` is made once for the limits that apply to a caller, in their order; `lines` then only
fills numbers in. Counts alone are told: money is no unit of these fields.

Sources: draft-ietf-httpapi-ratelimit-headers-11 §3, §4 (RateLimit-Policy, RateLimit); RFC 9651
§3.1 (lists), §3.3.1 (integers), §3.3.3 (strings); OpenAI, "Rate limits" (x-ratelimit-*, with
durations as 6m0s, 1s, 20ms).
"""

from collections.abc import Sequence
from math import ceil
from typing import Final, Literal
from urllib.parse import quote

import msgspec

INTEGER_MAX: Final = 999_999_999_999_999  # RFC 9651 §3.3.1

RateUnit = Literal["requests", "input-tokens", "output-tokens", "tokens", "concurrent-requests"]
Style = Literal["ietf", "openai", "both", "none"]

# What a string of RFC 9651 may have, less what it must escape.
_PLAIN: Final = "".join(map(chr, range(0x20, 0x7F)))
_OPENAI_FAMILIES: Final = ("requests", "tokens")


class RatePolicy(msgspec.Struct, frozen=True):
    """One limit as it is told; `window_s` is 0 where there is none, as for calls at once."""

    name: str
    maximum: int
    window_s: float
    unit: RateUnit = "requests"


class RateFields:
    """The lines of a reply's head for the limits of one caller."""

    __slots__ = ("_families", "_ietf", "_timed")

    def __init__(self, policies: Sequence[RatePolicy], style: Style) -> None:
        shown = bool(policies) and style in ("ietf", "both")
        self._ietf = _ietf_lines(policies) if shown else b""
        self._timed = tuple(policy.window_s > 0 for policy in policies)
        families = _OPENAI_FAMILIES if style in ("openai", "both") else ()
        self._families = tuple(
            (name, members) for name in families if (members := tuple(_of_family(name, policies)))
        )

    def lines(self, standings: Sequence[tuple[int, float]]) -> bytes:
        """Whole lines for the head, from what is left of each limit and the seconds to more."""
        lines = b""
        if self._ietf:
            numbers: list[int] = []
            for timed, (left, resets_s) in zip(self._timed, standings, strict=True):
                numbers.append(left if 0 <= left <= INTEGER_MAX else _bounded(left))
                if timed:
                    numbers.append(ceil(resets_s))
            lines = self._ietf % tuple(numbers)
        for name, members in self._families:
            lines += _openai_lines(name, members, standings)
        return lines

    def pairs(self, standings: Sequence[tuple[int, float]]) -> tuple[tuple[str, str], ...]:
        """The same as names and values, as `Refusal.headers` takes them."""
        text = self.lines(standings).decode("ascii")
        parts = (line.partition(": ") for line in text.splitlines())
        return tuple((name, value) for name, _, value in parts)


def _bounded(count: int) -> int:
    return min(max(count, 0), INTEGER_MAX)


def structured_string(text: str) -> str:
    """`text` as a string of RFC 9651; what is not ASCII as %XX of its UTF-8."""
    plain = text if text.isascii() and text.isprintable() else quote(text, safe=_PLAIN)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def policy_item(policy: RatePolicy) -> str:
    """One member of RateLimit-Policy."""
    item = f"{structured_string(policy.name)};q={_bounded(policy.maximum)}"
    if policy.unit != "requests":
        item += f';qu="{policy.unit}"'
    return f"{item};w={ceil(policy.window_s)}" if policy.window_s > 0 else item


def _ietf_lines(policies: Sequence[RatePolicy]) -> bytes:
    """Both fields, with places for the numbers of the second."""
    told = ",".join(map(policy_item, policies))
    left = ",".join(
        _literal(structured_string(policy.name))
        + (";r=%d;t=%d" if policy.window_s > 0 else ";r=%d")
        for policy in policies
    )
    return f"ratelimit-policy: {_literal(told)}\r\nratelimit: {left}\r\n".encode("ascii")


def _literal(text: str) -> str:
    return text.replace("%", "%%")


# -- the names that OpenAI's users know -----------------------------------------------------------


def _of_family(family: str, policies: Sequence[RatePolicy]) -> list[tuple[int, int]]:
    """Places and maxima of the limits that count this."""
    return [
        (place, policy.maximum)
        for place, policy in enumerate(policies)
        if (policy.unit.endswith("tokens") if family == "tokens" else policy.unit == family)
    ]


def _openai_lines(
    family: str, members: tuple[tuple[int, int], ...], standings: Sequence[tuple[int, float]]
) -> bytes:
    """The limit of which least is left, for there is room for one."""
    left, resets_s, maximum = 0, 0.0, -1
    for place, its_maximum in members:
        its_left, its_resets_s = standings[place]
        if maximum < 0 or (its_left, -its_resets_s) < (left, -resets_s):
            left, resets_s, maximum = its_left, its_resets_s, its_maximum
    name = family.encode()
    return (
        b"x-ratelimit-limit-%b: %d\r\nx-ratelimit-remaining-%b: %d\r\nx-ratelimit-reset-%b: %b\r\n"
        % (name, maximum, name, _bounded(left), name, duration(resets_s).encode())
    )


def duration(seconds: float) -> str:
    """A time as OpenAI writes it, never too short: 6m0s, 1.5s, 20ms."""
    ms = max(ceil(seconds * 1000 - 1e-6), 0)
    if 0 < ms < 1000:
        return f"{ms}ms"
    minutes, ms = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, part = divmod(ms, 1000)
    text = f"{whole}.{part:03d}".rstrip("0") + "s" if part else f"{whole}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
