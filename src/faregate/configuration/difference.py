"""What changes from one document to another, in readable lines.

Items of lists are matched by name, or by what else they go by. Secrets and whatever holds a
sealed value are never shown.
"""

from decimal import Decimal
from typing import Any, Literal

import msgspec

from faregate.configuration.account_rules import is_secret_header
from faregate.configuration.amounts import amount_text
from faregate.configuration.document import Document
from faregate.configuration.export import brief
from faregate.configuration.problems import LABEL_FIELDS, label
from faregate.configuration.references import SEALED, plain

Sign = Literal["+", "-", "~"]
_SECRET_FIELDS = frozenset({"api_key", "client_secret", "secret"})
_SECRET_SETTINGS = frozenset({("ledger", "url"), ("limits", "redis_url")})
_MISSING = object()


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: what was added, removed or changed, at which place.

    Without `old` and `new` the value is a secret, or there is none.
    """

    sign: Sign
    place: str
    old: str | None = None
    new: str | None = None

    def __str__(self) -> str:
        text = f"{self.sign} {self.place}"
        if self.sign == "~":
            return f"{text}: " + ("changed" if self.new is None else f"{self.old} -> {self.new}")
        return text if self.new is None else f"{text}: {self.new}"


def difference(old: Document, new: Document) -> list[Change]:
    """The changes that lead from `old` to `new`, in the order of a document."""
    comparison = _Comparison()
    comparison.compare(plain(old), plain(new), brief(new), "", ())
    return comparison.changes


class _Comparison:
    """Walks two trees side by side, and the short form of the new one.

    `place` is where the walk is, for people; `fields` are the names of fields on the way.
    """

    def __init__(self) -> None:
        self.changes: list[Change] = []

    def compare(self, old: Any, new: Any, short: Any, place: str, fields: tuple[str, ...]) -> None:
        if old == new:
            return
        if _has_items(old) or _has_items(new):
            self._items(old, new, short or [], place, fields)
        elif isinstance(old, dict) and isinstance(new, dict):
            for name in [*new, *(name for name in old if name not in new)]:
                self.compare(
                    old.get(name, _MISSING),
                    new.get(name, _MISSING),
                    short.get(name) if isinstance(short, dict) else None,
                    _inside(place, name, fields),
                    (*fields, name),
                )
        elif old is _MISSING or (old is None and isinstance(new, dict)):
            self._added(new, place, fields)
        elif new is _MISSING or (new is None and isinstance(old, dict)):
            self.changes.append(Change("-", place))
        elif _is_secret(fields, old, new):
            self.changes.append(Change("~", place))
        else:
            self.changes.append(Change("~", place, _show(old), _show(new)))

    def _items(self, old: Any, new: Any, short: Any, place: str, fields: tuple[str, ...]) -> None:
        before, after = _by_label(old), _by_label(new)
        for (name, item), added in zip(after.items(), short, strict=True):
            inner = f"{place}[{name}]"
            if name in before:
                self.compare(before[name], item, added, inner, fields)
            else:
                self._added_item(added, inner, fields)
        self.changes += [Change("-", f"{place}[{name}]") for name in before if name not in after]
        if [name for name in before if name in after] != [n for n in after if n in before]:
            self.changes.append(Change("~", f"{place} (order)"))

    def _added_item(self, item: dict[str, Any], place: str, fields: tuple[str, ...]) -> None:
        self.changes.append(Change("+", place))
        for field, value in item.items():
            if field not in LABEL_FIELDS:  # the place says them
                self._added(value, _inside(place, field, fields), (*fields, field))

    def _added(self, value: Any, place: str, fields: tuple[str, ...]) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                self._added(inner, _inside(place, name, fields), (*fields, name))
        elif _has_items(value):
            for name, item in _by_label(value).items():
                self._added_item(item, f"{place}[{name}]", fields)
        else:
            shown = None if _is_secret(fields, value) else _show(value)
            self.changes.append(Change("+", place, new=shown))


def _by_label(items: list[Any]) -> dict[str, Any]:
    """Items by what they go by; where that is their position, by that."""
    return {label(item) or str(at): item for at, item in enumerate(items)}


def _inside(place: str, name: str, fields: tuple[str, ...]) -> str:
    if fields and fields[-1] == "headers":
        return f"{place}[{name}]"
    return f"{place}.{name}" if place else name


def _has_items(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _is_secret(fields: tuple[str, ...], *values: Any) -> bool:
    return (
        fields[-1] in _SECRET_FIELDS
        or fields[-2:] in _SECRET_SETTINGS
        or (fields[-2:-1] == ("headers",) and is_secret_header(fields[-1]))
        or any(isinstance(value, str) and SEALED.search(value) for value in values)
    )


def _show(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return amount_text(value)
    if isinstance(value, list):
        return ", ".join(map(_show, value)) or "nothing"
    return str(value) if value != "" else "''"
