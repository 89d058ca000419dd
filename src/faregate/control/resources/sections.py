"""Parts of the configuration that are one object: settings, callers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.responses import Response

from faregate.configuration.callers import Callers
from faregate.configuration.document import Document
from faregate.configuration.settings import Section, Settings
from faregate.control.context import Context
from faregate.control.operations import Reply
from faregate.control.problems import ProblemError, field_error
from faregate.control.resources.secrets import refuse_variables, sealed, texts
from faregate.control.resources.views import shown_section, view_type
from faregate.control.resources.writing import Manner, nearer, put, told_instead
from faregate.control.versions import patched
from faregate.core.errors import ConfigurationError


@dataclass(frozen=True)
class SectionKind:
    """One such part; `field` is the document's."""

    field: str
    type: type[Section]
    view: Any
    title: str


SETTINGS: Final = SectionKind("settings", Settings, view_type(Settings), "settings")
CALLERS: Final = SectionKind(
    "callers", Callers, view_type(Callers), "how callers identify themselves"
)


def show(context: Context, kind: SectionKind) -> Reply:
    """The part as it is in force, with its version."""
    item = context.management.installation.revisions.item(kind.field, "")
    return Reply(shown_section(item.value, item.version), version=item.version)


def update(
    context: Context, kind: SectionKind, patch: dict[str, Any], manner: Manner
) -> Reply | Response:
    """The part with a patch merged into it. Raises `ProblemError`."""
    return _change(context, kind, lambda before: patched(before, patch), manner)


def replace(context: Context, kind: SectionKind, body: Any, manner: Manner) -> Reply | Response:
    """The part with all of it replaced. Raises `ProblemError`."""
    return _change(context, kind, lambda _: body, manner)


def _change(
    context: Context, kind: SectionKind, make: Callable[[Any], Any], manner: Manner
) -> Reply | Response:
    version = context.expected_number()

    def change(document: Document) -> Document:
        before = getattr(document, kind.field)
        known = texts(Document(**{kind.field: before}))
        try:
            ready = sealed(Document(**{kind.field: make(before)}), known, context.management.box)
            refuse_variables(ready, known, of_team=False)
        except ProblemError as error:
            raise nearer(error, kind.field) from None
        return msgspec.structs.replace(document, **{kind.field: getattr(ready, kind.field)})

    expected = {} if version is None else {(kind.field, ""): version}
    try:
        told = put(context, change, f"changed {kind.title}", manner, expected)
    except ConfigurationError as error:
        raise _explained(error, kind) from error
    return show(context, kind) if told is None else told_instead(told)


def _explained(error: ConfigurationError, kind: SectionKind) -> ProblemError:
    """The problem, with fields as they are in the body."""
    errors = tuple(
        msgspec.structs.replace(one, field=one.field.removeprefix(f"{kind.field}."))
        for one in map(field_error, (error, *error.others))
    )
    detail = "; ".join(f"{one.field}: {one.message}" for one in errors[:3])
    fix = next((one.fix for one in errors if one.fix), None)
    return ProblemError(422, "invalid", detail, errors=errors, fix=fix)
