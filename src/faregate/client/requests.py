"""What is asked of the management API, as values; nothing here sends anything.

The functions of `faregate.client.operations` make requests, which say what comes back; `Client`
and `AsyncClient` send them.
"""

from typing import Any, Final, Generic, Literal, TypeVar
from urllib.parse import quote

import msgspec

T = TypeVar("T")
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
ANY_VERSION: Final = "*"


class Request(msgspec.Struct, Generic[T], frozen=True):
    """One request, and the type of its reply.

    `version` is what was seen of the thing to be changed, as `Answer.version` gave it. `repeatable`
    says that the API takes an Idempotency-Key for it, so that it may be sent again.
    """

    method: Method
    path: str
    reply: Any
    query: dict[str, Any] = {}
    body: Any = msgspec.UNSET
    media_type: str = JSON
    version: str | None = None
    repeatable: bool = False

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


def place(template: str, *, team: str | None = None, **values: str | int) -> str:
    """A path with its values; of a team's thing where `team` is given."""
    if team is not None and "{team}" not in template:
        template = template.replace("/v1/", "/v1/teams/{team}/", 1)
    if team is not None:
        values["team"] = team
    return template.format_map({name: quote(str(one), safe="") for name, one in values.items()})


def asked(**query: Any) -> dict[str, Any]:
    """The parameters of a query that were given, as they are written in an address."""
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
