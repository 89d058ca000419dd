"""A change says which version it means; merge patches are RFC 7396's."""

import msgspec
import pytest

from faregate.control.problems import ProblemError
from faregate.control.versions import etag, expected_version, merge, patched, unreadable


class Thing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    size: int | None = None
    more: dict[str, int] = {}


def test_an_entity_tag_is_read_as_it_was_written() -> None:
    assert expected_version(etag(12)) == "12"
    assert expected_version("*") is None


def test_without_one_it_is_428() -> None:
    with pytest.raises(ProblemError) as caught:
        expected_version(None)
    assert caught.value.problem.status == 428
    assert caught.value.problem.fixes


@pytest.mark.parametrize("tag", ["12", 'W/"12"', '"1", "2"', '""', '"'])
def test_what_is_no_strong_entity_tag_is_refused(tag: str) -> None:
    with pytest.raises(ProblemError) as caught:
        expected_version(tag)
    assert caught.value.problem.status == 400


# The examples of RFC 7396, appendix A.
@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_is_the_rfcs(target: object, patch: object, result: object) -> None:
    assert merge(target, patch) == result


def test_null_takes_a_field_back_to_its_default() -> None:
    assert patched(Thing("a", 3), {"size": None}) == Thing("a")
    assert patched(Thing("a", 3, {"x": 1}), {"more": {"y": 2}}).more == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("patch", "field"),
    [({"size": "3"}, "size"), ({"more": {"x": "y"}}, "more"), ({"colour": 1}, "")],
)
def test_a_patch_that_does_not_fit_names_its_field(patch: dict[str, object], field: str) -> None:
    with pytest.raises(ProblemError) as caught:
        patched(Thing("a"), patch)
    assert caught.value.problem.status == 422
    assert caught.value.problem.errors[0].field.startswith(field)


def test_what_is_no_json_is_400() -> None:
    with pytest.raises(msgspec.DecodeError) as caught:
        msgspec.json.decode(b"{")
    assert unreadable(caught.value).problem.status == 400
