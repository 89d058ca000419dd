"""Addresses of a document: what keeps one from being used.

Reasons never repeat an address, which may hold a password.
"""

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from faregate.configuration.references import SEALED, VARIABLE

HOST: Final = re.compile(r"[A-Za-z0-9._:%-]+\Z")
_PASSWORD: Final = re.compile(r"//[^/?#:]*:[^/?#]+@|//[^:]*:.+@|[?&](?:ssl)?password=[^&]", re.I)
_UNREADABLE: Final = "its host or port can't be read"


def bad_api_url(url: str, *, proxy: bool = False) -> str | None:
    """What keeps `url` from being an address to connect to."""
    if any(character <= " " or character >= "\x7f" for character in url):
        return "it has spaces, control characters or letters beyond ASCII"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return _UNREADABLE
    if parts.scheme not in {"http", "https"}:
        return "it must begin with https:// or http://"
    if not parts.hostname or not HOST.match(parts.hostname) or port == 0:
        return _UNREADABLE
    if (parts.username is not None or parts.password is not None) and not proxy:
        return "it has a user or a password"
    if "?" in url or "#" in url or (proxy and parts.path not in {"", "/"}):
        return "it has more than a path" if not proxy else "it has more than a host and a port"
    return None


def bad_page_url(url: str) -> str | None:
    """What keeps `url` from being the address of a page for people."""
    return bad_api_url(re.split(r"[?#]", url, maxsplit=1)[0]) or (
        None if url.isascii() and url.isprintable() and " " not in url else "it has spaces"
    )


def bad_store_url(url: str, schemes: Collection[str]) -> str | None:
    """What keeps `url` from being the address of a store of one of `schemes`."""
    if not url.isprintable() or " " in url:
        return "it has spaces or control characters"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return _UNREADABLE
    if parts.scheme not in schemes or "://" not in url:
        return f"it must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    if parts.scheme == "unix" and not parts.path:
        return "it names no socket"
    if parts.scheme.startswith("redis") and not parts.hostname:
        return "it names no host"
    return _UNREADABLE if port == 0 else None


def holds_password(url: str) -> bool:
    """Whether a password, rather than a reference to one, is in `url`."""
    return _PASSWORD.search(SEALED.sub("", VARIABLE.sub("", url))) is not None
