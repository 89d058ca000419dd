"""What changes from one document to another, in readable lines.

Items of lists are matched by name. Secrets and whatever holds a sealed value are never shown.
"""

from typing import Any, Literal

import msgspec

from faregate.configuration.document import Document
from faregate.configuration.export import brief
from faregate.configuration.references import SEALED, plain
from faregate.configuration.rules import is_secret_header

Sign = Literal["+", "-", "~"]
_SECRET_FIELDS = frozenset({"api_key", "secret"})
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
    comparison = _Comparison(brief(new))
    comparison.compare(plain(old), plain(new), "", ())
    return comparison.changes


class _Comparison:
    """Walks two trees side by side.

    `place` is where the walk is, for people; `fields` are the names of fields on the way.
    """

    def __init__(self, brief_new: dict[str, Any]) -> None:
        self.changes: list[Change] = []
        self._brief = brief_new

    def compare(self, old: Any, new: Any, place: str, fields: tuple[str, ...]) -> None:
        if old == new:
            return
        if _has_items(old) or _has_items(new):
            self._items(old, new, place, fields)
        elif isinstance(old, dict) and isinstance(new, dict):
            for name in [*new, *(name for name in old if name not in new)]:
                self.compare(
                    old.get(name, _MISSING),
                    new.get(name, _MISSING),
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

    def _items(self, old: Any, new: Any, place: str, fields: tuple[str, ...]) -> None:
        before = {item["name"]: item for item in old}
        after = {item["name"]: item for item in new}
        short = {item["name"]: item for item in self._brief.get(fields[-1], ())}
        for name, item in after.items():
            inner = f"{place}[{name}]"
            if name in before:
                self.compare(before[name], item, inner, fields)
            else:
                self.changes.append(Change("+", inner))
                for field, value in short[name].items():
                    if field != "name":
                        self._added(value, _inside(inner, field, fields), (*fields, field))
        self.changes += [Change("-", f"{place}[{name}]") for name in before if name not in after]
        if [name for name in before if name in after] != [n for n in after if n in before]:
            self.changes.append(Change("~", f"{place} (order)"))

    def _added(self, value: Any, place: str, fields: tuple[str, ...]) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                self._added(inner, _inside(place, name, fields), (*fields, name))
        else:
            shown = None if _is_secret(fields, value) else _show(value)
            self.changes.append(Change("+", place, new=shown))


def _inside(place: str, name: str, fields: tuple[str, ...]) -> str:
    if fields and fields[-1] == "headers":
        return f"{place}[{name}]"
    return f"{place}.{name}" if place else name


def _has_items(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _is_secret(fields: tuple[str, ...], *values: Any) -> bool:
    return (
        fields[-1] in _SECRET_FIELDS
        or (fields[-2:-1] == ("headers",) and is_secret_header(fields[-1]))
        or any(isinstance(value, str) and SEALED.search(value) for value in values)
    )


def _show(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(_show, value)) or "nothing"
    return str(value) if value != "" else "''"
