"""YAML text as a tree that remembers its lines, read strictly.

Refused here: several documents, a field twice in one mapping, field names that are not text,
tags, and trees that are too deep or (by aliases) too large.
"""

import datetime as dt
from typing import Any, Final

import msgspec
import yaml  # type: ignore[import-untyped]

from faregate.configuration.problems import Path, Problem

TEXT_CHARACTERS_MAX: Final = 8 * 1024 * 1024
_NODES_MAX: Final = 1_000_000  # a file of 8 MiB has fewer; more comes from aliases of aliases
_DEPTH_MAX: Final = 32
_TAG: Final = "tag:yaml.org,2002:"
_NUMBER_TAGS: Final = frozenset({f"{_TAG}int", f"{_TAG}float"})

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Scalar = str | int | float | bool | dt.datetime | dt.date | bytes | None


class Located(msgspec.Struct, frozen=True):
    """A value and the line, from 1, where it is written.

    `value` is a scalar, a list of `Located`, or a dict of them; `field_lines` has the lines of a
    dict's fields; `text` is a number as it is written, for what a float can't say.
    """

    value: Any
    line: int
    field_lines: dict[str, int] = {}
    text: str | None = None

    def line_of(self, path: Path) -> int:
        """The line of what `path` leads to, or of the last step that is written."""
        at, line = self, self.line
        for step in path:
            inner = at.value
            if isinstance(inner, dict) and step in inner:
                line, at = at.field_lines[str(step)], inner[step]
            elif isinstance(inner, list) and isinstance(step, int) and step < len(inner):
                at = inner[step]
                line = at.line
            else:
                break
        return line

    def bare(self) -> Any:
        """The value without lines."""
        if isinstance(self.value, dict):
            return {name: inner.bare() for name, inner in self.value.items()}
        if isinstance(self.value, list):
            return [inner.bare() for inner in self.value]
        return self.value


class YamlProblem(Exception):  # noqa: N818 - carries a Problem, and its line
    """The text is not YAML as it is read here."""

    def __init__(self, message: str, line: int | None = None, fix: str | None = None) -> None:
        super().__init__(message)
        self.problem = Problem((), message, fix)
        self.line = line


class _Reader:
    """Turns composed nodes into `Located`; collects what it refuses."""

    def __init__(self) -> None:
        self.problems: list[tuple[int, Problem]] = []
        self._constructor: Any = yaml.constructor.SafeConstructor()
        self._nodes = 0

    def read(self, node: yaml.Node, path: Path) -> Located:
        line = node.start_mark.line + 1
        self._nodes += 1
        if len(path) > _DEPTH_MAX:
            raise YamlProblem("the file is nested too deeply", line)
        if self._nodes > _NODES_MAX:
            raise YamlProblem("the file is too large, or its aliases make it so", line)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, line)
        if isinstance(node, yaml.SequenceNode):
            return Located(
                [self.read(inner, (*path, at)) for at, inner in enumerate(node.value)], line
            )
        text = node.value.replace("_", "") if node.tag in _NUMBER_TAGS else None
        return Located(self._scalar(node, path, line), line, text=text)

    def _mapping(self, node: yaml.MappingNode, path: Path, line: int) -> Located:
        fields: dict[str, Located] = {}
        lines: dict[str, int] = {}
        for key, inner in node.value:
            key_line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._refuse(key_line, path, "a field's name must be a text")
                continue
            name = key.value
            if name in fields:
                self._refuse(
                    key_line,
                    (*path, name),
                    f"this field is written twice, first in line {lines[name]}",
                    "keep one of the two",
                )
                continue
            lines[name] = key_line
            fields[name] = self.read(inner, (*path, name))
        return Located(fields, line, lines)

    def _scalar(self, node: yaml.Node, path: Path, line: int) -> Scalar:
        if node.tag == f"{_TAG}str":
            return str(node.value)
        if node.tag.startswith(_TAG):
            try:
                value: Scalar = self._constructor.construct_object(node)
            except (yaml.YAMLError, ValueError, OverflowError):
                self._refuse(line, path, f"{node.value!r} can't be read as a value")
                return None
            return value
        self._refuse(line, path, f"the tag {node.tag} is not known", "leave the tag out")
        return None

    def _refuse(self, line: int, path: Path, message: str, fix: str | None = None) -> None:
        self.problems.append((line, Problem(path, message, fix)))


def read_yaml(text: str) -> tuple[Located, list[tuple[int, Problem]]]:
    """The tree of `text`, and what was refused on the way, with lines.

    Raises `YamlProblem` where there is no tree at all.
    """
    if len(text) > TEXT_CHARACTERS_MAX:
        raise YamlProblem(f"the file is larger than {TEXT_CHARACTERS_MAX:,} characters")
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlProblem(
            f"this is not YAML: {error.problem or error.context}", mark.line + 1 if mark else None
        ) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlProblem(f"a character that YAML doesn't allow: {error.reason}", line) from error
    except RecursionError as error:
        raise YamlProblem("the file is nested too deeply") from error
    finally:
        if loader is not None:
            loader.dispose()
    if node is None:
        return Located({}, 1), []
    reader = _Reader()
    tree = reader.read(node, ())
    return tree, reader.problems
