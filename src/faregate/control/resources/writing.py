"""Changes of items, as one transaction: made, tried out or staged.

Errors of the configuration come back with the fields of the body that they are of.
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from fastapi import Query
from starlette.responses import Response

from faregate.configuration.difference import Change
from faregate.configuration.document import Document
from faregate.control.context import Context
from faregate.control.management import Management
from faregate.control.problems import FieldError, ProblemError, field_error
from faregate.control.resources.kinds import Kind, name_of
from faregate.control.resources.rights import check_item
from faregate.control.resources.secrets import (
    MAY_HOLD_SECRETS,
    names_variables_anew,
    refuse_variables,
    sealed,
    texts,
)
from faregate.control.resources.steps import Part, Step, run
from faregate.core.errors import ConfigurationError, StaleError
from faregate.storage.revisions import Draft, Revisions

MESSAGE_CHARACTERS_MAX: Final = 1_000
DRAFT_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
_NAMES_VARIABLE: Final = "${env:"

DryRun = Annotated[bool, Query(description="Say what would change, and change nothing.")]
Message = Annotated[
    str | None,
    Query(max_length=MESSAGE_CHARACTERS_MAX, description="Why, for the history of revisions."),
]
DraftName = Annotated[
    str | None,
    Query(
        pattern=DRAFT_NAME,
        description="Stage the change in the draft of this name, to be published with others.",
    ),
]


class Preview(msgspec.Struct, frozen=True):
    """What a change would do to the revision in force; nothing was changed."""

    dry_run: bool
    revision: int
    changes: list[Change]


class Staged(msgspec.Struct, frozen=True):
    """A change was staged in a draft, and is not in force."""

    draft: str
    staged: int


@dataclass(frozen=True)
class Manner:
    """How a change is meant: tried out, staged in `draft`, and why."""

    dry_run: bool = False
    message: str | None = None
    draft: str | None = None


@dataclass(frozen=True)
class Done:
    """The whole names of what was changed, or what would or will be."""

    names: tuple[str, ...] = ()
    told: Preview | Staged | None = None


class Writing:
    """Changes items of one kind for the caller of `context`."""

    def __init__(self, context: Context, kind: Kind) -> None:
        self._context = context
        self._kind = kind
        self._management = context.management
        self._revisions: Revisions = context.management.installation.revisions
        self._team = context.team if kind.is_owned else None
        self._names: tuple[str, ...] = ()

    def carry_out(self, steps: Sequence[Step], manner: Manner, *, of_bulk: bool = False) -> Done:
        """Do all steps or none. Raises `ProblemError` and `FaregateError`."""
        expected, renewed = self._expected(steps)

        def change(document: Document) -> Document:
            part = Part(self._kind, document, self._team)
            self._names = tuple(run(part, steps, self._prepare, of_bulk=of_bulk))
            return part.document()

        try:
            told = put(self._context, change, self._summary(steps), manner, expected, renewed)
        except ConfigurationError as error:
            raise self._explained(error, steps, of_bulk=of_bulk) from error
        return Done(self._names, told)

    def _expected(self, steps: Sequence[Step]) -> tuple[dict[tuple[str, str], int], frozenset[str]]:
        """The versions that items must have, and the places whose variables are read anew.

        A variable is read anew where a patch names it, though it may be the same.
        """
        expected: dict[tuple[str, str], int] = {}
        renewed: set[str] = set()
        part: Part | None = None
        for step in steps:
            naming = {field for field, value in step.patch.items() if _NAMES_VARIABLE in str(value)}
            if step.version is None and not naming:
                continue
            part = part or Part(self._kind, self._revisions.written()[1], self._team)
            found = part.find(step.name)
            if found is None:
                continue
            if step.version is not None:
                expected[self._kind.field, name_of(found)] = step.version
            place = self._place(name_of(found))
            renewed.update(
                where
                for where in texts(self._alone(found))
                if where.removeprefix(f"{place}.").partition("[")[0].partition(".")[0] in naming
            )
        return expected, frozenset(renewed)

    def _prepare(self, before: Any, after: Any) -> Any:
        """An item made ready to be stored."""
        check_item(self._context, self._kind, before, after)
        if after is None or not _may_refer(self._kind, before, after):
            return after
        known = texts(self._alone(before))
        try:
            ready = sealed(self._alone(after), known, self._management.box)
            refuse_variables(ready, known, of_team=self._team is not None)
        except ProblemError as error:
            raise nearer(error, self._place(name_of(after))) from None
        # Of an account they go to its vendor; elsewhere callers may be told what they hold.
        if self._kind.field not in MAY_HOLD_SECRETS and names_variables_anew(ready, known):
            self._context.require("revisions.write")
        return self._kind.items(ready)[0]

    def _alone(self, item: Any) -> Document:
        """A document of one item or none."""
        items: Any = {self._kind.field: () if item is None else (item,)}
        return Document(**items)

    def _place(self, name: str) -> str:
        return f"{self._kind.field}[{name}]"

    def _summary(self, steps: Sequence[Step]) -> str:
        if len(steps) != 1:
            return f"changed {len(steps)} {self._kind.plural}"
        step = steps[0]
        name = step.name or name_of(step.item)
        if self._team is not None and not name.startswith(f"{self._team}/"):
            name = f"{self._team}/{name}"
        verb = {"create": "added", "delete": "removed"}.get(step.action, "changed")
        return f"{verb} the {self._kind.noun} {name}"

    def _explained(
        self, error: ConfigurationError, steps: Sequence[Step], *, of_bulk: bool
    ) -> ProblemError:
        """The problem, its fields as they are in the body; others' items as what they are."""
        places = {
            self._place(name): f"items[{number}]" if of_bulk else ""
            for number, name in enumerate(self._names)
        }
        found = [field_error(one) for one in (error, *error.others)]
        own: list[FieldError] = []
        other: list[FieldError] = []
        for one in found:
            place = next((at for at in places if _within(one.field, at)), None)
            if place is None:
                other.append(self._theirs(one))
            else:
                inner = places[place] + one.field[len(place) :]
                own.append(msgspec.structs.replace(one, field=inner.removeprefix(".")))
        errors = tuple(own or other)
        detail = "; ".join(
            f"{one.field}: {one.message}" if one.field else one.message for one in errors[:3]
        )
        if not own and any(step.action == "delete" for step in steps):
            return ProblemError(
                409,
                "in_use",
                f"It is in use: {detail}",
                errors=errors,
                fix="change first what names it, or both in one bulk change",
            )
        fix = next((one.fix for one in errors if one.fix), None)
        return ProblemError(422, "invalid", detail, errors=errors, fix=fix)

    def _theirs(self, error: FieldError) -> FieldError:
        """What another item has against it; a team isn't told of items that aren't its own."""
        if self._team is None or f"[{self._team}/" in error.field:
            return error
        return FieldError("", "something of the organisation names it, or is named by it", None)


