"""A problem is told by its place in people's words, all of them in one error."""

import pytest

from faregate.configuration.problems import Problem, nearest, place, raise_all
from faregate.core.errors import ConfigurationError

TREE = {"providers": [{"name": "a", "headers": {"x.y": "1"}}, {"name": 5}]}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("settings", "gate", "port"), "settings.gate.port"),
        (("providers", 0, "base_url"), "providers[a].base_url"),
        (("providers", 0, "headers", "x.y"), "providers[a].headers[x.y]"),
        (("providers", 1, "name"), "providers[1].name"),
        (("providers", 7), "providers[7]"),
    ],
)
def test_place(path: tuple[str | int, ...], text: str) -> None:
    assert place(TREE, path) == text


def test_nearest() -> None:
    fields = ["base_url", "api_key", "name"]
    assert nearest("baseurl", fields) == "base_url"
    assert nearest("API-KEY", fields) == "api_key"
    assert nearest("zzzzzzzz", fields) is None
    assert nearest("x", []) is None


def test_all_in_one_error() -> None:
    problems = [Problem(("b",), "second", "f2"), Problem((), "first", "f1")]
    with pytest.raises(ConfigurationError) as caught:
        raise_all(problems, {}, file="f", line_of=lambda path: 1 + len(path))
    error = caught.value
    assert (error.message, error.line, error.fix) == ("first", 1, "f1")
    assert [(other.message, other.line) for other in error.others] == [("b: second", 2)]
