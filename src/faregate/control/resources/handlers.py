"""Makes the operations of a kind: in the organisation, and in one team.

Handlers are closures; their signatures, which FastAPI reads, are put together here.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Final

from fastapi import Path, Query
from starlette.responses import Response

from faregate.configuration.names import local
from faregate.control.context import Context
from faregate.control.endpoints import JSON
from faregate.control.operations import Operation, Reply
from faregate.control.paging import Page, Paging
from faregate.control.paths import in_path
from faregate.control.resources.bodies import BULKS, BulkReply, BulkResult, steps_of
from faregate.control.resources.history import ItemRevision, page_of_history
from faregate.control.resources.kinds import Kind
from faregate.control.resources.sight import seen
from faregate.control.resources.steps import Step, absent
from faregate.control.resources.views import VIEWS, example_view, shown
from faregate.control.resources.writing import (
    Done,
    DraftName,
    DryRun,
    Manner,
    Message,
    Preview,
    Staged,
    Writing,
    told_instead,
)
from faregate.control.versions import etag
from faregate.storage.revisions import Item

NAME_CHARACTERS_MAX: Final = 300

Handler = Callable[..., Any]
_TeamPath = Annotated[str, Path(max_length=63, description="The team's name.")]
_NamePath = Annotated[
    str,
    Path(
        min_length=1,
        max_length=NAME_CHARACTERS_MAX,
        description="Its name; a slash in it is written as %2F.",
    ),
]
_TeamFilter = Annotated[
    str | None, Query(description="Of this team alone; the empty one stands for the organisation.")
]
_NameFilter = Annotated[str | None, Query(max_length=200, description="What names begin with.")]


def operations(kind: Kind) -> Iterator[Operation]:
    """All operations of a kind."""
    yield from _Maker(kind, of_team=False).all()
    if kind.sight in ("owner", "used"):
        yield from _Maker(kind, of_team=True).all()


class _Maker:
    """Makes the operations of a kind in the organisation, or in a team."""

    def __init__(self, kind: Kind, *, of_team: bool) -> None:
        self._kind = kind
        self._of_team = of_team
        # The name in the path of a team itself is that of the tenant.
        self._name = "team" if kind.sight == "own" else "name"
        self._base = f"/v1/teams/{{team}}/{kind.path}" if of_team else f"/v1/{kind.path}"
        self._one = f"{self._base}/{{{self._name}}}"
        self._view = VIEWS[kind.field]
        self._example = example_view(kind)

    def all(self) -> Iterator[Operation]:
        """Those that read, and those that change where this may be changed."""
        yield self._listing()
        yield self._getting()
        yield self._history()
        if not self._of_team or self._kind.is_owned:
            yield self._creating()
            yield self._updating()
            yield self._replacing()
            yield self._deleting()
            yield self._bulk()

    def _operation(
        self, method: Any, path: str, verb: str, handler: Handler, **more: Any
    ) -> Operation:
        reading = method == "GET"
        return Operation(
            method=method,
            path=path,
            handler=handler,
            permission=self._kind.read if reading else self._kind.write,
            tag=self._kind.title,
            name=self._id(verb, plural=(path == self._base and reading) or "bulk" in path),
            across=reading and not self._of_team,
            **more,
        )

    def _id(self, verb: str, *, plural: bool) -> str:
        noun = self._kind.field if plural else self._kind.noun.replace(" ", "_")
        verb, _, rest = verb.partition(" ")
        parts = (verb, "team" if self._of_team else "", noun, rest)
        return "_".join(part for part in parts if part)

    def _said(self, text: str) -> str:
        where = " of a team" if self._of_team else ""
        return f"{text}{where}."

    # -- reading ---------------------------------------------------------------------------------

    def _listing(self) -> Operation:
        kind = self._kind

        def handler(context: Context, paging: Paging, **filters: Any) -> Page[Any]:
            team = None if context.team is not None else filters.get("team")
            index = context.management.index
            test = _matching(seen(context, kind, index, team), kind, context.team, filters)
            one = (context.team or team or None) if kind.is_owned else None
            page = index.of(kind).page(paging, kind.sortable, test, one)
            return Page([_shown(item) for item in page.items], page.next_cursor)

        filters = [_parameter("name", _NameFilter, None)]
        filters += [
            _parameter(field, Annotated[str | None, Query(max_length=300)], None)
            for field in kind.filters
        ]
        if self._of_team:
            filters.append(_parameter("team", _TeamPath))
        elif kind.sight in ("owner", "used"):
            filters.append(_parameter("team", _TeamFilter, None))
        return self._operation(
            "GET",
            self._base,
            "list",
            _signed(handler, _parameter("paging", Paging), *filters),
            summary=self._said(f"List the {kind.plural}"),
            reply=_page_of(self._view),
            reply_example={"items": [self._example], "next_cursor": None},
        )

    def _getting(self) -> Operation:
        def handler(context: Context, **path: Any) -> Reply:
            item = find(context, self._kind, path[self._name])
            return Reply(_shown(item), version=item.version)

        return self._operation(
            "GET",
            self._one,
            "get",
            _signed(handler, *self._path()),
            summary=self._said(f"Show one {self._kind.noun}"),
            reply=self._view,
            reply_example=self._example,
        )

    def _history(self) -> Operation:
        def handler(context: Context, paging: Paging, **path: Any) -> Page[ItemRevision]:
            item = find(context, self._kind, path[self._name])
            return page_of_history(context, paging, self._kind.field, item.name)

        return self._operation(
            "GET",
            f"{self._one}/history",
            "list history",
            _signed(handler, _parameter("paging", Paging), *self._path()),
            summary=self._said(f"List the changes of one {self._kind.noun}, newest first"),
            reply=Page[ItemRevision],
        )

    # -- changing --------------------------------------------------------------------------------

    def _creating(self) -> Operation:
        def handler(context: Context, body: Any, **query: Any) -> Reply | Response:
            done = self._do(context, [Step("create", item=body)], query)
            if done.told is not None:
                return told_instead(done.told)
            item = context.management.index.of(self._kind).by_name[done.names[0]]
            location = self._base.replace("{team}", context.team or "")
            name = self._local(context, item)
            headers = {"Location": f"{location}/{in_path(name)}"}
            return Reply(_shown(item), version=item.version, headers=headers)

        return self._change(
            "POST",
            self._base,
            "create",
            handler,
            f"Add a {self._kind.noun}",
            named=False,
            status=201,
            body=self._kind.type,
            example=self._example_body(),
            reply=self._view,
            reply_example=self._example,
            idempotent=True,
            errors=(409,),
        )

    def _updating(self) -> Operation:
        def handler(context: Context, body: Any, **more: Any) -> Reply | Response:
            version = context.expected_number()
            step = Step("update", more[self._name], patch=body, version=version)
            return self._changed(context, step, more)

        field = self._kind.sortable[-1]
        given = {field: self._kind.example.get(field)} if field != "name" else {}
        return self._change(
            "PATCH",
            self._one,
            "update",
            handler,
            f"Change parts of a {self._kind.noun}",
            body=self._kind.type,
            example=given,
            reply=self._view,
            reply_example=self._example,
            versioned=True,
            patch=True,
        )

    def _replacing(self) -> Operation:
        def handler(context: Context, body: Any, **more: Any) -> Reply | Response:
            version = context.expected_number()
            step = Step("replace", more[self._name], item=body, version=version)
            return self._changed(context, step, more)

        return self._change(
            "PUT",
            self._one,
            "replace",
            handler,
            f"Replace a {self._kind.noun}",
            body=self._kind.type,
            example=self._example_body(),
            reply=self._view,
            reply_example=self._example,
            versioned=True,
        )

    def _deleting(self) -> Operation:
        def handler(context: Context, **more: Any) -> Response | None:
            version = context.expected_number()
            done = self._do(context, [Step("delete", more[self._name], version=version)], more)
            return None if done.told is None else told_instead(done.told)

        return self._change(
            "DELETE",
            self._one,
            "delete",
            handler,
            f"Remove a {self._kind.noun}",
            status=204,
            versioned=True,
            errors=(409, 422),
        )

    def _bulk(self) -> Operation:
        def handler(context: Context, body: Any, **query: Any) -> BulkReply | Response:
            steps = steps_of(body)
            done = self._do(context, steps, query, of_bulk=True)
            if done.told is not None:
                return told_instead(done.told)
            listing = context.management.index.of(self._kind)
            results = []
            for step, name in zip(steps, done.names, strict=True):
                item = None if step.action == "delete" else listing.by_name.get(name)
                tag = None if item is None else etag(item.version)
                results.append(BulkResult(step.action, name, tag))  # type: ignore[arg-type]
            return BulkReply(context.management.index.document()[0], results)

        example = {"items": [{"action": "create", "item": self._example_body()}]}
        return self._change(
            "POST",
            f"{self._base}/bulk",
            "change",
            handler,
            f"Change many {self._kind.plural} at once, all or none",
            named=False,
            body=BULKS[self._kind.field],
            example=example,
            reply=BulkReply,
            idempotent=True,
            errors=(404, 409, 412),
        )

    def _change(
        self, method: str, path: str, verb: str, handler: Handler, summary: str,
        *, named: bool = True, **more: Any,
    ) -> Operation:  # fmt: skip
        body = [_parameter("body", Any)] if "body" in more else []
        query = [_parameter("dry_run", DryRun, False), _parameter("message", Message, None)]
        replies: list[tuple[int, Any, str]] = [(200, Preview, JSON)]
        if not self._of_team:
            query.append(_parameter("draft", DraftName, None))
            replies.append((202, Staged, JSON))
        return self._operation(
            method,
            path,
            verb,
            _signed(handler, *body, *self._path(named=named), *query),
            summary=self._said(summary),
            more=tuple(replies),
            **more,
        )

    def _do(
        self, context: Context, steps: Sequence[Step], query: dict[str, Any], *,
        of_bulk: bool = False,
    ) -> Done:  # fmt: skip
        manner = Manner(query["dry_run"], query["message"], query.get("draft"))
        return Writing(context, self._kind).carry_out(steps, manner, of_bulk=of_bulk)

    def _changed(self, context: Context, step: Step, query: dict[str, Any]) -> Reply | Response:
        done = self._do(context, [step], query)
        if done.told is not None:
            return told_instead(done.told)
        item = context.management.index.of(self._kind).by_name.get(done.names[0])
        if item is None:  # removed since
            raise absent(self._kind, step.name)
        return Reply(_shown(item), version=item.version)

    def _path(self, *, named: bool = True) -> list[inspect.Parameter]:
        """The parameters of the path."""
        found = [_parameter("team", _TeamPath)] if self._of_team else []
        if named:
            found.append(_parameter(self._name, _TeamPath if self._name == "team" else _NamePath))
        return found

    def _local(self, context: Context, item: Item) -> str:
        return local(context.team, item.name) if self._kind.is_owned else item.name

    def _example_body(self) -> dict[str, Any]:
        example = dict(self._kind.example)
        if self._of_team:
            example.pop("team", None)
        return example


def find(context: Context, kind: Kind, name: str) -> Item:
    """The item of a path, if the caller sees it.

    Raises `ProblemError` (404).
    """
    index = context.management.index
    team = context.team if kind.is_owned else None
    item = index.of(kind).find(team, name)
    if item is None or not seen(context, kind, index, None)(item):
        raise absent(kind, name)
    return item


def _page_of(view: Any) -> Any:
    return Page[view]


def _shown(item: Item) -> dict[str, Any]:
    return shown(item.value, item.name, item.version)


def _matching(
    sees: Callable[[Item], bool], kind: Kind, team: str | None, filters: dict[str, Any]
) -> Callable[[Item], bool]:
    """A test of what is seen and fits the filters."""
    name = filters.get("name")
    wanted = [(field, filters[field]) for field in kind.filters if filters.get(field) is not None]
    if name is None and not wanted:
        return sees

    def fits(item: Item) -> bool:
        names = (item.name, local(team, item.name))
        if not sees(item) or (name and not any(one.startswith(name) for one in names)):
            return False
        return all(_has(getattr(item.value, field), value) for field, value in wanted)

    return fits


def _has(value: Any, wanted: str) -> bool:
    return wanted in value if isinstance(value, tuple) else str(value or "") == wanted


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> Any:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _signed(handler: Handler, *parameters: inspect.Parameter) -> Handler:
    """The handler with the parameters that FastAPI is to see; those without defaults first."""
    handler.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [_parameter("context", Context), *parameters]
    )
    return handler
