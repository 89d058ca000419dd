"""References in texts: `${env:NAME}` and `${sealed:...}`.

A document as written holds references; a clear one holds what they stand for. Any text may name
variables of the environment. A sealed value always is the whole text.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from faregate.configuration.amounts import amount_text
from faregate.configuration.document import Document
from faregate.configuration.problems import Path, Problem

VARIABLE: Final = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
SEALED: Final = re.compile(r"\$\{sealed:v1:[A-Za-z0-9_-]+\}")
_ANY: Final = re.compile(r"\$\{[^}]*\}?")


def is_reference(text: str) -> bool:
    """Whether `text` is one reference and nothing else."""
    return bool(VARIABLE.fullmatch(text) or SEALED.fullmatch(text))


def only_variables(text: str) -> bool:
    """Whether nothing but variables, with colons between them, is in `text`.

    Credentials of several parts are written so: access key id, secret and session token.
    """
    return bool(VARIABLE.search(text)) and not VARIABLE.sub("", text).strip(":")


def has_reference(text: str) -> bool:
    """Whether `text` holds a reference."""
    return "${" in text


def is_sealed(text: str) -> bool:
    """Whether `text` is a sealed value."""
    return SEALED.fullmatch(text) is not None


def plain(document: Document) -> dict[str, Any]:
    """`document` as dicts, lists and texts; amounts as short texts."""
    tree: dict[str, Any] = bare(msgspec.to_builtins(document, builtin_types=(Decimal,)))
    return tree


def bare(value: Any) -> Any:
    """A plain tree with amounts as short texts."""
    if isinstance(value, dict):
        return {name: bare(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [bare(inner) for inner in value]
    return amount_text(value) if isinstance(value, Decimal) else value


def map_texts(document: Document, change: Callable[[Path, str], str]) -> Document:
    """`document` with every text that holds a reference changed."""

    def walk(value: object, path: Path) -> object:
        if isinstance(value, str):
            return change(path, value) if "${" in value else value
        if isinstance(value, dict):
            return {name: walk(inner, (*path, name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [walk(inner, (*path, at)) for at, inner in enumerate(value)]
        return value

    return msgspec.convert(walk(plain(document), ()), Document)


def expand(
    document: Document,
    environment: Mapping[str, str],
    known: Callable[[Path, str], str | None] = lambda _path, _text: None,
) -> tuple[Document, list[Problem]]:
    """`document` with variables replaced, and what could not be.

    Where `known` has the value of a text, it is taken. Sealed values stay as they are otherwise.
    """
    problems: list[Problem] = []

    def change(path: Path, text: str) -> str:
        value = known(path, text)
        if value is not None or is_sealed(text):
            return text if value is None else value
        problems.extend(
            _bad_reference(path, reference, text)
            for reference in _ANY.findall(text)
            if not VARIABLE.fullmatch(reference)
        )
        problems.extend(
            _bad_variable(path, name, environment)
            for name in VARIABLE.findall(text)
            if not environment.get(name)
        )
        return VARIABLE.sub(lambda found: environment.get(found[1], ""), text)

    return map_texts(document, change), problems


def _bad_reference(path: Path, reference: str, text: str) -> Problem:
    if reference.startswith("${sealed"):
        message = "a sealed value must be complete and the whole text"
    else:
        name = reference[: reference.find(":") + 1] + "..." if ":" in reference else reference
        message = (
            f"the reference {name} is not known"
            if reference == text
            else (f"the reference {name} inside this text is not known")
        )
    return Problem(path, message, "write ${env:NAME} for the environment variable NAME")


def _bad_variable(path: Path, name: str, environment: Mapping[str, str]) -> Problem:
    state = "empty" if name in environment else "not set"
    return Problem(
        path, f"the environment variable {name} is {state}", f"export {name}=... and try again"
    )
