"""A message is read strictly: members that a vendor does not know are named."""

import msgspec
import pytest

from faregate.simulator.errors import RefusedError
from faregate.simulator.exchange import Document, members, only, sse
from faregate.simulator.script import PLAIN


def test_members():
    assert set(members(b'{"a":1,"b":{}}')) == {"a", "b"}
    with pytest.raises(msgspec.DecodeError):
        members(b"[]")


def test_unknown_members_are_named():
    only({"a": 1}, frozenset("a"), "{name}?")
    with pytest.raises(RefusedError, match="b: not permitted"):
        only({"b": 1}, frozenset("a"), "{name}: not permitted")


def test_documents_and_events():
    assert Document(b"x", "text/plain").whole(PLAIN) == b"x"
    assert sse({"a": 1}, "ping") == b'event: ping\ndata: {"a":1}\n\n'
    assert sse([]) == b"data: []\n\n"
