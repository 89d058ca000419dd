"""Streams of OpenAI's followers are read as what they mean, once each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects.neutral_forms import assembled, chopped

from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral import reply
from faregate.dialects.neutral.reply import Event
from faregate.dialects.openai.stream_reader import ChatStreamReader
from faregate.dialects.translation import MalformedReplyError
from faregate.dialects.usage import Usage


def read(*pieces: bytes) -> list[Event]:
    """All events of a stream."""
    reader = ChatStreamReader()
    return [event for piece in pieces for event in reader.feed(piece)] + reader.end()


def chunk(members: bytes) -> bytes:
    """A chunk with these members."""
    return b'data: {"id":"1","model":"m",%b}\n\n' % members


HELLO = chunk(b'"choices":[{"index":0,"delta":{"content":"Gr\xc3\xbc\xc3\x9fe"}}]')
STOP = chunk(b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]')
USAGE = chunk(b'"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}')
DONE = b"data: [DONE]\n\n"


@given(st.data())
def test_any_pieces_give_the_same(data: st.DataObject):
    stream = b": waiting\r\n\r\n" + HELLO + STOP + USAGE + DONE
    found = assembled(read(*data.draw(chopped(stream))))
    assert found.choices[0].parts == (p.Text("Gr\u00fc\u00dfe"),)
    assert found.usage == Usage(1, 2)


def test_comments_are_pings_and_nothing_comes_after_the_end():
    events = read(b": OPENROUTER PROCESSING\n\n", HELLO, STOP, DONE, HELLO)
    assert isinstance(events[0], reply.Pinged)
    assert events[-1] == reply.Ended()


@pytest.mark.parametrize("tail", [b"", DONE, DONE.rstrip()])
def test_a_finished_stream_may_lack_its_end(tail: bytes):
    events = read(HELLO, STOP, tail)
    assert [type(event) for event in events[-2:]] == [reply.Finished, reply.Ended]


def test_an_answer_without_its_end_is_finished_by_the_streams():
    assert read(HELLO, DONE)[-2:] == [reply.Finished(0, "stop"), reply.Ended()]


def test_a_stream_that_breaks_off_has_no_end():
    for stream in (HELLO, HELLO + STOP[:20]):
        events = read(stream)
        assert not [one for one in events if isinstance(one, (reply.Finished, reply.Ended))]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (b'{"error":{"message":"overloaded","code":502}}', "overloaded"),
        (b'{"error":"broken"}', "broken"),
        (b'{"id":"1","error":{"code":1},"choices":[{"index":0,"delta":{}}]}',
         "The provider reports an error."),
    ],
)  # fmt: skip
def test_an_error_ends_the_stream(error: bytes, message: str):
    events = read(HELLO, b"data: " + error + b"\n\n", STOP, DONE)
    assert events[-1] == reply.Failed(message, error)


def test_azures_first_chunk_is_no_beginning():
    first = b'data: {"choices":[],"created":0,"id":"","model":"","prompt_filter_results":[]}\n\n'
    events = read(first, HELLO)
    assert events[0] == reply.Opened(id="1", model="m")


@pytest.mark.parametrize(
    "last",
    [
        chunk(b'"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":'
              b'{"prompt_tokens":1,"completion_tokens":2}}]'),
        chunk(b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":'
              b'{"prompt_tokens":1,"completion_tokens":2}'),
    ],
)  # fmt: skip
def test_usage_beside_or_within_choices(last: bytes):
    assert assembled(read(HELLO, last, DONE)).usage == Usage(1, 2)


def test_perplexitys_sources_come_once():
    members = b'"choices":[{"index":0,"delta":{"content":"a"}%b}],"citations":["u"]'
    events = read(chunk(members % b""), chunk(members % b',"finish_reason":"stop"'))
    assert events.count(reply.CitationSeen(0, 0, p.Citation(url="u"))) == 1


def test_several_answers():
    stream = [
        chunk(b'"choices":[{"index":%d,"delta":{"content":"%d"}}]' % (at, at)) for at in (1, 0)
    ]
    assert [choice.parts for choice in assembled(read(*stream, DONE)).choices] == [
        (p.Text("0"),), (p.Text("1"),),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "data", [b"{", b"[]", b'{"choices":[{"index":-1}]}', b'{"choices":[{"index":5000}]}', b"\xff"]
)
def test_what_is_no_chunk_is_said_to_be_none(data: bytes):
    with pytest.raises(MalformedReplyError):
        read(b"data: %b\n\n" % data)
