"""What is wrong with a configuration: where, what, and what to do."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Final, NoReturn

import msgspec

from faregate.core.errors import ConfigurationError

Path = tuple[str | int, ...]
_COMPARED_MAX: Final = 1_000
LABEL_FIELDS: Final = frozenset({"name", "model", "from_time", "above_input_tokens"})


class Problem(msgspec.Struct, frozen=True):
    """One mistake. `path` leads to it through fields and positions, from 0."""

    path: Path
    message: str
    fix: str | None = None


def place(tree: object, path: Path) -> str:
    """`path` as people write it: `providers[openai].base_url`.

    Items of a list go by their label where `tree`, made of dicts and lists, has one for them.
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            tree = tree[step] if isinstance(tree, list) and step < len(tree) else None
            text += f"[{label(tree) or step}]"
        elif text.endswith(".headers"):
            text += f"[{step}]"
        else:
            tree = tree.get(step) if isinstance(tree, dict) else None
            text += f".{step}" if text else step
    return text


def label(item: object) -> str | None:
    """What an item of a list goes by; None where that is its position.

    A price goes by its model and the moment that it begins at, a tier by where it begins.
    """
    if not isinstance(item, dict):
        return None
    if "above_input_tokens" in item:
        return f"above {item['above_input_tokens']}"
    name = item.get("name", item.get("model"))
    if not isinstance(name, str) or not name:
        return None
    begins = item.get("from_time")
    if isinstance(begins, dt.datetime):
        begins = begins.isoformat().replace("+00:00", "Z")
    return f"{name} from {begins}" if begins and "name" not in item else name


def nearest(wrong: str, right: Sequence[str]) -> str | None:
    """The one of `right` that was most likely meant.

    Of many only those that begin alike are compared, and only so many.
    """
    if len(right) > _COMPARED_MAX:
        begins = wrong[:2].lower()
        right = [name for name in right if name[:2].lower() == begins][:_COMPARED_MAX]
    exact = {name.lower().replace("-", "_"): name for name in right}
    same = exact.get(wrong.lower().replace("-", "_"))
    found = [same] if same else get_close_matches(wrong, right, n=1, cutoff=0.5)
    return found[0] if found else None


def twice(named: Iterable[tuple[Path, str]], what: str | None) -> Iterator[Problem]:
    """Names that come more than once.

    Without `what` the name is a secret, and not said.
    """
    seen: set[str] = set()
    for path, name in named:
        if name in seen:
            message = f"{what} {name!r} is already there" if what else "this key is there twice"
            yield Problem(path, message, "keep one of the two")
        seen.add(name)


def unknown(what: str, name: str, known: Sequence[str]) -> str:
    """That there is no `what` of this name, and which one may be meant."""
    meant = nearest(name, known)
    return f"there is no {what} {name!r}" + (f"; did you mean {meant!r}?" if meant else "")


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
