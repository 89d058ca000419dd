"""What an exception holds of the reply that it was raised for.

By the names of attributes that SDKs and HTTP libraries use, so that none of them is imported:
OpenAI, Anthropic, Google, Mistral, Cohere, Ollama, httpx, requests, and wrappers of them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

_DEPTH_MAX: Final = 16  # of causes and groups
_CODE_AT_END: Final = re.compile(r"\(([a-z_]+)\)\s*$")
_RESPONSES: Final = ("response", "raw_response", "http_response")
_BODIES: Final = ("body", "details", "response_json", "error")


class Evidence(msgspec.Struct, frozen=True):
    """A body as a tree, if it is one, or as a text; and what came with it."""

    tree: Any
    status: int | None
    headers: Mapping[str, str]

    def texts(self) -> Iterator[tuple[str, str]]:
        """Codes and the messages that they stand beside."""
        tree = self.tree
        if isinstance(tree, str) and (found := _CODE_AT_END.search(tree)):
            yield found[1], tree
        if not isinstance(tree, Mapping):
            return
        for place in (tree, tree.get("error")):
            if isinstance(place, Mapping):
                code, text = place.get("code"), place.get("message")
                if isinstance(code, str) and isinstance(text, str):
                    yield code, text
            elif isinstance(place, str) and (found := _CODE_AT_END.search(place)):
                yield found[1], place

    def call_id(self) -> str | None:
        """The id of the call, where the reply named it."""
        for name, value in self.headers.items():
            if name.lower() == "faregate-call-id":
                return value
        return None


def parsed(body: Any) -> Any:
    """A body as a tree; what is no JSON stays a text."""
    if not isinstance(body, (bytes, bytearray, str)):
        return body
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body if isinstance(body, str) else bytes(body).decode("utf-8", "replace")


def chain(error: BaseException) -> Iterator[BaseException]:
    """An exception, its causes and the members of groups; the nearest first."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting and len(seen) < _DEPTH_MAX:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [next_ for next_ in (one.__cause__, one.__context__) if next_ is not None]
        members = getattr(one, "exceptions", ())
        if isinstance(members, (tuple, list)):
            waiting += [member for member in members if isinstance(member, BaseException)]


def evidence_of(error: BaseException) -> Iterator[Evidence]:
    """What an exception and all behind it hold."""
    for one in chain(error):
        yield from _held(one)


def _held(error: BaseException) -> Iterator[Evidence]:
    status = _status(error)
    headers = _headers(error)
    for name in _RESPONSES:
        response = getattr(error, name, None)
        if response is None:
            continue
        content = _content(response)
        headers = _headers(response) or headers
        status = _status(response) or status
        if content is not None:
            yield Evidence(parsed(content), status, headers)
    for name in _BODIES:
        body = getattr(error, name, None)
        if body is not None:
            yield Evidence(parsed(body), status, headers)
    yield Evidence(str(error), status, headers)


def _content(response: Any) -> bytes | str | None:
    """The body, where it was read already: reading it here might wait, or take it from others."""
    for name in ("content", "text"):
        try:
            content = getattr(response, name, None)
        except Exception:  # noqa: S112 - each library has its own for what was not read
            continue
        if isinstance(content, (bytes, str)):
            return content
    return None


def _status(place: Any) -> int | None:
    for name in ("status_code", "status", "code", "http_status"):
        value = getattr(place, name, None)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def _headers(place: Any) -> Mapping[str, str]:
    headers = getattr(place, "headers", None)
    try:
        return dict(headers.items()) if headers is not None else {}
    except (AttributeError, TypeError):
        return {}
