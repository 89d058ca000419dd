"""Tables are aligned, times are in UTC, JSON is complete."""

import json

import pytest

from faregate.cli.output import count_of, moment, print_json, print_table


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("A", "LONG"), [("xyz", "1"), ("", "22")])
    assert capsys.readouterr().out == "A    LONG\nxyz  1\n     22\n"
    print_table(("A", "B"), [])
    assert capsys.readouterr().out == "A  B\n"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [1, None]})
    assert json.loads(capsys.readouterr().out) == {"a": [1, None]}


def test_moment() -> None:
    assert moment(1_700_000_000_999_999_999) == "2023-11-14T22:13:20+00:00"
    assert moment(None) is None


def test_count() -> None:
    assert [count_of(n, "key") for n in (0, 1, 2)] == ["0 keys", "1 key", "2 keys"]
