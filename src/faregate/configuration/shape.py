"""Whether a tree has a document's shape: fields, types and bounds.

The shape is read from the document's own types, so there is nothing to keep in step. Unlike a
decoder, which stops at the first mistake, this finds all of them.
"""

import datetime as dt
import math
import re
from typing import Any, Final

import msgspec
from msgspec import inspect

from faregate.configuration import amounts
from faregate.configuration.document import Document
from faregate.configuration.problems import Path, Problem, nearest
from faregate.configuration.yaml_tree import Located

_INTEGER_MAX: Final = 2**63 - 1
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_DOCUMENT: Final = inspect.type_info(Document)


def convert(tree: Located) -> tuple[Document | None, list[Problem]]:
    """The document that `tree` is, or all that keeps it from being one."""
    problems: list[Problem] = []
    value = _Checker(problems).check(tree, _DOCUMENT, ())
    if problems:
        return None, problems
    return msgspec.convert(value, Document), []


class _Checker:
    """Walks the tree and the types side by side."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems

    def check(self, at: Located, shape: inspect.Type, path: Path) -> Any:
        value, described = at.value, None
        if isinstance(shape, inspect.Metadata):
            described = (shape.extra_json_schema or {}).get("description")
            shape = shape.type
        if isinstance(shape, inspect.UnionType):
            if value is None:
                return None
            shape = next(one for one in shape.types if not isinstance(one, inspect.NoneType))
            return self.check(at, shape, path)
        if isinstance(shape, inspect.StructType):
            return self._struct(value, shape, path)
        if isinstance(shape, inspect.VarTupleType):
            return self._list(value, shape, path)
        if isinstance(shape, inspect.DictType):
            return self._dict(value, shape, path)
        if isinstance(shape, inspect.DecimalType):
            return self._amount(at, path)
        if isinstance(shape, inspect.StrType) and at.text is not None and ":" in at.text:
            value = at.text  # YAML 1.1 takes 22:00 for a number of base 60; nobody means that
        return self._scalar(value, shape, path, described)

    def _struct(self, value: Any, shape: inspect.StructType, path: Path) -> Any:
        if value is None and path and all(not field.required for field in shape.fields):
            return {}
        if not isinstance(value, dict):
            self._refuse(path, f"expected fields such as {shape.fields[0].name!r}", value)
            return None
        fields = {field.encode_name: field for field in shape.fields}
        for name in value.keys() - fields.keys():
            self._unknown(name, list(fields), path)
        for name, field in fields.items():
            if field.required and name not in value:
                self._problems.append(
                    Problem(path, f"the field {name!r} is missing", f"add '{name}: ...'")
                )
        return {
            name: self.check(inner, fields[name].type, (*path, name))
            for name, inner in value.items()
            if name in fields
        }

    def _unknown(self, name: str, fields: list[str], path: Path) -> None:
        meant = nearest(name, fields)
        self._problems.append(
            Problem(
                (*path, name),
                f"unknown field {name!r}" + (f"; did you mean {meant!r}?" if meant else ""),
                None if meant else f"the fields here are {', '.join(fields)}",
            )
        )

    def _list(self, value: Any, shape: inspect.VarTupleType, path: Path) -> Any:
        if value is None:
            return []
        if not isinstance(value, list):
            self._refuse(path, "expected a list", value, "write '- ' before every item")
            return None
        return [self.check(inner, shape.item_type, (*path, at)) for at, inner in enumerate(value)]

    def _dict(self, value: Any, shape: inspect.DictType, path: Path) -> Any:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._refuse(path, f"expected fields, each with {describe(shape.value_type)}", value)
            return None
        return {
            name: self.check(inner, shape.value_type, (*path, name))
            for name, inner in value.items()
        }

    def _amount(self, at: Located, path: Path) -> Any:
        text = at.text if at.text is not None else at.value
        if not isinstance(text, str):
            self._refuse(path, f"expected {amounts.TAKES}", at.value)
            return None
        try:
            return amounts.read_amount(text)
        except ValueError as error:
            found = _found(at.value, path) if at.text is None else at.text[:40]
            reason = str(error).partition(";")[0]
            self._problems.append(Problem(path, f"{reason}: {found}", f"write {amounts.TAKES}"))
            return None

    def _scalar(self, value: Any, shape: inspect.Type, path: Path, described: str | None) -> Any:
        if isinstance(shape, inspect.FloatType) and type(value) is int:
            value = float(min(value, _INTEGER_MAX))
        if isinstance(shape, inspect.DateTimeType):
            value = _as_moment(value)
        if not _fits(value, shape):
            fix = None
            if isinstance(shape, inspect.StrType) and not isinstance(value, (str, dict, list)):
                fix = None if value is None else "put the value in quotes to make it a text"
            self._refuse(path, f"expected {described or describe(shape)}", value, fix)
            return None
        if isinstance(value, str) and _CONTROL.search(value):
            self._problems.append(Problem(path, "the text has control characters"))
        return value

    def _refuse(self, path: Path, message: str, value: Any, fix: str | None = None) -> None:
        self._problems.append(Problem(path, f"{message}, found {_found(value, path)}", fix))


def _as_moment(value: Any) -> Any:
    """YAML's dates and times as moments; without a zone they are UTC."""
    if type(value) is dt.date:
        value = dt.datetime.combine(value, dt.time())
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, dt.datetime):
        return value if value.tzinfo else value.replace(tzinfo=dt.UTC)
    return value


