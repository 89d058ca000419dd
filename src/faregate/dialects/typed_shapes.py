"""Says in the caller's terms what typed decoding found wrong."""

import re
from typing import Final

import msgspec

from faregate.dialects.shapes import ShapeError

_INDEX: Final = re.compile(r"\[(\d+|\.\.\.)\]")
_MISSING: Final = re.compile(r"Object missing required field `([^`]*)`")
# What decoding a stranger's JSON may raise.
DECODING_ERRORS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def shape_error(error: BaseException, place: str = "") -> ShapeError:
    """One of `DECODING_ERRORS`, of the value at `place`."""
    if isinstance(error, RecursionError):
        return ShapeError(place or "$", "it is nested too deeply")
    if not isinstance(error, msgspec.ValidationError):
        return ShapeError(place or "$", f"it is not valid JSON: {error}")
    problem, _, path = str(error).partition(" - at `$")
    param = place + _INDEX.sub(r".\1", path.rstrip("`"))
    missing = _MISSING.match(problem)
    if missing is not None:
        return ShapeError(f"{param}.{missing[1]}".strip("."), "it is missing")
    return ShapeError(param.strip(".") or "$", problem.replace("`", "'"))
