"""What is wrong with a configuration: where, what, and what to do."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import NoReturn

import msgspec

from faregate.core.errors import ConfigurationError

Path = tuple[str | int, ...]


class Problem(msgspec.Struct, frozen=True):
    """One mistake. `path` leads to it through fields and positions, from 0."""

    path: Path
    message: str
    fix: str | None = None


def place(tree: object, path: Path) -> str:
    """`path` as people write it: `providers[openai].base_url`.

    Items of a list go by their name where `tree`, made of dicts and lists, has one for them.
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            tree = tree[step] if isinstance(tree, list) and step < len(tree) else None
            name = tree.get("name") if isinstance(tree, dict) else None
            text += f"[{name}]" if isinstance(name, str) and name else f"[{step}]"
        elif text.endswith(".headers"):
            text += f"[{step}]"
        else:
            tree = tree.get(step) if isinstance(tree, dict) else None
            text += f".{step}" if text else step
    return text


def nearest(wrong: str, right: Sequence[str]) -> str | None:
    """The one of `right` that was most likely meant."""
    exact = {name.lower().replace("-", "_"): name for name in right}
    same = exact.get(wrong.lower().replace("-", "_"))
    found = [same] if same else get_close_matches(wrong, right, n=1, cutoff=0.5)
    return found[0] if found else None


def raise_all(
    problems: Sequence[Problem],
    tree: object,
    *,
    file: str | None = None,
    line_of: Callable[[Path], int] | None = None,
) -> NoReturn:
    """Raise one error that says all `problems`, in the order of the file."""
    errors = [
        ConfigurationError(
            f"{where}: {problem.message}"
            if (where := place(tree, problem.path))
            else problem.message,
            fix=problem.fix,
            file=file,
            line=line_of(problem.path) if line_of else None,
        )
        for problem in problems
    ]
    errors.sort(key=lambda error: error.line or 0)
    first = errors[0]
    raise ConfigurationError(
        first.message, fix=first.fix, file=first.file, line=first.line, others=tuple(errors[1:])
    )
