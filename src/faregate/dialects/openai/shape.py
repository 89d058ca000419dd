"""Checks the shapes of decoded JSON, in the caller's terms."""

from typing import Any

from faregate.core.refusals import Refusal, refuse


class MisreadError(Exception):
    """A member of a request isn't what its dialect says."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(place, problem)
        self.place = place
        self.problem = problem

    def refusal(self) -> Refusal:
        """The same for the caller."""
        detail = f"The field '{self.place}' is wrong: {self.problem}."
        return refuse("request_invalid", detail, param=self.place)


def _expected(wanted: str, value: object, place: str) -> MisreadError:
    if value is None:
        return MisreadError(place, f"it must be {wanted}, and is missing")
    return MisreadError(place, f"it must be {wanted}")


def text(value: Any, place: str) -> str:
    """`value`, which must be a string."""
    if isinstance(value, str):
        return value
    raise _expected("a string", value, place)


def optional_text(value: Any, place: str) -> str | None:
    """`value`, which must be a string or absent."""
    return None if value is None else text(value, place)


def members(value: Any, place: str) -> dict[str, Any]:
    """`value`, which must be an object."""
    if isinstance(value, dict):
        return value
    raise _expected("an object", value, place)


def items(value: Any, place: str) -> list[Any]:
    """`value`, which must be a list."""
    if isinstance(value, list):
        return value
    raise _expected("a list", value, place)
