"""Requests, replies and streams survive chat's form as they are."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects import neutral_forms as forms

from faregate.core.refusals import Refusal
from faregate.dialects.neutral.reply import Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.openai.dialect import CARRIES, DIALECT, NATIVE
from faregate.dialects.openai.quirks import QUIRKS
from faregate.dialects.translation import Asked, TargetFacts

# What a vendor takes that follows OpenAI and knows the followers' additions.
TARGET = TargetFacts(
    model="a-model",
    quirks=frozenset(QUIRKS)
    - {"string_content", "thinking_type", "enable_thinking", "no_stream_options"},
)
ASKED = Asked(
    request=Request(model="a-model", messages=(), stream_usage=True), call_id="call-1", now_s=7
)


def read_back(request: Request, target: TargetFacts = TARGET) -> Request:
    """The request as a second gate would read what the first one sends."""
    written = DIALECT.write_request(request, target)
    assert written.lost == ()
    found = DIALECT.read_request(written.body, None, stream=False)
    assert isinstance(found, Request), found
    return msgspec.structs.replace(found, origin="", stream_usage=None)


@given(forms.requests(CARRIES))
def test_requests_come_back(request_: Request):
    assert read_back(request_) == request_


@given(forms.replies(thinking=True))
def test_whole_replies_come_back(reply: Reply):
    found = DIALECT.read_reply(DIALECT.write_reply(reply, ASKED))
    assert msgspec.structs.replace(found, created_s=None) == reply


@given(st.data(), forms.replies(thinking=True))
def test_streams_come_back_however_they_are_cut(data: st.DataObject, reply: Reply):
    writer = DIALECT.stream_writer(ASKED)
    stream = b"".join(map(writer.write, forms.stream_of(reply))) + writer.end()
    reader = DIALECT.stream_reader()
    events = [
        event for piece in data.draw(forms.chopped(stream)) for event in reader.feed(piece)
    ] + reader.end()
    assert forms.assembled(events) == reply


def test_a_wrong_request_is_refused():
    refusal = DIALECT.read_request(b'{"model":1}', None, stream=False)
    assert isinstance(refusal, Refusal)
    assert refusal.param == "model"


@pytest.mark.parametrize("name", ["peek", "splice_model", "stream_meter", "final_events"])
def test_bytes_can_pass(name: str):
    assert callable(getattr(NATIVE, name))
