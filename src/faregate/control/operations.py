"""Declares the operations of the management API.

Each operation says who may call it, what it takes and what it gives; the OpenAPI document, the
checks before a handler runs, and the tests over all operations come from that. Handlers are plain
functions; they run in threads. A parameter `context` is who asks; `body` is the decoded body, by
its annotation, a msgspec type; `paging` is what a list is asked for; all others are FastAPI's.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_type_hints

import msgspec

from faregate.identity.permissions import PERMISSIONS

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
SELF: Final = "self"
Handler = Callable[..., Any]


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    `permission` is a name of `PERMISSIONS`; "self" lets anybody who is logged in act on what is
    their own; None needs no login. It is held in the team of the path, else in the organisation;
    with `across`, it is enough to hold it in any team, and the handler gives what is theirs
    (`Context.teams`). With `versioned`, If-Match is required. `errors` are statuses beside those
    that every operation has. `takes_any_query`: parameters that nobody declared are no mistake.
    `reply` None means no body. `media_type` None means JSON. `more` are
    other good replies, as `(status, type, media type)`; a type of None is plain text.
    """

    method: Method
    path: str
    handler: Handler
    permission: str | None
    summary: str
    tag: str
    body: Any = None
    reply: Any = None
    status: int = 200
    errors: tuple[int, ...] = ()
    across: bool = False
    versioned: bool = False
    idempotent: bool = False
    patch: bool = False
    media_type: str | None = None
    example: Any = None
    name: str | None = None
    reply_example: Any = None
    with_temporary_password: bool = False
    takes_any_query: bool = False
    more: tuple[tuple[int, Any, str], ...] = ()

    @property
    def id(self) -> str:
        """As clients name it: list_team_applications."""
        return self.name or self.handler.__name__

    @property
    def is_of_team(self) -> bool:
        """Whether its path names a team, whose tenant it is bound to."""
        return "{team}" in self.path


@dataclass
class Routes:
    """The operations of one kind of thing; `tag` is their heading."""

    tag: str
    operations: list[Operation] = field(default_factory=list)

    def get(self, path: str, permission: str | None, **more: Any) -> Callable[[Handler], Handler]:
        """An operation that reads."""
        return self._declare("GET", path, permission, more)

    def post(self, path: str, permission: str | None, **more: Any) -> Callable[[Handler], Handler]:
        """An operation that makes something, or does something."""
        return self._declare("POST", path, permission, more)

    def put(self, path: str, permission: str | None, **more: Any) -> Callable[[Handler], Handler]:
        """An operation that replaces."""
        return self._declare("PUT", path, permission, more)

    def patch(self, path: str, permission: str | None, **more: Any) -> Callable[[Handler], Handler]:
        """An operation that changes parts, by a merge patch of `patches`."""
        return self._declare("PATCH", path, permission, more)

    def delete(
        self, path: str, permission: str | None, **more: Any
    ) -> Callable[[Handler], Handler]:
        """An operation that removes."""
        return self._declare("DELETE", path, permission, {"status": 204, **more})

    def both(
        self, method: Method, path: str, permission: str, **more: Any
    ) -> Callable[[Handler], Handler]:
        """An operation across the teams that one sees, and in one team.

        `list_calls` at /v1/calls, and `list_team_calls` at /v1/teams/{team}/calls; the handler's
        `team` is a filter in the first, the tenant in the second.
        """

        def declare(handler: Handler) -> Handler:
            verb, _, rest = handler.__name__.partition("_")
            self._declare(method, path, permission, {"across": True, **more})(handler)
            in_team = path.replace("/v1/", "/v1/teams/{team}/", 1)
            self._declare(method, in_team, permission, {"name": f"{verb}_team_{rest}", **more})(
                handler
            )
            return handler

        return declare

    def add(self, operation: Operation) -> None:
        """Add an operation that was made by hand."""
        if operation.permission not in (None, SELF, *PERMISSIONS):
            raise ValueError(f"{operation.id}: there is no permission {operation.permission!r}")
        self.operations.append(operation)

    def _declare(
        self, method: Method, path: str, permission: str | None, more: dict[str, Any]
    ) -> Callable[[Handler], Handler]:
        def declare(handler: Handler) -> Handler:
            hints = get_type_hints(handler, include_extras=True)
            summary = (inspect.getdoc(handler) or "").partition("\n")[0]
            self.add(
                Operation(
                    method=method,
                    path=path,
                    handler=handler,
                    permission=permission,
                    tag=self.tag,
                    **{"summary": summary, "body": hints.get("body"), **more},
                )
            )
            return handler

        return declare


@dataclass(frozen=True)
class Reply:
    """What a handler gives beside a bare value: status, version, fields."""

    value: Any = None
    status: int | None = None
    version: int | str | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Nothing(msgspec.Struct, frozen=True):
    """An empty object."""
