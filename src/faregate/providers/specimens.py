"""A refusal made from a rule: the answer that the rule is about.

Tests check every rule with it, and the simulator answers with it.
"""

from typing import Any, Final

import msgspec

from faregate.providers.rules import HEADER_PREFIX, Clause, Rule

# Where a rule holds for any status: one that such a vendor may well send.
_USUAL_STATUSES: Final = {
    "payment_required": 402,
    "auth": 401,
    "permission": 403,
    "rate_limited": 429,
    "quota_exhausted": 429,
    "overloaded": 503,
    "invalid_request": 400,
    "context_length": 400,
    "content_refused": 400,
}


class Specimen(msgspec.Struct, frozen=True):
    """An answer, without its framing; `body` is JSON."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def specimen(rule: Rule) -> Specimen:
    """The plainest answer that `rule` matches."""
    status = usual_status(rule)
    document: dict[str, Any] = {}
    headers: list[tuple[str, str]] = []
    for clause in rule.match:
        if clause.path.startswith(HEADER_PREFIX):
            shown = clause.example if clause.example is not None else "20"
            headers.append((clause.path.removeprefix(HEADER_PREFIX), shown))
        else:
            _put(document, clause.path.split("|")[0].split("."), _example(clause))
    if rule.retry == "retry_after" and not headers:
        headers.append(("retry-after", "20"))
    if not document:
        document = {"error": {"message": rule.detail or rule.meaning}}
    elif isinstance(document.get("error"), dict):
        document["error"].setdefault("message", rule.detail or rule.meaning)
    return Specimen(status, tuple(headers), msgspec.json.encode(document))


def usual_status(rule: Rule) -> int:
    """The status that such a refusal most likely has."""
    first = rule.status[0]
    return first if isinstance(first, int) else _USUAL_STATUSES[rule.meaning]


def _example(clause: Clause) -> object:
    if clause.example is not None:
        return clause.example
    return clause.value[0] if clause.op == "in" else clause.value


def _put(document: dict[str, Any], path: list[str], value: object) -> None:
    step, rest = path[0], path[1:]
    name = step.removesuffix("[]")
    if not rest:
        document[name] = value
    elif step.endswith("[]"):
        _put(document.setdefault(name, [{}])[0], rest, value)
    else:
        _put(document.setdefault(name, {}), rest, value)