def _fits(value: Any, shape: inspect.Type) -> bool:
    if isinstance(shape, inspect.BoolType):
        return isinstance(value, bool)
    if isinstance(shape, inspect.LiteralType):
        return type(value) in (str, int) and value in shape.values
    if isinstance(shape, inspect.StrType):
        return isinstance(value, str) and (
            shape.pattern is None or re.search(shape.pattern, value) is not None
        )
    if isinstance(shape, inspect.IntType):
        return type(value) is int and value <= _INTEGER_MAX and _in_bounds(value, shape)
    if isinstance(shape, inspect.FloatType):
        return type(value) is float and math.isfinite(value) and _in_bounds(value, shape)
    if isinstance(shape, inspect.DateTimeType):
        return isinstance(value, dt.datetime)
    raise TypeError(f"{shape} has no check")


def _in_bounds(value: float, shape: inspect.IntType | inspect.FloatType) -> bool:
    return not (
        (shape.ge is not None and value < shape.ge)
        or (shape.gt is not None and value <= shape.gt)
        or (shape.le is not None and value > shape.le)
        or (shape.lt is not None and value >= shape.lt)
    )


def describe(shape: inspect.Type) -> str:
    """What `shape` takes, in words."""
    if isinstance(shape, inspect.LiteralType):
        values = [str(value) for value in shape.values]
        return values[0] if len(values) == 1 else "one of " + ", ".join(values)
    if isinstance(shape, (inspect.IntType, inspect.FloatType)):
        kind = "a whole number" if isinstance(shape, inspect.IntType) else "a number"
        return kind + _bounds_in_words(shape)
    words = {
        inspect.VarTupleType: "a list",
        inspect.BoolType: "true or false",
        inspect.StrType: "a text",
        inspect.DecimalType: amounts.TAKES,
        inspect.DateTimeType: "a date or a time such as 2027-01-31T12:00:00Z",
    }
    return words[type(shape)]


def _bounds_in_words(shape: inspect.IntType | inspect.FloatType) -> str:
    words = [
        f"{word} {bound:,}"
        for word, bound in (("from", shape.ge), ("above", shape.gt), ("up to", shape.le))
        if bound is not None
    ]
    return " " + " ".join(words) if words else ""


def _found(value: Any, path: Path) -> str:
    """What was written, never more than its kind where it may be a secret."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "fields"
    if isinstance(value, list):
        return "a list"
    if "headers" in path or (path and path[-1] in {"api_key", "secret", "url", "redis_url"}):
        return "another kind of value"
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    shown = shown if len(shown) <= 40 else shown[:37] + "..."
    return f"{shown!r}" if isinstance(value, str) else shown
