"""Items of any kind: found by what they go by, made and changed. No I/O."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from faregate.cli.assignments import (
    EMPTY,
    Assignment,
    Steps,
    assigned,
    part_of,
    read_part,
    renewed_places,
)
from faregate.cli.configuration_words import kind_words
from faregate.configuration.document import Document
from faregate.configuration.names import local, within
from faregate.configuration.problems import nearest, unknown
from faregate.configuration.tenancy import find_owned, team_named
from faregate.configuration.yaml_tree import Located
from faregate.control.resources.kinds import KINDS, Kind, name_of, team_of
from faregate.core.errors import FaregateError, MissingError

_ELSEWHERE: Final = {
    "keys": "'faregate keys' makes, lists and revokes them",
    "settings": "'faregate settings' shows and changes them",
    "callers": "'faregate callers' shows and changes them",
}
_BEGINS: Final = " from "  # of a price: gpt-5 from 2030-01-01T00:00:00Z


class Wish(NamedTuple):
    """An item as a command wants it: `base` whole, `assignments` on top."""

    name: str
    team: str | None
    base: Located | None
    assignments: Sequence[Assignment]


class Made(NamedTuple):
    """A document with the item, the item, and whether it is new."""

    document: Document
    item: Any
    is_new: bool


def find_kind(word: str) -> Kind:
    """The kind that a word names: virtual-models, or virtual_models."""
    kind = KINDS.get(word.replace("-", "_"))
    if kind is not None:
        return kind
    names = kind_words()
    fix = _ELSEWHERE.get(word, f"the kinds are {', '.join(names)}")
    meant = None if word in _ELSEWHERE else nearest(word, names)
    raise MissingError(
        f"there is no kind {word!r}" + (f"; did you mean {meant!r}?" if meant else ""), fix=fix
    )


def refuse_team(kind: Kind, team: str | None) -> None:
    """Raise `FaregateError` where a team is said of what teams don't own."""
    if team is not None and not kind.is_owned:
        raise FaregateError(f"teams own no {kind.plural}", fix="leave --team out")


def find_item(kind: Kind, document: Document, name: str, team: str | None) -> Any:
    """The item that goes by this name; None: there is none."""
    refuse_team(kind, team)
    items = kind.items(document)
    if team is None:
        wanted = _same_name(kind, name)
        found = next((one for one in items if _same_name(kind, name_of(one)) == wanted), None)
        if found is not None or not kind.is_owned:
            return found
        team = team_named(name, {one.name: one for one in document.teams})
        if team is None:
            return None
    return find_owned(items, team, name)


def require_item(kind: Kind, document: Document, name: str, team: str | None) -> Any:
    """The item that goes by this name; raises `MissingError`."""
    found = find_item(kind, document, name, team)
    if found is None:
        raise MissingError(
            unknown(kind.noun, name, [name_of(one) for one in kind.items(document)]),
            fix=f"'faregate items list {kind.path}' shows them",
        )
    return found


def with_item(kind: Kind, document: Document, wish: Wish) -> Made:
    """The document with the item as it is wanted; raises `FaregateError`."""
    before = find_item(kind, document, wish.name, wish.team)
    tree = wish.base
    if tree is None:
        tree = EMPTY if before is None else part_of(_alone(kind, before), kind.field, is_list=True)
    tree = _labelled(kind, document, before, tree, wish)
    made = kind.items(read_part(assigned(tree, wish.assignments), kind.field, is_list=True))[0]
    made = _owned(kind, made, before, wish.name)
    if before is None:
        items = (*kind.items(document), made)
    else:
        items = tuple(made if one is before else one for one in kind.items(document))
    whole = msgspec.structs.replace(document, **{kind.field: items})
    return Made(whole, made, before is None)


def without_items(
    kind: Kind, document: Document, names: Sequence[str], team: str | None
) -> Document:
    """The document without these items; raises `MissingError`."""
    gone = {name_of(require_item(kind, document, name, team)) for name in names}
    kept = tuple(one for one in kind.items(document) if name_of(one) not in gone)
    return msgspec.structs.replace(document, **{kind.field: kept})


def renewed_of(kind: Kind, item: Any, wish: Wish) -> frozenset[str]:
    """Where the variables stand that the wish names."""
    said: list[Steps] = [one.path for one in wish.assignments]
    if wish.base is not None:
        said.append(())
    return renewed_places(_alone(kind, item), said, is_list=True)


def _alone(kind: Kind, item: Any) -> Document:
    items: Any = {kind.field: (item,)}
    return Document(**items)


def _labelled(kind: Kind, document: Document, before: Any, tree: Located, wish: Wish) -> Located:
    """The tree with what the item goes by, where it doesn't say so."""
    if not isinstance(tree.value, dict):
        return tree  # is refused by its shape
    if before is not None:
        said = {name: getattr(before, name, None) for name in ("name", "team")}
        if kind.field == "prices":
            said = _price_fields(name_of(before))
    elif kind.field == "prices":
        said = _price_fields(wish.name)
    else:
        said = {"name": wish.name}
        if kind.is_owned:
            said["team"] = wish.team or team_named(
                wish.name, {one.name: one for one in document.teams}
            )
    fields = {name: Located(value, 1) for name, value in said.items() if value is not None}
    fields |= tree.value
    return Located(fields, 1, dict.fromkeys(fields, 1))


def _owned(kind: Kind, made: Any, before: Any, name: str) -> Any:
    """The item by its whole name, which must be the one that was said."""
    wanted = name
    if kind.is_owned and made.team is not None:
        wanted = within(made.team, name)
        if before is not None and local(made.team, made.name) == local(made.team, before.name):
            made = msgspec.structs.replace(made, name=before.name)
        else:
            made = msgspec.structs.replace(made, name=within(made.team, made.name))
    if before is not None:
        wanted = name_of(before)
        if team_of(made) != team_of(before):
            raise FaregateError(
                f"{kind.field}[{wanted}].team: it stays with its team",
                fix="add it to the other team, and remove this one",
            )
    if _same_name(kind, name_of(made)) != _same_name(kind, wanted):
        raise FaregateError(
            f"{kind.field}[{wanted}]: what is said would be {name_of(made)!r}",
            fix="say the same name; to rename one, add it under the new name, let what names it "
            "name that one, and remove this one",
        )
    return made


def _same_name(kind: Kind, name: str) -> str:
    """A name that is the same for the same item: a price's moment in UTC."""
    if kind.field != "prices":
        return name
    model, between, begins = name.partition(_BEGINS)
    try:
        at = dt.datetime.fromisoformat(begins)
    except ValueError:
        return name
    at = at.astimezone(dt.UTC) if at.tzinfo else at.replace(tzinfo=dt.UTC)
    return f"{model}{between}{at.isoformat()}"


def _price_fields(name: str) -> dict[str, str | None]:
    model, _, begins = name.partition(_BEGINS)
    return {"model": model, "from_time": begins or None}
