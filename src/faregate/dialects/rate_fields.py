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
    """One limit as it is told; `window_s` is 0 for calls at once."""

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
        counted = (tuple(_of_family(family, policies)) for family in families)
        self._families = tuple(members for members in counted if members)

    def lines(self, standings: Sequence[tuple[int, float]]) -> bytes:
        """Whole lines of the head, from each limit's rest and seconds to more."""
        lines = b""
        if self._ietf:
            numbers: list[int] = []
            for timed, (left, resets_s) in zip(self._timed, standings, strict=True):
                numbers.append(left if 0 <= left <= INTEGER_MAX else _bounded(left))
                if timed:
                    numbers.append(ceil(resets_s))
            lines = self._ietf % tuple(numbers)
        for members in self._families:
            lines += _openai_lines(members, standings)
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


def _of_family(family: str, policies: Sequence[RatePolicy]) -> list[tuple[int, bytes]]:
    """Places of the limits that count this, and their lines with places for two numbers."""
    return [
        (
            place,
            f"x-ratelimit-limit-{family}: {policy.maximum}\r\n"
            f"x-ratelimit-remaining-{family}: %d\r\nx-ratelimit-reset-{family}: %b\r\n".encode(),
        )
        for place, policy in enumerate(policies)
        if (policy.unit.endswith("tokens") if family == "tokens" else policy.unit == family)
    ]


def _openai_lines(
    members: tuple[tuple[int, bytes], ...], standings: Sequence[tuple[int, float]]
) -> bytes:
    """The limit of which least is left, for there is room for one."""
    place, template = members[0]
    left, resets_s = standings[place]
    for place, other in members[1:]:
        its_left, its_resets_s = standings[place]
        if its_left < left or (its_left == left and its_resets_s > resets_s):
            left, resets_s, template = its_left, its_resets_s, other
    return template % (left if left > 0 else 0, duration(resets_s).encode())


def duration(seconds: float) -> str:
    """A time as OpenAI writes it, never too short: 6m0s, 1.5s, 20ms."""
    ms = ceil(seconds * 1000 - 1e-6)  # what a float can't say exactly is no millisecond more
    if ms < 1000:
        return f"{ms}ms" if ms > 0 else "0s"
    minutes, ms = divmod(ms, 60_000)
    whole, part = divmod(ms, 1000)
    text = f"{whole}.{part:03d}".rstrip("0") + "s" if part else f"{whole}s"
    if not minutes:
        return text
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{text}" if hours else f"{minutes}m{text}"
