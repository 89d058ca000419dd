"""The rules that classify a provider's refusal: data, read once.

A rule is a row of refusals.json: for one vendor (or "*"), some statuses, and clauses that must
all hold. Rows of the vendor come before those of "*", and within each an exact code beats a
type, a type beats a text, a text beats a bare status; rows of equal weight keep the order of the
file. Nothing but the named member or header is looked at: a "402" inside a sentence or a token
count means nothing.

Bodies come from strangers, so all work on them is bounded: the depth and the width of a path,
the length of a text that a pattern sees.
"""

import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from functools import cache
from typing import Any, Final, Literal

import msgspec

from faregate.providers.vendors import VENDORS

Meaning = Literal[
    "payment_required",
    "auth",
    "permission",
    "rate_limited",
    "quota_exhausted",
    "overloaded",
    "invalid_request",
    "context_length",
    "content_refused",
]
Retry = Literal["never", "backoff", "retry_after", "after_reset"]
RefusalScope = Literal["key", "account", "model", "request"]
Operation = Literal["eq", "in", "startswith", "contains", "regex", "exists"]
Headers = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]

ANY_VENDOR: Final = "*"
HEADER_PREFIX: Final = "header:"

# A message of a refusal is a sentence or two; a pattern such as "a.*b" may look at each
# character as often as there are characters.
TEXT_CHARACTERS_MAX: Final = 2_048
# Members of one list that a path such as errors[].code looks at.
LIST_ITEMS_MAX: Final = 32


class Weight(IntEnum):
    """How sure a match is; the least comes first."""

    CODE = 0
    TYPE = 1
    TEXT = 2
    STATUS = 3


class Clause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One condition: a path, an operation, a value.

    A path leads into the body, or to a header as header:name; `a|b` is either path, `a[]` every
    item of a list. `example` is a text that a regex matches, for tests and the simulator.
    """

    path: str
    op: Operation
    value: Any
    example: str | None = None

    def matches(self, document: object, headers: Headers) -> bool:
        """Whether it holds for a decoded body and its headers."""
        if self.path.startswith(HEADER_PREFIX):
            found = header_value(headers, self.path[len(HEADER_PREFIX) :])
            values: Iterator[object] = iter(() if found is None else (found,))
        else:
            values = (value for path in paths_of(self.path) for value in look_up(document, path))
        if self.op == "exists":
            return (next(values, None) is not None) is bool(self.value)
        return any(self._accepts(value) for value in values)

    def _accepts(self, value: object) -> bool:
        if self.op == "eq":
            return _comparable(value) == _comparable(self.value)
        if self.op == "in":
            return _comparable(value) in {_comparable(item) for item in self.value}
        if not isinstance(value, str):
            return False
        text = value[:TEXT_CHARACTERS_MAX]
        if self.op == "startswith":
            return text.startswith(self.value)
        if self.op == "contains":
            return self.value in text
        return _pattern(self.value).search(text) is not None

    @property
    def shows_itself(self) -> bool:
        """Whether it holds only where the body has what its path begins with."""
        absent = self.op == "exists" and not self.value
        return not absent and not self.path.startswith(HEADER_PREFIX)

    def weight(self) -> Weight:
        """How sure this condition is."""
        if self.op in ("startswith", "contains", "regex", "exists"):
            return Weight.TEXT
        return Weight.TYPE if self.path.endswith(("type", "status")) else Weight.CODE


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row: what a vendor means by such an answer."""

    provider: str
    status: tuple[int | Literal["*"], ...]
    match: tuple[Clause, ...]
    meaning: Meaning
    detail: str
    retry: Retry
    scope: RefusalScope
    evidence: Literal["documented", "seen", "guessed"]
    source: str

    def matches(self, status: int, document: object, headers: Headers) -> bool:
        """Whether this row is about that answer.

        `document` is its decoded body, or None where that is no JSON.
        """
        if "*" not in self.status and status not in self.status:
            return False
        return all(clause.matches(document, headers) for clause in self.match)

    def weight(self) -> Weight:
        """How sure its surest condition is."""
        return min((clause.weight() for clause in self.match), default=Weight.STATUS)


class NumberedRule(msgspec.Struct, frozen=True):
    """A rule with its place in the file, counted from 0."""

    index: int
    rule: Rule


