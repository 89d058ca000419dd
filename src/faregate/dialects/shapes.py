"""Checks the shapes of decoded JSON, and names the place that is wrong.

Readers of requests turn a `ShapeError` into a refusal, readers of replies into a
`MalformedReplyError`; neither looks further at what has another shape than its dialect says.
"""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from faregate.core.refusals import Refusal, refuse

Object = dict[str, Any]

_KINDS: Final[dict[type, str]] = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    type(None): "null",
}
_MISSING: Final = re.compile("missing required field `([^`]+)`")
Shape = TypeVar("Shape")
_decode: Final = msgspec.json.Decoder().decode


class ShapeError(Exception):
    """The value at `place` is not what it must be."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem

    def refusal(self) -> Refusal:
        """What is told to a caller who wrote it."""
        detail = f"The field '{self.place}' is wrong: {self.problem}."
        return refuse("request_invalid", detail, param=self.place)


def _wrong(value: object, wanted: str, place: str) -> ShapeError:
    found = _KINDS.get(type(value), "something else")
    return ShapeError(place, f"it must be {wanted}, not {found}")


def decode_object(body: bytes) -> Object | Refusal:
    """A body that must be one JSON object."""
    try:
        found = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return refuse("request_invalid", f"The body is not valid JSON: {error}.")
    except RecursionError:
        return refuse("request_invalid", "The body is nested too deeply.")
    if not isinstance(found, dict):
        return refuse("request_invalid", "The body must be a JSON object.")
    return found


def decode_typed(body: bytes, decode: Callable[[bytes], Shape]) -> Shape | Refusal:
    """A body that must have the shape of a struct, by that struct's decoder."""
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$")
        param = place.strip("`.") or None
        missing = _MISSING.search(problem)
        if missing is not None and param is None:
            param = missing.group(1)
            detail = f"The field '{param}' is missing."
        elif param is None:
            detail = f"The body must be a JSON object: {problem}."
        else:
            detail = f"The field '{param}' is wrong: {problem}."
        return refuse("request_invalid", detail.replace("`", "'"), param=param)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return refuse("request_invalid", f"The body is not valid JSON: {error}.")
    except RecursionError:
        return refuse("request_invalid", "The body is nested too deeply.")


def decode_reply(body: bytes) -> Object:
    """A vendor's body or event, one JSON object; raises `ShapeError`."""
    try:
        found = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ShapeError("$", f"it is not valid JSON: {error}") from None
    except RecursionError:
        raise ShapeError("$", "it is nested too deeply") from None
    return as_object(found, "$")


def as_object(value: object, place: str) -> Object:
    """An object, or `ShapeError`."""
    if isinstance(value, dict):
        return value
    raise _wrong(value, "an object", place)


def as_list(value: object, place: str) -> list[Any]:
    """A list, or `ShapeError`."""
    if isinstance(value, list):
        return value
    raise _wrong(value, "a list", place)


def optional_object(value: object, place: str) -> Object:
    """An object, an empty one for null; or `ShapeError`."""
    return {} if value is None else as_object(value, place)


def optional_list(value: object, place: str) -> list[Any]:
    """A list, an empty one for null; or `ShapeError`."""
    return [] if value is None else as_list(value, place)


def as_text(value: object, place: str) -> str:
    """Text, or `ShapeError`."""
    if isinstance(value, str):
        return value
    raise _wrong(value, "text", place)


def as_texts(value: object, place: str) -> tuple[str, ...]:
    """A list of texts, or `ShapeError`."""
    return tuple(as_text(one, f"{place}[{at}]") for at, one in enumerate(as_list(value, place)))


def as_flag(value: object, place: str) -> bool:
    """True or false, or `ShapeError`."""
    if isinstance(value, bool):
        return value
    raise _wrong(value, "true or false", place)


def as_number(value: object, place: str) -> float:
    """A number, or `ShapeError`."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    raise _wrong(value, "a number", place)


def as_whole(value: object, place: str) -> int:
    """A whole number, also where it is written as 1.0; or `ShapeError`."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _wrong(value, "a whole number", place)


def as_count(value: object, place: str) -> int:
    """A whole number that isn't negative, or `ShapeError`."""
    count = as_whole(value, place)
    if count < 0:
        raise ShapeError(place, "it must not be negative")
    return count


def object_of_text(text: str) -> Object | None:
    """The JSON object that a text is, or None."""
    try:
        found = _decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
