"""Whatever a document holds, it is read or told what is wrong."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.dialects.cohere import test_reply as cohere_reply
from tests.dialects.cohere import test_request_reader as cohere_request
from tests.dialects.gemini import test_reply as gemini_reply
from tests.dialects.gemini import test_request_reader as gemini_request
from tests.dialects.gemini import test_stream_reader as gemini_stream
from tests.dialects.mutations import mutated
from tests.dialects.ollama import test_reply as ollama_reply
from tests.dialects.ollama import test_request_reader as ollama_request

from faregate.core.refusals import Refusal
from faregate.dialects.cohere.dialect import DIALECT as COHERE
from faregate.dialects.gemini.dialect import DIALECT as GEMINI
from faregate.dialects.neutral.request import Request
from faregate.dialects.ollama.dialect import DIALECT as OLLAMA
from faregate.dialects.translation import Asked, Dialect, MalformedReplyError, TargetFacts

TARGET = TargetFacts(model="m")
ASKED = Asked(request=Request(model="m", messages=()), call_id="c", now_s=1)
OLLAMA_TALK = ollama_request.FULL | {
    "messages": [
        {"role": "user", "content": "a", "images": ["AA=="]},
        {"role": "assistant", "thinking": "b", "tool_calls": [
            {"id": "x", "function": {"name": "f", "arguments": {"a": 1}}}]},
        {"role": "tool", "tool_name": "f", "tool_call_id": "x", "content": "c"},
    ]
}  # fmt: skip
GEMINI_TALK = json.loads(json.dumps(gemini_request.FULL))
GEMINI_TALK["contents"] += [
    {"role": "model", "parts": [{"text": "a", "thought": True, "thoughtSignature": "AA=="}]},
    {"role": "user", "parts": [
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "https://a.b/c"}},
        {"functionResponse": {"name": "f", "response": {"content": [{"$ref": "p"}]}, "parts": [
            {"inlineData": {"mimeType": "image/png", "data": "AA==", "displayName": "p"}}]}},
    ]},
]  # fmt: skip
STREAMED = {"choices": list(gemini_stream.WHOLE)}

DIALECTS = pytest.mark.parametrize(
    ("dialect", "request_document", "reply_document"),
    [
        pytest.param(GEMINI, GEMINI_TALK, gemini_reply.DOCUMENT, id="gemini"),
        pytest.param(COHERE, cohere_request.FULL, cohere_reply.DOCUMENT, id="cohere"),
        pytest.param(OLLAMA, OLLAMA_TALK, ollama_reply.CHAT, id="ollama"),
    ],
)
SETTINGS = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@DIALECTS
@SETTINGS
@given(data=st.data())
def test_requests(dialect: Dialect, request_document: Any, reply_document: Any, data: Any) -> None:
    body = json.dumps(data.draw(mutated(request_document))).encode()
    found = dialect.read_request(body, "m", stream=False)
    if isinstance(found, Refusal):
        assert found.code == "request_invalid"
    else:
        for other in (GEMINI, COHERE, OLLAMA):
            assert isinstance(json.loads(other.write_request(found, TARGET).body), dict)


@DIALECTS
@SETTINGS
@given(data=st.data())
def test_replies(dialect: Dialect, request_document: Any, reply_document: Any, data: Any) -> None:
    body = json.dumps(data.draw(mutated(reply_document))).encode()
    try:
        found = dialect.read_reply(body)
    except MalformedReplyError:
        return
    for other in (GEMINI, COHERE, OLLAMA):
        assert isinstance(json.loads(other.write_reply(found, ASKED)), dict)


@SETTINGS
@given(data=st.data())
def test_a_streams_events(data: Any) -> None:
    chunks = data.draw(mutated(STREAMED)).get("choices")
    reader = GEMINI.stream_reader()
    writers = [dialect.stream_writer(ASKED) for dialect in (GEMINI, COHERE, OLLAMA)]
    stream = b"".join(
        b"data: %b\n\n" % json.dumps(one).encode()
        for one in (chunks if isinstance(chunks, list) else ())
    )
    try:
        events = reader.feed(stream) + reader.end()
    except MalformedReplyError:
        return
    for writer in writers:
        assert isinstance(b"".join(writer.write(one) for one in events) + writer.end(), bytes)


@SETTINGS
@given(data=st.data())
def test_a_last_line_of_ollamas(data: Any) -> None:
    reader = OLLAMA.stream_reader()
    line = json.dumps(data.draw(mutated(ollama_reply.CHAT))).encode()
    try:
        events = reader.feed(line + b"\n") + reader.end()
    except MalformedReplyError:
        return
    writers = [dialect.stream_writer(ASKED) for dialect in (GEMINI, COHERE, OLLAMA)]
    for writer in writers:
        assert isinstance(b"".join(writer.write(one) for one in events) + writer.end(), bytes)


COHERE_EVENTS = {
    "events": [
        {"type": "message-start", "id": "a", "delta": {"message": {"role": "assistant"}}},
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "a"}}},
        {"type": "content-start", "index": 0,
         "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "a"}}},
         "logprobs": {"text": "a", "token_ids": [1], "logprobs": [-1]}},
        {"type": "citation-start", "index": 0, "delta": {"message": {"citations": {
            "start": 0, "end": 1, "sources": [{"type": "document", "document": {"title": "t"}}],
            "content_index": 0}}}},
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": {
            "id": "x", "function": {"name": "f", "arguments": ""}}}}},
        {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": {
            "function": {"arguments": "{}"}}}}},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": {
            "tokens": {"input_tokens": 1}}}},
    ]
}  # fmt: skip


@SETTINGS
@given(data=st.data())
def test_events_of_coheres(data: Any) -> None:
    found = data.draw(mutated(COHERE_EVENTS)).get("events")
    listed = found if isinstance(found, list) else []
    reader = COHERE.stream_reader()
    stream = b"".join(b"data: %b\n\n" % json.dumps(one).encode() for one in listed)
    try:
        events = reader.feed(stream) + reader.end()
    except MalformedReplyError:
        return
    writers = [dialect.stream_writer(ASKED) for dialect in (GEMINI, COHERE, OLLAMA)]
    for writer in writers:
        assert isinstance(b"".join(writer.write(one) for one in events) + writer.end(), bytes)
