"""Lists: pages by cursor, sorting, fields. The same for all kinds.

A cursor holds the sort key of the last item of a page, so that what is added or removed meanwhile
neither repeats nor hides another item.
"""

import base64
import binascii
from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
from fastapi import Query

from faregate.control.problems import FieldError, ProblemError

T = TypeVar("T")
LIMIT_MAX: Final = 500
_CURSOR_CHARACTERS_MAX: Final = 2_000
_decode_position: Final = msgspec.json.Decoder(list[str | int | float | bool | None]).decode


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A part of a list; `next_cursor` is None at its end."""

    items: list[T]
    next_cursor: str | None


class Paging:
    """What a list is asked for by its query."""

    def __init__(
        self,
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="Most items of a page.")] = 50,
        cursor: Annotated[
            str | None,
            Query(
                max_length=_CURSOR_CHARACTERS_MAX,
                description="`next_cursor` of the page before, with the same filters and sort.",
            ),
        ] = None,
        sort: Annotated[
            str | None,
            Query(
                max_length=200,
                description="Fields to sort by, separated by commas; a `-` before one reverses it.",
            ),
        ] = None,
        fields: Annotated[
            str | None,
            Query(max_length=1_000, description="Fields to show, separated by commas."),
        ] = None,
    ) -> None:
        self.limit = limit
        self.cursor = cursor
        self.sort = sort
        self.fields = None if fields is None else tuple(f for f in fields.split(",") if f)

    def position(self) -> list[Any] | None:
        """The sort key after which the page begins. Raises `ProblemError`."""
        return None if self.cursor is None else decode_cursor(self.cursor)

    def order(self, sortable: Iterable[str], default: str) -> list[tuple[str, bool]]:
        """Fields to sort by, and whether downwards. Raises `ProblemError`."""
        known = tuple(sortable)
        order = []
        for part in (self.sort or default).split(","):
            name, down = part.removeprefix("-"), part.startswith("-")
            if name not in known:
                raise invalid_query("sort", f"{name!r} can't be sorted by", known)
            order.append((name, down))
        return order

    def page(
        self,
        items: Iterable[T],
        *,
        sortable: Iterable[str],
        default: str,
        unique: str = "name",
        value: Callable[[T, str], Any] = lambda item, name: getattr(item, name),
    ) -> "Page[T]":
        """A page of items that are all in memory; `unique` tells any two apart."""
        order = self.order(sortable, default)
        if unique not in (name for name, _ in order):
            order.append((unique, False))
        kept = list(items)
        for name, down in reversed(order):
            kept.sort(key=partial(_sort_key, name, value), reverse=down)
        after = self.position()
        if after is not None:
            if len(after) != len(order):
                raise invalid_query("cursor", "it belongs to another order", ())
            kept = [item for item in kept if _is_after(item, after, order, value)]
        shown = kept[: self.limit]
        if len(kept) <= self.limit:
            return Page(shown, None)
        return Page(shown, encode_cursor([value(shown[-1], name) for name, _ in order]))


def encode_cursor(position: list[Any]) -> str:
    """A position as callers carry it: opaque, safe in an address."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def decode_cursor(cursor: str) -> list[Any]:
    """The position in a cursor. Raises `ProblemError`."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return _decode_position(base64.b64decode(padded, b"-_", validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise invalid_query("cursor", "it is not a cursor of this list", ()) from None


def invalid_query(name: str, message: str, known: Iterable[str]) -> ProblemError:
    """400 for a parameter of the query."""
    names = ", ".join(known)
    fix = f"use one of: {names}" if names else None
    return ProblemError(
        400,
        "query_invalid",
        f"{name}: {message}",
        errors=(FieldError(name, message, fix),),
        fix=fix,
    )


def chosen(item: dict[str, Any], fields: tuple[str, ...] | None) -> dict[str, Any]:
    """The fields of `item` that were asked for. Raises `ProblemError`."""
    if fields is None:
        return item
    unknown = next((name for name in fields if name not in item), None)
    if unknown is not None:
        raise invalid_query("fields", f"there is no field {unknown!r}", item)
    return {name: value for name, value in item.items() if name in fields}


def _sort_key(name: str, value: Callable[[Any, str], Any], item: Any) -> tuple[int, Any]:
    return _orderable(value(item, name))


def _orderable(value: Any) -> tuple[int, Any]:
    """What is missing comes first; kinds don't mix."""
    if value is None:
        return (0, 0)
    if isinstance(value, bool | int | float):
        return (1, value)
    return (2, str(value))


def _is_after(
    item: T, after: list[Any], order: list[tuple[str, bool]], value: Callable[[T, str], Any]
) -> bool:
    for (name, down), mark in zip(order, after, strict=True):
        mine, theirs = _orderable(value(item, name)), _orderable(mark)
        if mine != theirs:
            return (mine < theirs) if down else (mine > theirs)
    return False
