"""A tree of YAML remembers where everything is written."""

import pytest

from faregate.configuration.yaml_tree import TEXT_CHARACTERS_MAX, YamlProblem, read_yaml

TEXT = """\
a: 1
b:
  - c: x
    d:
      e: y
  - 2
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("a",), 1),
        (("b",), 2),
        (("b", 0), 3),
        (("b", 0, "c"), 3),
        (("b", 0, "d"), 4),
        (("b", 0, "d", "e"), 5),
        (("b", 0, "d", "missing"), 4),
        (("b", 1), 6),
        (("b", 9), 2),
        (("missing", 1, "x"), 1),
    ],
)
def test_lines(path: tuple[str | int, ...], line: int) -> None:
    tree, problems = read_yaml(TEXT)
    assert problems == []
    assert tree.line_of(path) == line


def test_values() -> None:
    tree, _ = read_yaml(TEXT)
    assert tree.bare() == {"a": 1, "b": [{"c": "x", "d": {"e": "y"}}, 2]}


def test_refused_once_and_the_rest_read() -> None:
    tree, problems = read_yaml("a: 1\na: 2\nb: !x 3\n")
    assert [(line, problem.path) for line, problem in problems] == [(2, ("a",)), (3, ("b",))]
    assert tree.bare() == {"a": 1, "b": None}


def test_too_large() -> None:
    with pytest.raises(YamlProblem, match="larger than"):
        read_yaml("#" * (TEXT_CHARACTERS_MAX + 1))
