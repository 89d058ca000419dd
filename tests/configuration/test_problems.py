"""A problem is told by its place in people's words, all of them in one error."""

import datetime as dt

import pytest

from faregate.configuration.problems import (
    Path,
    Problem,
    label,
    nearest,
    place,
    raise_all,
    twice,
    unknown,
)
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


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        ({"name": "a", "from_time": "x"}, "a"),
        ({"model": "m"}, "m"),
        ({"model": "m", "from_time": None}, "m"),
        ({"model": "m", "from_time": "2027-01-01T00:00:00Z"}, "m from 2027-01-01T00:00:00Z"),
        (
            {"model": "m", "from_time": dt.datetime(2027, 1, 1, tzinfo=dt.UTC)},
            "m from 2027-01-01T00:00:00Z",
        ),
        ({"above_input_tokens": 5, "input": 1}, "above 5"),
        ({"name": ""}, None),
        ({"name": 5}, None),
        ({"start": "22:00"}, None),
        ("text", None),
    ],
)
def test_what_items_go_by(item: object, shown: str | None) -> None:
    assert label(item) == shown
    assert place({"items": [item]}, ("items", 0)) == f"items[{shown or 0}]"


def test_names_twice_and_unknown() -> None:
    named: list[tuple[Path, str]] = [(("a",), "x"), (("b",), "y"), (("c",), "x")]
    assert list(twice(named, "a thing")) == [
        Problem(("c",), "a thing 'x' is already there", "keep one of the two")
    ]
    assert [problem.message for problem in twice(named, None)] == ["this key is there twice"]
    assert unknown("team", "saels", ["sales"]) == "there is no team 'saels'; did you mean 'sales'?"
    assert unknown("team", "a", []) == "there is no team 'a'"
