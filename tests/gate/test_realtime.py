"""The steps that open a session: keys in subprotocols, handshakes, the model in the query."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.core.refusals import Refusal
from faregate.gate.realtime import check_handshake, peek_query, take_key
from faregate.gate.state import CallState
from faregate.wire.request_reader import RequestHead


class Asking:
    """What these steps see of a call."""

    def __init__(self, query: str = "", **fields: str) -> None:
        named = {name.replace("_", "-").encode(): text.encode() for name, text in fields.items()}
        self.head = RequestHead(b"GET", b"/v1/realtime?" + query.encode("latin-1"), named)
        self.peek: Any = None
        self.model_asked = ""

    @property
    def call(self) -> CallState:
        return cast(CallState, self)


@pytest.mark.parametrize(
    ("offered", "kept"),
    [
        ("realtime, openai-insecure-api-key.fg_x", b"realtime"),
        ("openai-insecure-api-key.fg_x", None),
        ("openai-organization.o,realtime,openai-project.p,openai-insecure-api-key.fg_x,beta",
         b"realtime, beta"),
    ],
)  # fmt: skip
def test_a_key_is_taken_out(offered: str, kept: bytes | None) -> None:
    asking = Asking(sec_websocket_protocol=offered)
    take_key(asking.call)
    assert asking.head.fields.get(b"sec-websocket-protocol") == kept
    assert asking.head.fields[b"authorization"] == b"Bearer fg_x"


def test_a_key_in_a_header_comes_first() -> None:
    asking = Asking(
        sec_websocket_protocol="openai-insecure-api-key.other", authorization="Bearer fg_x"
    )
    take_key(asking.call)
    assert asking.head.fields == {b"authorization": b"Bearer fg_x"}
    plain = Asking()
    take_key(plain.call)
    assert plain.head.fields == {}


def test_a_request_that_asks_for_no_websocket_is_refused() -> None:
    refusal = check_handshake(Asking().call)
    assert isinstance(refusal, Refusal)
    assert dict(refusal.headers)["upgrade"] == "websocket"


@given(st.text(st.characters(codec="ascii"), max_size=50))
def test_any_query_names_a_model_or_is_refused(query: str) -> None:
    asking = Asking(query)
    refusal = peek_query(asking.call)
    if refusal is None:
        assert asking.model_asked
        assert asking.peek.model == asking.model_asked
    else:
        assert (refusal.code, refusal.param) == ("request_invalid", "model")


@pytest.mark.parametrize(
    "query", ["model=a%2Fb+c", "x=1&model=a%2Fb+c&y", "model=&model=a%2Fb%20c"]
)
def test_the_model_is_the_querys(query: str) -> None:
    asking = Asking(query)
    assert peek_query(asking.call) is None
    assert asking.model_asked == "a/b c"
