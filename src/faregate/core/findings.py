"""Findings: what one step of a call decided, in words and numbers.

A decision is the list of findings of a call, in the order of its phases. It is kept for refused
calls and shown to people, so amounts are written out: dollars as decimal strings, moments as ISO
8601.
"""

from typing import Literal

import msgspec

Verdict = Literal["passed", "refused", "not_reached", "not_applicable"]


class Finding(msgspec.Struct, array_like=True, frozen=True):
    """What one policy found.

    `numbers` are names and values, such as ("needed", "0.0123"). Findings that tell of the
    operator's side (`operator_only`) are left out of a caller's view.
    """

    phase: str
    policy: str
    verdict: Verdict
    detail: str
    numbers: tuple[tuple[str, str], ...] = ()
    operator_only: bool = False
