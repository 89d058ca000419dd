"""Steps that change items of one kind, and a document by them.

No I/O but what `prepare` does; errors name the step that they are of.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from faregate.configuration.document import Document
from faregate.configuration.names import local, within
from faregate.control.problems import FieldError, ProblemError
from faregate.control.resources.kinds import Kind, name_of, team_of
from faregate.control.versions import patched

Action = Literal["create", "update", "replace", "delete"]
Prepare = Callable[[Any, Any], Any]
"""Makes of an item that is there (or None) and the wanted one (or None) what is stored."""


@dataclass(frozen=True)
class Step:
    """One change of an item: wanted whole, or as a merge patch."""

    action: Action
    name: str = ""
    item: Any = None
    patch: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None


class Part:
    """The items of one kind in a document, being changed by one tenant.

    `team` is the tenant, None the organisation. Errors are `ProblemError`s.
    """

    def __init__(self, kind: Kind, document: Document, team: str | None) -> None:
        self._kind = kind
        self._document = document
        self._team = team
        self._items: dict[str, Any] = {name_of(one): one for one in kind.items(document)}

    def document(self) -> Document:
        """The document with the items as they are now."""
        return msgspec.structs.replace(
            self._document, **{self._kind.field: tuple(self._items.values())}
        )

    def find(self, name: str) -> Any:
        """The item that the tenant calls so; None: there is none."""
        if self._team is None or not self._kind.is_owned:
            return self._items.get(name)
        for one in (within(self._team, name), local(self._team, name)):
            item = self._items.get(one)
            if item is not None and team_of(item) == self._team:
                return item
        return None

    def take(self, step: Step, prepare: Prepare) -> str:
        """Do a step; gives the whole name of its item."""
        before = None if step.action == "create" else self.find(step.name)
        if step.action == "create":
            wanted = self._owned(step.item, step.item)
            name = name_of(wanted)
            if name in self._items:
                raise self._taken(name)
        elif before is None:
            raise absent(self._kind, step.name)
        else:
            name = name_of(before)
            if step.action == "delete":
                prepare(before, None)
                del self._items[name]
                return name
            made = patched(before, dict(step.patch)) if step.action == "update" else step.item
            wanted = self._owned(made, before)
            if name_of(wanted) != name:
                raise self._renamed(name)
        self._items[name] = prepare(before, wanted)
        return name

    def _owned(self, item: Any, before: Any) -> Any:
        """The item with its owner and whole name; a sole name is meant within its team."""
        if not self._kind.is_owned:
            return item
        if self._team is not None and item.team not in (None, self._team):
            raise wrong("team", f"this path is of the team {self._team!r}", "leave it out")
        team = self._team or item.team
        if before is not item and team != before.team:
            raise wrong("team", "an item stays with its team", "leave it as it is")
        if team is None:
            return item
        known = before is not item and local(team, item.name) == local(team, before.name)
        name = before.name if known else within(team, item.name)
        return msgspec.structs.replace(item, team=team, name=name)

    def _taken(self, name: str) -> ProblemError:
        message = f"there is a {self._kind.noun} {name!r} already"
        return ProblemError(
            409,
            "already_there",
            f"{message[0].upper()}{message[1:]}.",
            errors=(FieldError("name", message, "choose another name, or change that one"),),
            fix="choose another name, or change that one",
        )

    def _renamed(self, name: str) -> ProblemError:
        fix = "add it under the new name, let what names it name that one, and remove this one"
        if self._kind.field == "prices":
            return wrong("model", f"this price is {name!r}, and stays so", fix)
        return wrong("name", f"it is {name!r}, and stays so", fix)


def run(part: Part, steps: Sequence[Step], prepare: Prepare, *, of_bulk: bool = False) -> list[str]:
    """Do all steps, or none; gives the names of their items."""
    names: list[str] = []
    for number, step in enumerate(steps):
        try:
            names.append(part.take(step, prepare))
        except ProblemError as error:
            raise (numbered(error, number) if of_bulk else error) from None
    return names


def numbered(error: ProblemError, number: int) -> ProblemError:
    """The error of a step of a bulk request, named by its position."""
    problem = error.problem
    found = problem.errors or (FieldError("", problem.detail),)
    errors = tuple(
        msgspec.structs.replace(one, field=f"items[{number}].{one.field}".removesuffix("."))
        for one in found
    )
    return ProblemError(
        problem.status,
        problem.code,
        f"items[{number}]: {problem.detail}",
        errors=errors,
        fix=problem.fixes[0] if problem.fixes else None,
        headers=error.headers,
    )


def absent(kind: Kind, name: str) -> ProblemError:
    """404 for an item."""
    return ProblemError(404, "not_found", f"There is no {kind.noun} {name[:200]!r}.")


def wrong(where: str, message: str, fix: str) -> ProblemError:
    """422 for a field."""
    return ProblemError(
        422, "invalid", f"{where}: {message}.", errors=(FieldError(where, message, fix),), fix=fix
    )