class _RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    order: str
    meanings: tuple[Meaning, ...]
    rules: tuple[Rule, ...]


@cache
def all_rules() -> tuple[NumberedRule, ...]:
    """Every rule, in the order of the file; read at the first use."""
    data = pkgutil.get_data("faregate.providers", "refusals.json")
    if data is None:
        raise FileNotFoundError("refusals.json is missing from the package")
    rules = msgspec.json.decode(data, type=_RuleFile).rules
    return tuple(NumberedRule(index, rule) for index, rule in enumerate(rules))


@cache
def _by_vendor() -> dict[str, tuple[NumberedRule, ...]]:
    own: dict[str, list[NumberedRule]] = {}
    for numbered in all_rules():
        own.setdefault(numbered.rule.provider, []).append(numbered)
    ordered = {
        vendor: sorted(rules, key=lambda numbered: numbered.rule.weight())
        for vendor, rules in own.items()
    }
    anyone = ordered[ANY_VENDOR]
    tables = {
        vendor: tuple(anyone if vendor == ANY_VENDOR else rules + anyone)
        for vendor, rules in ordered.items()
    }
    # Who copies OpenAI's format copies its codes; what a status alone means there is its own.
    copied = [rule for rule in ordered["openai"] if rule.rule.weight() < Weight.TEXT]
    for vendor in openai_copies():
        tables[vendor] = tuple(copied + anyone)
    for row in VENDORS.values():
        if row.refusals_like is not None:
            tables.setdefault(row.name, tables[row.refusals_like])
    return tables


@cache
def openai_copies() -> frozenset[str]:
    """Who speaks OpenAI's format and has no rules, its own or another's."""
    own = {numbered.rule.provider for numbered in all_rules()}
    return frozenset(
        row.name
        for row in VENDORS.values()
        if row.name not in own
        and row.refusals_like is None
        and row.speaks("generate", "openai_chat")
    )


def rules_of(vendor: str) -> tuple[NumberedRule, ...]:
    """The rules to try for `vendor`, in order.

    An unknown vendor has those of "*".
    """
    tables = _by_vendor()
    return tables.get(vendor) or tables[ANY_VENDOR]


@cache
def served_marks(vendor: str) -> tuple[bytes, ...]:
    """Members of which a refusal below 300 of `vendor` has at least one.

    Its rules look for them, or they are of an error that none explains. Empty: any may be one.
    """
    names = {"error"}
    for numbered in rules_of(vendor):
        rule = numbered.rule
        if "*" in rule.status or any(isinstance(one, int) and one < 300 for one in rule.status):
            paths = (one.path for one in rule.match if one.shows_itself)
            path = next(paths, None)
            if path is None:
                return ()
            names.update(steps[0].removesuffix("[]") for steps in paths_of(path))
    return tuple(f'"{name}"'.encode() for name in sorted(names))


def header_value(headers: Headers, name: str) -> str | None:
    """The first value of the field `name` (lower case), or None."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    for field, value in pairs:
        field_text = field.decode("latin-1") if isinstance(field, bytes) else field
        if len(field_text) == len(name) and field_text.lower() == name:
            return value.decode("latin-1") if isinstance(value, bytes) else value
    return None


def _comparable(value: object) -> str | None:
    # Vendors send the same code as "1113" here and as 1113 there.
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 1 << 53 else None
    return None


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.DOTALL)


@cache
def paths_of(text: str) -> tuple[tuple[str, ...], ...]:
    """The ways into a document that a path allows; `a|b` are two."""
    return tuple(tuple(path.split(".")) for path in text.split("|"))


def look_up(value: object, path: tuple[str, ...]) -> Iterator[object]:
    """Every value at `path`; `name[]` goes into each item of a list."""
    if not path:
        yield value
        return
    if not isinstance(value, dict):
        return
    step, rest = path[0], path[1:]
    inner = value.get(step.removesuffix("[]"))
    if step.endswith("[]"):
        if isinstance(inner, list):
            for item in inner[:LIST_ITEMS_MAX]:
                yield from look_up(item, rest)
    elif inner is not None:
        if isinstance(inner, list) and rest:
            # Gemini's and Anthropic's details are a list in some answers, an object in others.
            for item in inner[:LIST_ITEMS_MAX]:
                yield from look_up(item, rest)
        else:
            yield from look_up(inner, rest)
