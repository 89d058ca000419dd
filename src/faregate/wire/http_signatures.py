"""HTTP Message Signatures: how a request says what of it is signed.

`read_signatures` reads the fields, `signature_base` writes the text that is signed, and
`body_digests` reads Content-Digest. Nothing is verified here. Only requests are meant, and of the
derived components those that a gate can know for sure.

Sources: RFC 9421 §2 (components), §2.5 (signature base), §4 (fields); RFC 9530 §2 (Content-Digest);
RFC 8941 §3 (structured fields).
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from faregate.wire.request_reader import RequestHead

COMPONENTS_MAX: Final = 64
_KEY: Final = re.compile(r"[a-z*][a-z0-9_.*-]*")
_STRING: Final = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_BYTES: Final = re.compile(r":([A-Za-z0-9+/=]*):")
_INTEGER: Final = re.compile(r"-?[0-9]{1,15}(?![0-9.])")
_TOKEN: Final = re.compile(r"[A-Za-z*][A-Za-z0-9:/!#$%&'*+.^_`|~-]*")
_DERIVED: Final = frozenset(
    ("@method", "@authority", "@scheme", "@target-uri", "@request-target", "@path", "@query")
)

Bare = str | int | bytes | bool


class SignatureFaultError(ValueError):
    """What keeps the fields from being read; the text is for people."""


class Signature(NamedTuple):
    """One signature of a request.

    `components` are names of fields and of derived components; `parameters` as sent; `covered` is
    the text of both, as it is signed.
    """

    label: str
    components: tuple[str, ...]
    parameters: dict[str, Bare]
    covered: str
    value: bytes


class _Reader:
    """Reads a structured field from its start."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def spaces(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1

    def take(self, characters: str) -> bool:
        if self.text.startswith(characters, self.at):
            self.at += len(characters)
            return True
        return False

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def key(self) -> str:
        found = self.match(_KEY)
        if found is None:
            raise SignatureFaultError("a name is missing where one must be")
        return found[0]

    def bare(self) -> Bare:
        if (string := self.match(_STRING)) is not None:
            return re.sub(r"\\(.)", r"\1", string[1])
        if (coded := self.match(_BYTES)) is not None:
            return _decoded(coded[1])
        if (number := self.match(_INTEGER)) is not None:
            return int(number[0])
        if (token := self.match(_TOKEN)) is not None:
            return token[0]
        if self.take("?1"):
            return True
        if self.take("?0"):
            return False
        raise SignatureFaultError("a value can't be read")

    def parameters(self) -> dict[str, Bare]:
        found: dict[str, Bare] = {}
        while self.take(";"):
            self.spaces()
            name = self.key()
            found[name] = self.bare() if self.take("=") else True
        return found

    def members(self) -> Iterator[str]:
        """The names of a dictionary's members; the caller reads each value."""
        self.spaces()
        while self.at < len(self.text):
            name = self.key()
            if not self.take("="):
                raise SignatureFaultError(f"the member {name} has no value")
            yield name
            self.spaces()
            if self.at == len(self.text):
                return
            if not self.take(","):
                raise SignatureFaultError("members are not separated by commas")
            self.spaces()
            if self.at == len(self.text):
                raise SignatureFaultError("there is a comma at the end")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SignatureFaultError("a byte sequence is not base64") from None


def _text(value: bytes) -> str:
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        raise SignatureFaultError("the field has letters beyond ASCII") from None


def read_signatures(fields: Mapping[bytes, bytes]) -> list[Signature]:
    """All signatures of a request; raises `SignatureFaultError`."""
    inputs = _inputs(_text(fields.get(b"signature-input", b"")))
    values = _values(_text(fields.get(b"signature", b"")))
    return [
        Signature(label, components, parameters, covered, values[label])
        for label, (components, parameters, covered) in inputs.items()
        if label in values
    ]


def _inputs(text: str) -> dict[str, tuple[tuple[str, ...], dict[str, Bare], str]]:
    reader = _Reader(text)
    found = {}
    for label in reader.members():
        begun = reader.at
        components = _components(reader)
        parameters = reader.parameters()
        found[label] = components, parameters, text[begun : reader.at]
    return found


def _components(reader: _Reader) -> tuple[str, ...]:
    if not reader.take("("):
        raise SignatureFaultError("the covered components are not in parentheses")
    found: list[str] = []
    reader.spaces()
    while not reader.take(")"):
        name = reader.match(_STRING)
        if name is None:
            raise SignatureFaultError("a covered component is not a string")
        if reader.parameters():
            raise SignatureFaultError(f"parameters of a component ({name[1]}) are not known here")
        if name[1] in found:
            raise SignatureFaultError(f"{name[1]} is covered twice")
        found.append(name[1])
        if len(found) > COMPONENTS_MAX:
            raise SignatureFaultError(f"more than {COMPONENTS_MAX} components are covered")
        reader.spaces()
    return tuple(found)


def _values(text: str) -> dict[str, bytes]:
    reader = _Reader(text)
    found = {}
    for label in reader.members():
        value = reader.bare()
        reader.parameters()
        if not isinstance(value, bytes):
            raise SignatureFaultError("a signature is not a byte sequence")
        found[label] = value
    return found


def signature_base(signature: Signature, head: RequestHead, scheme: str) -> bytes:
    """The text that is signed; `scheme` is "http" or "https".

    Raises `SignatureFaultError`.
    """
    lines = [f'"{name}": {_value(name, head, scheme)}' for name in signature.components]
    lines.append(f'"@signature-params": {signature.covered}')
    return "\n".join(lines).encode("latin-1")


def _value(name: str, head: RequestHead, scheme: str) -> str:
    if name.startswith("@"):
        if name not in _DERIVED:
            raise SignatureFaultError(f"{name} is not known here")
        return _derived(name, head, scheme)
    value = head.fields.get(name.encode("latin-1", "replace"))
    if value is None or name != name.lower():
        raise SignatureFaultError(f"the field {name} is covered and isn't there")
    return value.decode("latin-1").strip(" \t")


def _derived(name: str, head: RequestHead, scheme: str) -> str:
    path = head.path.decode("latin-1")
    query = "?" + head.query.decode("latin-1")
    target = path + (query if head.query else "")
    if name == "@method":
        return head.method.decode("latin-1")
    if name == "@path":
        return path or "/"
    if name == "@query":
        return query
    if name == "@request-target":
        return target
    if name == "@scheme":
        return scheme
    authority = head.fields.get(b"host", b"").decode("latin-1").lower()
    authority = authority.removesuffix(":443" if scheme == "https" else ":80")
    return authority if name == "@authority" else f"{scheme}://{authority}{target}"


def body_digests(value: bytes) -> dict[str, bytes]:
    """Digests of Content-Digest by algorithm; raises `SignatureFaultError`."""
    return _values(_text(value))
