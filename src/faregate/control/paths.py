"""Names in paths: an encoded slash is a part of its name.

Servers decode a path before it is taken apart, and then /v1/models/openai%2Fgpt-5 would be a path
of four parts. `WholeNames` leaves such slashes encoded until the parts are known.
"""

import re
from typing import Final
from urllib.parse import quote, unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

_KEPT: Final = "%2F"
_ENCODED_SLASH: Final = re.compile(r"%2F", re.IGNORECASE)
_PARAMETER: Final = re.compile(r"\{(\w+)(:path)?\}")


class WholeNames:
    """Keeps encoded slashes of the path encoded, for `Name` to decode."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        raw = scope.get("raw_path")
        if raw and _ENCODED_SLASH.search(text := raw.decode("latin-1")):
            scope = {**scope, "path": unquote(_ENCODED_SLASH.sub(quote(_KEPT), text))}
        await self._app(scope, receive, send)


class Name(Convertor[str]):
    """One part of a path."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        """The name that was meant."""
        return value.replace(_KEPT, "/")

    def to_string(self, value: str) -> str:
        """As it stands in a path."""
        return quote(value, safe="")


class Names(Name):
    """All the parts that are left."""

    regex = ".+"


register_url_convertor("faregate_name", Name())
register_url_convertor("faregate_names", Names())


def routed(path: str) -> str:
    """An operation's path as it is routed: its parameters are names."""
    return _PARAMETER.sub(
        lambda found: f"{{{found[1]}:faregate_name{'s' if found[2] else ''}}}", path
    )


def in_path(name: str) -> str:
    """A name as a part of a path."""
    return quote(name, safe="@:+")
