"""What is asked of the management API, as values.

Nothing here sends anything.

The functions of `faregate.client.operations` make requests, which say what comes back; `Client`
and `AsyncClient` send them.
"""

from typing import Any, Final, Generic, Literal, TypeVar
from urllib.parse import quote

import msgspec

from faregate.configuration.difference import Change
from faregate.core.errors import MissingError

T = TypeVar("T")
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
ANY_VERSION: Final = "*"


class Request(msgspec.Struct, Generic[T], frozen=True):
    """One request, and the type of its reply.

    `version` is what was seen of the thing to be changed, as `Answer.version` gave it. `repeatable`
    says that the API takes an Idempotency-Key for it, so that it may be sent again; `may_wait`,
    that it may be tried out with `preview`, and staged with `stage`.
    """

    method: Method
    path: str
    reply: Any
    query: dict[str, Any] = {}
    body: Any = msgspec.UNSET
    media_type: str = JSON
    version: str | None = None
    repeatable: bool = False
    may_wait: bool = False

    @property
    def may_repeat(self) -> bool:
        """Whether sending it twice does no more than sending it once."""
        return self.method == "GET" or self.repeatable


class Answer(msgspec.Struct, Generic[T], frozen=True):
    """A reply with its version, which a change of the same thing names."""

    value: T
    version: str | None = None
    status: int = 200


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A part of a list; `next_cursor` is None at its end."""

    items: list[T]
    next_cursor: str | None = None


class Preview(msgspec.Struct, frozen=True):
    """What a change would do to the revision in force; nothing was changed."""

    dry_run: bool
    revision: int
    changes: list[Change]


class Staged(msgspec.Struct, frozen=True):
    """A change was staged in a draft, and is not in force."""

    draft: str
    staged: int


def preview(request: Request[Any]) -> Request[Preview]:
    """A dry run of a change. Raises `ValueError` for what has none."""
    return _instead(request, Preview, dry_run="true")


def stage(request: Request[Any], draft: str = "shared") -> Request[Staged]:
    """A change that waits in a draft.

    Raises `ValueError` for what can't wait.
    """
    return _instead(request, Staged, draft=draft)


def _instead(request: Request[Any], reply: Any, **query: str) -> Request[Any]:
    if not request.may_wait:
        raise ValueError(f"{request.method} {request.path} can't be tried out or staged")
    return msgspec.structs.replace(request, reply=reply, query={**request.query, **query})


def place(template: str, *, team: str | None = None, **values: str | int) -> str:
    """A path with its values; of a team's thing where `team` is given.

    Raises `MissingError` for an empty value: it would be the path of something else.
    """
    if team is not None and "{team}" not in template:
        template = template.replace("/v1/", "/v1/teams/{team}/", 1)
    if team is not None:
        values["team"] = team
    return template.format_map({name: _part(name, str(one)) for name, one in values.items()})


def _part(name: str, value: str) -> str:
    if not value:
        raise MissingError(f"there is no {name.removesuffix('_id')} ''", fix="name one")
    if value in (".", ".."):  # steps of a path, unless they are encoded
        return value.replace(".", "%2E")
    return quote(value, safe="")


def asked(**query: Any) -> dict[str, Any]:
    """The parameters of a query that were given, as an address has them."""
    return {name: _written(value) for name, value in query.items() if value is not None}


def _written(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return [_written(one) for one in value]
    return str(msgspec.to_builtins(value))


def at_cursor(request: Request[T], cursor: str) -> Request[T]:
    """The same list, from the page that begins at `cursor`."""
    return msgspec.structs.replace(request, query={**request.query, "cursor": cursor})
