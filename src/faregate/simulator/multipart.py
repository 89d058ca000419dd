"""Forms of multipart/form-data, as uploads send them.

Source: RFC 7578.
"""

import re
from typing import Final, NamedTuple

from faregate.simulator.errors import RefusedError

PARTS_MAX: Final = 1_000

_BOUNDARY: Final = re.compile(r'boundary="?([^";]{1,70})"?', re.IGNORECASE)
_NAME: Final = re.compile(r'[; ]name="?([^";]*)"?', re.IGNORECASE)
_FILENAME: Final = re.compile(r'filename="?([^";]*)"?', re.IGNORECASE)


class Part(NamedTuple):
    """One field; a file has a name of its own."""

    name: str
    content: bytes
    filename: str | None = None


class Form:
    """The fields of a form."""

    def __init__(self, content_type: str, body: bytes) -> None:
        self._parts = list(_parts(content_type, body))

    def text(self, name: str, default: str = "") -> str:
        """The first field of that name."""
        found = next((part for part in self._parts if part.name == name), None)
        return default if found is None else found.content.decode()

    def texts(self, name: str) -> list[str]:
        """All fields of that name, also with [] behind it."""
        return [p.content.decode() for p in self._parts if p.name in (name, f"{name}[]")]

    def files(self, name: str) -> list[Part]:
        """All files of that name, also with [] behind it."""
        return [
            part
            for part in self._parts
            if part.filename is not None and part.name in (name, f"{name}[]")
        ]

    def file(self, name: str) -> Part:
        """The one file of that name.

        Raises `RefusedError` where there is none.
        """
        found = self.files(name)
        if not found:
            words = f"Missing required parameter: '{name}'."
            raise RefusedError(words, param=name, code="missing_required_parameter")
        return found[0]


def _parts(content_type: str, body: bytes) -> list[Part]:
    boundary = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/form-data") or boundary is None:
        raise RefusedError("The request must be multipart/form-data with a boundary.")
    pieces = body.split(b"--" + boundary[1].encode())
    if len(pieces) > PARTS_MAX or not pieces[-1].startswith(b"--"):
        raise RefusedError("The form is cut off, or has too many parts.")
    found = []
    for piece in pieces[1:-1]:
        head, blank, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        shown = head.decode("utf-8", "replace")
        name = _NAME.search(shown)
        if not blank or name is None:
            raise RefusedError("A part of the form has no name.")
        filename = _FILENAME.search(shown)
        content = content.removesuffix(b"\r\n")
        found.append(Part(name[1], content, filename[1] if filename else None))
    return found