def put(
    context: Context,
    change: Callable[[Document], Document],
    summary: str,
    manner: Manner,
    expected: Mapping[tuple[str, str], int] | None = None,
    renewed: frozenset[str] = frozenset(),
) -> Preview | Staged | None:
    """Carry out, try out or stage a change of the document in force.

    Its variables are of this process's environment. Raises what `change` and the store raise.
    """
    revisions = context.management.installation.revisions
    environment = dict(os.environ)
    if manner.dry_run:
        number, changes = revisions.preview_edit(change, environment, renewed, expected)
        return Preview(True, number, changes)
    if manner.draft is not None:
        _refuse_stale(revisions, expected or {})
        draft = revisions.stage(
            change, context.actor, manner.draft, manner.message, environment, renewed
        )
        return _staged(draft)
    with changing(context.management):
        revisions.edit(
            change, context.actor, summary, environment, renewed, manner.message, expected
        )
    return None


def told_instead(told: Preview | Staged) -> Response:
    """The answer to a change that was tried out or staged."""
    status = 200 if isinstance(told, Preview) else 202
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(told), status, headers, "application/json")


_WRITERS: Final = threading.Lock()


def changing(_management: Management) -> threading.Lock:
    """The lock of who changes the configuration in this process.

    The store lets one in at a time anyway; with it, what was given last is one's own.
    """
    return _WRITERS


def version_of(text: str | None) -> int | None:
    """The version in an `etag` of a bulk body; None for `*`."""
    if text is None or text == "*":
        return None
    bare = text.strip().removeprefix('"').removesuffix('"')
    return int(bare) if bare.isdigit() and len(bare) < 19 else -1


def _may_refer(kind: Kind, *items: Any) -> bool:
    """Whether there can be a secret or a reference in these; most items have none."""
    if kind.field in MAY_HOLD_SECRETS:
        return True
    return any(b"${" in msgspec.json.encode(one) for one in items)


def _refuse_stale(revisions: Revisions, expected: Mapping[tuple[str, str], int]) -> None:
    for (kind, name), version in expected.items():
        if revisions.item(kind, name).version != version:
            raise StaleError(
                f"{kind}/{name} was changed meanwhile", fix="read it again, and change that"
            )


def _staged(draft: Draft) -> Staged:
    return Staged(draft.name, len(draft.items))


def nearer(error: ProblemError, place: str) -> ProblemError:
    """The same error with its fields as they are within the item at `place`."""
    problem = error.problem
    errors = tuple(
        msgspec.structs.replace(one, field=one.field.removeprefix(f"{place}."))
        for one in problem.errors
    )
    return ProblemError(
        problem.status,
        problem.code,
        problem.detail.removeprefix(f"{place}."),
        errors=errors,
        fix=problem.fixes[0] if problem.fixes else None,
    )


def _within(field: str, place: str) -> bool:
    rest = field.removeprefix(place)
    return rest != field and rest[:1] in ("", ".", "[")
