"""FIELD=VALUE: parts of the configuration, as commands change them.

A part is changed as its YAML, and read again by the code that reads faregate.yaml: the same types,
the same mistakes in the same words. No I/O.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, NoReturn

from faregate.configuration import rules
from faregate.configuration.document import Document
from faregate.configuration.export import export
from faregate.configuration.problems import Path, label, nearest, place, raise_all
from faregate.configuration.references import VARIABLE, map_texts, plain
from faregate.configuration.shape import convert
from faregate.configuration.yaml_tree import Located, YamlProblem, read_yaml
from faregate.core.errors import FaregateError

_STEP: Final = re.compile(r"(?:^|\.)([^.\[\]=]+)|\[([^\[\]]+)\]")
EMPTY: Final = Located({}, 1)

Steps = tuple[str, ...]


class Assignment(NamedTuple):
    """A value for the field that `path` leads to; None is its default."""

    path: Steps
    value: Located | None


def read_path(text: str) -> Steps:
    """`settings.models`, or `targets[gpt-5].weight`, as its steps."""
    steps, end = [], 0
    while found := _STEP.match(text, end):
        steps.append(found[1] or found[2])
        end = found.end()
    if end != len(text) or not steps:
        raise FaregateError(
            f"{text!r} is no field", fix="write it as max, settings.models or targets[NAME].weight"
        )
    return tuple(steps)


def read_assignment(text: str) -> Assignment:
    """`max=10` as field and value, which is YAML; none: the default."""
    field, sign, value = text.partition("=")
    if not sign:
        raise FaregateError(
            f"{text!r} has no value", fix=f"write {text}=VALUE, or {text}= for none"
        )
    path = read_path(field.strip())
    read = read_value(value, f"the value of {field}") if value.strip() else None
    return Assignment(path, None if read is None or read.value is None else read)


def read_value(text: str, what: str) -> Located:
    """A text of YAML; `what` says where it is from."""
    try:
        tree, problems = read_yaml(text)
    except YamlProblem as error:
        _unreadable(what, error.problem.message)
    if problems:
        _unreadable(what, problems[0][1].message)
    return tree


def _unreadable(what: str, message: str) -> NoReturn:
    raise FaregateError(f"{what}: {message}", fix="put a text with such characters in quotes")


def part_of(document: Document, kind: str, *, is_list: bool) -> Located:
    """The only item of its kind, or the only part, as it stands in a file."""
    tree: Located = read_yaml(export(document))[0].value.get(kind, EMPTY)
    if not is_list:
        return tree
    item: Located = tree.value[0]
    return item


def read_part(tree: Located, kind: str, *, is_list: bool) -> Document:
    """A document of this alone; raises `ConfigurationError` for all wrong."""
    part = Located([tree], 1) if is_list else tree
    whole = Located({kind: part}, 1, {kind: 1})
    document, problems = convert(whole)
    if document is not None:
        problems = rules.check_written(document)
    if problems or document is None:
        raise_all(problems, whole.bare())
    return document


def assigned(tree: Located, assignments: Iterable[Assignment]) -> Located:
    """The tree with values in their places; raises `FaregateError`."""
    for one in assignments:
        tree = _put(tree, one.path, one.value, "")
    return tree


def _put(at: Located, path: Steps, value: Located | None, here: str) -> Located:
    step, rest = path[0], path[1:]
    if isinstance(at.value, list):
        return _put_in_list(at, path, value, here)
    if not isinstance(at.value, (dict, type(None))):
        raise FaregateError(f"{here} is one value, and has no {step!r}", fix=f"write {here}=VALUE")
    fields = dict(at.value or {})
    if value is None and step not in fields:
        return at
    if rest:
        inside = f"{here}.{step}" if here else step
        fields[step] = _put(fields.get(step, EMPTY), rest, value, inside)
    elif value is None:
        del fields[step]
    else:
        fields[step] = value
    return Located(fields, at.line, dict.fromkeys(fields, at.line))


def _put_in_list(at: Located, path: Steps, value: Located | None, here: str) -> Located:
    step, rest = path[0], path[1:]
    labels = [label(one.bare()) or str(number) for number, one in enumerate(at.value)]
    if step not in labels:
        meant = nearest(step, labels)
        raise FaregateError(
            f"{here} has no {step!r}" + (f"; did you mean {meant!r}?" if meant else ""),
            fix=f"write the whole list: {here}=[...]",
        )
    number = labels.index(step)
    if rest:
        between = [_put(at.value[number], rest, value, f"{here}[{step}]")]
    else:
        between = [] if value is None else [value]
    return Located([*at.value[:number], *between, *at.value[number + 1 :]], at.line)


def renewed_places(document: Document, said: Sequence[Steps], *, is_list: bool) -> frozenset[str]:
    """Where variables stand in what was said; they are read anew.

    `document` has the part alone; the empty path says all of it.
    """
    tree = plain(document)
    found: set[str] = set()

    def note(path: Path, text: str) -> str:
        steps = _labels(tree, path)[2 if is_list else 1 :]
        if VARIABLE.search(text) and any(steps[: len(one)] == one for one in said):
            found.add(place(tree, path))
        return text

    map_texts(document, note)
    return frozenset(found)


def _labels(tree: Any, path: Path) -> Steps:
    """The path with the labels of items instead of their positions."""
    steps = []
    for step in path:
        tree = tree[step]
        steps.append(label(tree) or str(step) if isinstance(step, int) else step)
    return tuple(steps)
