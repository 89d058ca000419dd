"""Secrets in bodies: sealed before they are stored, never shown again.

What the house's rules refuse to see in a file is what is sealed here: both ask
`configuration.rules.check_written`. Texts are told apart by their place, such as
`providers[openai].api_key`, to which what is sealed is bound.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from faregate.configuration import rules
from faregate.configuration.document import Document
from faregate.configuration.problems import Path, place
from faregate.configuration.references import VARIABLE, has_reference, is_sealed, plain
from faregate.control.problems import FieldError, ProblemError
from faregate.control.resources.views import HIDDEN
from faregate.core.errors import StorageError
from faregate.storage.secrets import SecretBox

_OWN_VARIABLES: Final = re.compile(r"FAREGATE_")
MAY_HOLD_SECRETS: Final = frozenset({"providers", "callers", "identity_providers", "settings"})

Seal = Callable[[str, str], str]


def texts(document: Document) -> dict[str, str]:
    """The texts with a reference, by their places."""
    tree = plain(document)
    return {place(tree, path): text for path, text in _walk(tree, ()) if has_reference(text)}


def sealed(document: Document, before: Mapping[str, str], box: SecretBox) -> Document:
    """`document` with secrets sealed, and what was there for placeholders.

    `before` has the texts that are in force, by their places. Raises `ProblemError` for what
    can't be opened here: a sealed value of another place, or one that is not there.
    """
    tree = plain(document)
    changed = False
    for path, text in _walk(tree, ()):
        if not has_reference(text):
            continue
        where = place(tree, path)
        if text == HIDDEN:
            if where not in before:
                raise _wrong(where, "no secret is kept here", "send the secret itself")
            _put(tree, path, before[where])
            changed = True
        elif is_sealed(text) and before.get(where) != text:
            _require_ours(box, text, where)
    for problem in rules.check_written(document):
        text = _get(tree, problem.path)
        in_clear = isinstance(text, str) and text and not has_reference(text)
        if in_clear and problem.path[0] in MAY_HOLD_SECRETS:
            where = place(tree, problem.path)
            kept = before.get(where, "")
            same = is_sealed(kept) and _opened(box, kept, where) == text
            _put(tree, problem.path, kept if same else box.seal(text, where))
            changed = True
    return msgspec.convert(tree, Document) if changed else document


def refuse_variables(document: Document, before: Mapping[str, str], *, of_team: bool) -> None:
    """Refuse new references to the server's environment that may not be made.

    It belongs to the organisation: with them a team could have its variables sent anywhere. And
    Faregate's own are nobody's. Raises `ProblemError`.
    """
    for where, text in texts(document).items():
        names = VARIABLE.findall(text)
        if not names or before.get(where) == text:
            continue
        if of_team:
            raise _wrong(
                where,
                "the environment of the server is the organisation's",
                "send the secret itself: it is kept sealed and never shown",
            )
        if any(map(_OWN_VARIABLES.match, names)):
            raise _wrong(where, "variables of Faregate itself can't be used", "name another")


def names_variables_anew(document: Document, before: Mapping[str, str]) -> bool:
    """Whether it refers to variables that it did not refer to before."""
    return any(
        VARIABLE.search(text) and before.get(where) != text
        for where, text in texts(document).items()
    )


def _require_ours(box: SecretBox, text: str, where: str) -> None:
    try:
        box.open(text, where)
    except StorageError as error:
        raise _wrong(where, error.message, "send the secret itself") from None


def _opened(box: SecretBox, text: str, where: str) -> str | None:
    try:
        return box.open(text, where)
    except StorageError:  # of another master key: it is replaced
        return None


def _wrong(where: str, message: str, fix: str) -> ProblemError:
    return ProblemError(
        422, "invalid", f"{where}: {message}.", errors=(FieldError(where, message, fix),), fix=fix
    )


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _walk(inner, (*path, name))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _walk(inner, (*path, at))


def _get(tree: Any, path: Path) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def _put(tree: Any, path: Path, text: str) -> None:
    _get(tree, path[:-1])[path[-1]] = text
