"""What a caller's events mean, also where they are written to be read in two ways."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.core.refusals import Refusal
from faregate.dialects.realtime.client_events import APPEND, ClientEvents, Said, read_limit


def events() -> ClientEvents:
    return ClientEvents("asked", "served", 3_000)


def read(event: dict[str, Any] | str | bytes, reader: ClientEvents | None = None) -> Said:
    data = json.dumps(event).encode() if isinstance(event, dict) else event
    said = (reader or events()).read(data.encode() if isinstance(data, str) else data)
    assert isinstance(said, Said)
    return said


def append(seconds: float, bytes_a_second: int = 48_000) -> dict[str, Any]:
    audio = base64.b64encode(bytes(int(seconds * bytes_a_second))).decode()
    return {"type": APPEND, "audio": audio}


def test_audio_passes_as_it_came_and_counts_twice_its_tokens() -> None:
    event = json.dumps(append(1.0)).encode()
    said = read(event)
    assert (said.kind, said.payload, said.tokens) == (APPEND, event, 20)
    assert not said.responds


@pytest.mark.parametrize("name", ["audio/pcmu", "audio/pcma", "g711_ulaw"])
def test_a_shorter_format_makes_more_of_the_same_bytes(name: str) -> None:
    reader = events()
    read({"type": "session.update", "session": {"input_audio_format": name}}, reader)
    assert read(append(1.0, 8_000), reader).tokens in (20, 21)


def test_an_item_counts_its_bytes_but_for_media() -> None:
    plain = read({"type": "conversation.item.create", "item": {"text": "x" * 500}})
    assert 500 < plain.tokens < 700
    media = [{"audio": "A" * 6_400}, {"image_url": "data:" + "A" * 100_000}]
    heavy = read({"type": "conversation.item.create", "item": {"content": media}})
    assert 3_020 < heavy.tokens < 3_300


@pytest.mark.parametrize(
    ("event", "limit"),
    [
        ({"type": "response.create"}, None),
        ({"type": "response.create", "response": {"max_output_tokens": 7}}, 7),
        ({"type": "response.create", "response": {"max_output_tokens": "inf"}}, -1),
        ({"type": "response.create", "response": {"max_output_tokens": True}}, -1),
        ({"type": "session.update", "session": {"max_response_output_tokens": 9}}, 9),
        ({"type": "session.update", "session": {"instructions": "be kind"}}, None),
    ],
)
def test_output_limits(event: dict[str, Any], limit: int | None) -> None:
    said = read(event)
    assert said.limit == limit
    assert said.responds is (event["type"] == "response.create")
    assert said.updates is (event["type"] == "session.update")
    assert json.loads(said.payload) == event


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"input_audio_buffer.append","audio":"","type":"response.create"}',
        '{"type":"response.create","type":"input_audio_buffer.append","audio":""}',
        '{"type":"input_audio_buffer.append","\\u0074ype":"response.create","audio":""}',
        '{"type":"response\\u002ecreate"}',
        '{"x":{"type":"a"},"type":"response.create"}',
        '{"type":"conversation.item.create","TYPE":"response.create"}',
    ],
)
def test_what_may_be_read_as_a_response_is_held_for_and_said_once(text: str) -> None:
    said = read(text)
    again = json.loads(said.payload)
    assert again["type"] == said.kind
    assert said.payload.count(b'"type"') <= 2
    assert b"\\u" not in said.payload
    assert said.responds or b"response.create" not in said.payload


def test_only_its_model_is_named_and_as_the_vendor_knows_it() -> None:
    for name in ("asked", "served"):
        said = read({"type": "session.update", "session": {"model": name}})
        assert json.loads(said.payload)["session"]["model"] == "served"
    refused = events().read(b'{"type":"session.update","session":{"model":"dear"}}')
    assert isinstance(refused, Refusal)
    assert refused.code == "model_not_allowed"


@pytest.mark.parametrize(
    ("inner", "unseen", "apart"),
    [
        ({}, False, False),
        ({"tools": [{"type": "function"}]}, False, False),
        ({"tools": [{"type": "mcp"}]}, True, False),
        ({"prompt": {"id": "p"}}, True, False),
        ({"conversation": "none"}, False, True),
        ({"input": []}, False, True),
    ],
)
def test_what_is_unseen_or_apart(inner: dict[str, Any], unseen: bool, apart: bool) -> None:
    said = read({"type": "response.create", "response": inner})
    assert (said.unseen, said.apart) == (unseen, apart)


@pytest.mark.parametrize("data", [b"", b"{", b"7", b'{"type":null}', b"\xff", b"[" * 10_000])
def test_what_is_no_event_is_refused(data: bytes) -> None:
    refused = events().read(data)
    assert isinstance(refused, Refusal)
    assert refused.code == "request_invalid"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "audio", "image_url", "session", "response", "model", "tools"]),
        inner, max_size=4,
    ),
    max_leaves=15,
)  # fmt: skip
KINDS = st.sampled_from(["session.update", "response.create", APPEND, "conversation.item.create"])


@given(st.dictionaries(st.sampled_from(["session", "response", "item", "audio"]), VALUES), KINDS)
def test_any_event_means_the_same_after_it_was_passed_on(event: dict[str, Any], kind: str) -> None:
    event["type"] = kind
    said = events().read(json.dumps(event).encode())
    if isinstance(said, Said):
        assert said.kind == kind
        assert said.tokens >= 0
        assert json.loads(said.payload)["type"] == kind


def test_a_limit_is_a_whole_number_above_none() -> None:
    assert read_limit({}) is None
    assert read_limit({"max_output_tokens": 0}) == -1
    assert read_limit({"max_output_tokens": 1.5}) == -1


def test_a_model_that_is_no_name_is_refused() -> None:
    refused = events().read(b'{"type":"session.update","session":{"model":[]}}')
    assert isinstance(refused, Refusal)
