"""Lists are read as RFC 9110 says, and what belongs to one connection is known."""

import pytest

from faregate.wire.fields import HOP_BY_HOP, combine, connection_names, tokens


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", []),
        (b",", []),
        (b"close", [b"close"]),
        (b"Keep-Alive, X-Own", [b"keep-alive", b"x-own"]),
        (b" a\t,, \tb ,", [b"a", b"b"]),
        (b"a b", [b"a b"]),
    ],
)
def test_a_list_is_split(value: bytes, expected: list[bytes]):
    assert tokens(value) == expected


def test_lines_are_combined():
    assert combine(b"a", b"b", b"accept") == b"a, b"
    assert combine(b"a=1", b"b=2", b"cookie") == b"a=1; b=2"


def test_a_connection_names_its_own_fields():
    named = connection_names([b"close, X-Own", b"Keep-Alive, Authorization"])
    assert named == {b"x-own", b"authorization"}
    assert connection_names([]) == set()


def test_names_are_in_lower_case():
    assert {name.lower() for name in HOP_BY_HOP} == HOP_BY_HOP
    assert {b"connection", b"te", b"transfer-encoding", b"upgrade"} <= HOP_BY_HOP
