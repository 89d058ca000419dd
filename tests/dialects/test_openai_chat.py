"""What is read of OpenAI's format is read right, and only what must change is changed."""

import json
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects.test_json_text import written

from faregate.core import bounds
from faregate.core.refusals import Refusal
from faregate.dialects.openai_chat import (
    Peek,
    StreamMeter,
    ask_stream_usage,
    peek,
    read_usage,
    read_usage_in_part,
    splice_model,
)
from faregate.dialects.usage import Usage
from faregate.simulator.replies import Events, decode_request
from faregate.simulator.script import parse_script
from faregate.wire.sse import EventTooLargeError

# -- peeking --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (b"{}", "model", "is missing"),
        (b'{"model":1}', "model", "Expected 'str'"),
        (b'{"model":null}', "model", "Expected 'str'"),
        (b'{"model":"a","stream":"yes"}', "stream", "Expected 'bool | null'"),
        (b'{"model":"a","stream_options":[]}', "stream_options", "Expected 'object | null'"),
        (
            b'{"model":"a","stream_options":{"include_usage":1}}',
            "stream_options.include_usage",
            "Expected 'bool | null'",
        ),
        (b"[]", None, "must be a JSON object"),
        (b'"model"', None, "must be a JSON object"),
        (b"", None, "not valid JSON"),
        (b'{"model":"a",}', None, "not valid JSON"),
        (b'{"model":"a"} {}', None, "not valid JSON"),
        (b'{"model":"\xff"}', None, "not valid JSON"),
        (b'{"model":"\\ud800"}', None, "not valid JSON"),
        (b"\xef\xbb\xbf{}", None, "not valid JSON"),
        (b'{"model":"a","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}", None, "too deeply"),
    ],
)
def test_a_wrong_field_is_named(body: bytes, param: str | None, words: str) -> None:
    refusal = peek(body)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "request_invalid"
    assert refusal.param == param
    assert words in refusal.detail
    assert param is None or f"'{param}'" in refusal.detail


def test_null_is_as_good_as_absent() -> None:
    for body in (b'{"model":"a"}', b'{"model":"a","stream":null,"stream_options":null}'):
        found = peek(body)
        assert found == Peek("a", None, None)
        assert not found.asks_usage
    asking = peek(b'{"model":"a","stream":true,"stream_options":{"include_usage":true,"x":1}}')
    assert isinstance(asking, Peek)
    assert asking.asks_usage


@given(st.binary(max_size=80))
def test_no_bytes_make_it_fail(body: bytes) -> None:
    found = peek(body)
    if isinstance(found, Peek):
        assert msgspec.json.decode(body)["model"] == found.model


# -- the model ------------------------------------------------------------------------------------

SPLICES = [
    (b'{"model":"a"}', b'{"model":"b"}'),
    (b' { "x" : 1 , "model"\n:\t"a" , "y":2 } ', b' { "x" : 1 , "model"\n:\t"b" , "y":2 } '),
    (b'{"\\u006dodel":"a"}', b'{"\\u006dodel":"b"}'),
    (b'{"mod\\u0065L_":"c","mod\\u0065l":"a"}', b'{"mod\\u0065L_":"c","mod\\u0065l":"b"}'),
    (b'{"model":"\\u0061"}', b'{"model":"b"}'),
    (b'{"x":{"model":"a"},"model":"a"}', b'{"x":{"model":"a"},"model":"b"}'),
    (b'{"x":"model","model":"a"}', b'{"x":"model","model":"b"}'),
    (b'{"x":["model","a"],"model":"a"}', b'{"x":["model","a"],"model":"b"}'),
    (b'{"x":"\\"model\\":\\"a\\"","model":"a"}', b'{"x":"\\"model\\":\\"a\\"","model":"b"}'),
    (b'{"m":{"model":"z"},"\\u006Dodel":"a"}', b'{"m":{"model":"z"},"\\u006Dodel":"b"}'),
    ('{"model":"a","é\u2028":"\\ud83d\\ude00"}'.encode(), None),
    (b'{"\xff":"model","model":"a"}', b'{"\xff":"model","model":"b"}'),
    (b'{"\\u0061\xff":1,"x":"model","model":"a"}', b'{"\\u0061\xff":1,"x":"model","model":"b"}'),
]


@pytest.mark.parametrize(("body", "spliced"), SPLICES)
def test_only_the_models_name_changes(body: bytes, spliced: bytes | None) -> None:
    assert splice_model(body, "a", "b") == (spliced or body.replace(b'"a"', b'"b"'))
    assert splice_model(body, "a", "a") == body


@pytest.mark.parametrize("name", ["mödel", "模型/1", 'quo"te', "back\\slash", "\U0001f600"])
def test_any_name_can_be_asked_for_and_served(name: str) -> None:
    for text in (json.dumps(name), json.dumps(name, ensure_ascii=False)):
        body = b'{"model":%b,"n":1}' % text.encode()
        assert splice_model(body, name, "plain") == b'{"model":"plain","n":1}'
        changed = splice_model(b'{"model":"plain","n":1}', "plain", name)
        assert isinstance(changed, bytes)
        assert json.loads(changed) == {"model": name, "n": 1}


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a","model":"a"}',
        b'{"model":"a","x":1,"\\u006dodel":"z"}',
        b'{"mode\\u006c":"z","model":"a"}',
        # Go's JSON decoder takes these for the same member, and the last one for its value.
        b'{"model":"a","Model":"z"}',
        b'{"MODEL":"z","model":"a"}',
        b'{"model":"a","\\u004dodel":"z"}',
        b'{"model":"a","\\u004Dodel":"z"}',
        b'{"mod\\u0065L":"c","mod\\u0065l":"a"}',
    ],
)
@pytest.mark.parametrize("served", ["a", "b"])
def test_a_second_model_is_refused(body: bytes, served: str) -> None:
    refusal = splice_model(body, "a", served)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == ("request_invalid", "model")


@given(written(), st.text(st.characters(exclude_categories=["Cs"]), max_size=9))
def test_splicing_equals_changing_the_object(
    made: tuple[dict[str, object], bytes], served: str
) -> None:
    body = made[1]
    found = peek(body)
    if isinstance(found, Peek):
        changed = splice_model(body, found.model, served)
        assert isinstance(changed, bytes)
        assert msgspec.json.decode(changed) == msgspec.json.decode(body) | {"model": served}


# -- asking for usage -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "asking"),
    [
        (b'{"model":"a"}', b'{"stream_options":{"include_usage":true},"model":"a"}'),
        (b"{}", b'{"stream_options":{"include_usage":true}}'),
        (b'{"stream_options":null}', b'{"stream_options":{"include_usage":true}}'),
        (b'{"stream_options": {} }', b'{"stream_options": {"include_usage":true} }'),
        (
            b'{"stream_options":{"x":1e999, "y":"\xff"}}',
            b'{"stream_options":{"include_usage":true,"x":1e999, "y":"\xff"}}',
        ),
        (
            b'{"stream_options":{"a":[1], "include_usage" : false}}',
            b'{"stream_options":{"a":[1], "include_usage" : true}}',
        ),
        (
            b'{"str\\u0065am_options":{"include_us\\u0061ge":null}}',
            b'{"str\\u0065am_options":{"include_us\\u0061ge":true}}',
        ),
        (
            b'{"\xff":1,"x":{"stream_options":{}}}',
            b'{"stream_options":{"include_usage":true},"\xff":1,"x":{"stream_options":{}}}',
        ),
        (b'{"stream_options":{},"stream_options":{}}', None),
        (b'{"stream_options":{"include_usage":false,"include_usage":null}}', None),
    ],
)
def test_usage_is_asked_for_and_nothing_else_changes(body: bytes, asking: bytes | None) -> None:
    assert ask_stream_usage(body) == (asking if asking is not None else body)


# -- reading usage --------------------------------------------------------------------------------

# As their documentation shows them; where only a total has the reasoning, it is output too.
USAGES_OF_VENDORS = [
    # OpenAI, "Prompt caching"
    (
        b'{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,'
        b'"prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":0},'
        b'"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,'
        b'"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}',
        Usage(2_006, 300, 1_920, 0, None, 0, None, 0),
    ),
    # OpenRouter, "Usage accounting"
    (
        b'{"completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":0},"cost":0.95,'
        b'"cost_details":{"upstream_inference_cost":19},"prompt_tokens":194,'
        b'"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":100,"audio_tokens":0},'
        b'"total_tokens":196}',
        Usage(194, 2, 0, 0, 100, 0),
    ),
    # LiteLLM, "Prompt caching"
    (
        b'{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,'
        b'"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":'
        b'{"reasoning_tokens":0},"cache_creation_input_tokens":1920}',
        Usage(2_006, 300, 0, 0, 1_920),
    ),
    # Alibaba Model Studio, "Context cache"
    (
        b'{"prompt_tokens":1656,"completion_tokens":9,"total_tokens":1665,'
        b'"prompt_tokens_details":{"cached_tokens":0,"cache_type":"ephemeral",'
        b'"cache_creation_input_tokens":1605,'
        b'"cache_creation":{"ephemeral_5m_input_tokens":1605}}}',
        Usage(1_656, 9, 0, None, 1_605),
    ),
    # DeepSeek, "Context caching"
    (
        b'{"prompt_tokens":100,"completion_tokens":5,"total_tokens":105,'
        b'"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":36}',
        Usage(100, 5, 64),
    ),
    # xAI, "Consumption and rate limits": the total has the reasoning, the completion hasn't
    (
        b'{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,'
        b'"prompt_tokens_details":{"text_tokens":32,"audio_tokens":0,"image_tokens":0,'
        b'"cached_tokens":6},"completion_tokens_details":{"reasoning_tokens":94,'
        b'"audio_tokens":0}}',
        Usage(32, 103, 6, 94, None, 0, 0, 0),
    ),
    (
        b'{"prompt_tokens":32,"completion_tokens":103,"total_tokens":135,'
        b'"completion_tokens_details":{"reasoning_tokens":94}}',
        Usage(32, 103, None, 94),
    ),
    (
        b'{"prompt_tokens":32,"completion_tokens":9,"completion_tokens_details":'
        b'{"reasoning_tokens":94}}',
        Usage(32, 9, None, 94),
    ),
    # the same with a part that can't be read
    (
        b'{"prompt_tokens":32.0,"completion_tokens":9,"total_tokens":135,'
        b'"cache_creation_input_tokens":-1,"prompt_tokens_details":{"cached_tokens":"6",'
        b'"image_tokens":7},"completion_tokens_details":{"reasoning_tokens":94}}',
        Usage(32, 103, None, 94, image_input_tokens=7),
    ),
]
USAGES = [
    (b'{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}', Usage(5, 7)),
    (b'{"prompt_tokens":5}', Usage(5)),
    (
        b'{"prompt_tokens":5,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":2},'
        b'"completion_tokens_details":{"reasoning_tokens":3,"x":[]}}',
        Usage(5, 7, 2, 3),
    ),
    (b'{"prompt_tokens":5,"prompt_tokens_details":null}', Usage(5)),
    (b"{}", Usage()),
    (b'{"prompt_tokens":-1,"completion_tokens":7}', Usage(None, 7)),
    (b'{"prompt_tokens":1000000000001,"completion_tokens":7}', Usage(None, 7)),
    (b'{"prompt_tokens":99999999999999999999999,"completion_tokens":7}', Usage(None, 7)),
    (b'{"prompt_tokens":5.0,"completion_tokens":7}', Usage(5, 7)),
    (b'{"prompt_tokens":5.5,"completion_tokens":7}', Usage(None, 7)),
    (b'{"prompt_tokens":"5","completion_tokens":7}', Usage(None, 7)),
    (b'{"prompt_tokens":true,"completion_tokens":7}', Usage(None, 7)),
    (b'{"prompt_tokens":5,"prompt_tokens_details":[],"completion_tokens":7}', Usage(5, 7)),
    (b"null", None),
    (b"[]", None),
    (b'"many"', None),
    *USAGES_OF_VENDORS,
]


@pytest.mark.parametrize(("stated", "usage"), USAGES)
def test_usage_is_read_and_nonsense_is_not(stated: bytes, usage: Usage | None) -> None:
    assert read_usage(b'{"choices":[{"x":"{"}],"usage":%b,"z":1}' % stated) == usage


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{", b'"usage"', b"[" * 50_000, b"{}"])
def test_a_reply_without_usage_has_none(body: bytes) -> None:
    assert read_usage(body) is None
    assert read_usage_in_part(body) is None


@pytest.mark.parametrize(("stated", "usage"), USAGES)
def test_usage_is_found_in_a_part(stated: bytes, usage: Usage | None) -> None:
    assert read_usage_in_part(b'...ut off \\"usage\\":{}"}],"usage" :\n%b,"z"' % stated) == usage


def test_usage_that_is_cut_off_is_not_guessed() -> None:
    assert read_usage_in_part(b'"usage":{"prompt_tokens":5,"completion_tokens":7') is None
    assert read_usage_in_part(b'"usage":{' * 3_500) is None


# -- streams --------------------------------------------------------------------------------------


def simulated(body: dict[str, object], script: str = "") -> bytes:
    """The stream that the simulator answers `body` with."""
    request = decode_request(msgspec.json.encode({"stream": True, "messages": "hello"} | body))
    events = Events("chat", request, parse_script(script))
    tokens = [events.token(word) for word in ('Say "usage"', "\\", " é\U0001f600")]
    return b"".join((*events.opening(), *tokens, *events.closing(3, "stop")))


ASKED = {"stream_options": {"include_usage": True}}
PLAIN_STREAM = simulated({"model": "a"})
ASKED_STREAM = simulated({"model": "a"} | ASKED)
USAGE = Usage(2, 3, 0, 0, audio_input_tokens=0, audio_output_tokens=0)


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """`data` in pieces that end at `cuts`."""
    ends = sorted({cut % (len(data) + 1) for cut in cuts} | {len(data)})
    start = 0
    for end in ends:
        if end > start:
            yield data[start:end]
            start = end


def shown(meter: StreamMeter, parts: Iterator[bytes] | list[bytes]) -> bytes:
    return b"".join([meter.feed(part) for part in parts]) + meter.end()


def test_a_hidden_usage_leaves_the_stream_that_was_not_asked_for_it() -> None:
    meter = StreamMeter(hide_usage=True)
    assert shown(meter, [ASKED_STREAM]) == PLAIN_STREAM
    assert b"usage" in ASKED_STREAM
    assert meter.usage == USAGE
    assert meter.events == ASKED_STREAM.count(b"\n\n")


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_cut_at_any_byte_changes_nothing(line_end: bytes) -> None:
    asked = ASKED_STREAM.replace(b"\n", line_end)
    plain = PLAIN_STREAM.replace(b"\n", line_end)
    for at in range(1, len(asked)):
        meter = StreamMeter(hide_usage=True)
        assert shown(meter, [asked[:at], asked[at:]]) == plain
        assert meter.usage == USAGE


@given(st.lists(st.integers(0, 10_000), max_size=40), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_pieces_of_any_size_change_nothing(cuts: list[int], line_end: bytes) -> None:
    asked = ASKED_STREAM.replace(b"\n", line_end)
    hiding, showing = StreamMeter(hide_usage=True), StreamMeter(hide_usage=False)
    assert shown(hiding, pieces(asked, cuts)) == PLAIN_STREAM.replace(b"\n", line_end)
    assert shown(showing, pieces(asked, cuts)) == asked
    assert hiding.usage == showing.usage == USAGE
    assert hiding.events == showing.events == ASKED_STREAM.count(b"\n\n")


@given(st.lists(st.integers(0, 10_000), max_size=20), st.booleans())
def test_one_byte_at_a_time_too(cuts: list[int], hide: bool) -> None:
    meter = StreamMeter(hide_usage=hide)
    single = [ASKED_STREAM[at : at + 1] for at in range(len(ASKED_STREAM))]
    assert shown(meter, single) == (PLAIN_STREAM if hide else ASKED_STREAM)
    assert meter.usage == USAGE


def test_who_asked_gets_every_byte_at_once() -> None:
    meter = StreamMeter(hide_usage=False)
    for part in pieces(ASKED_STREAM, list(range(0, 10_000, 7))):
        assert meter.feed(part) == part
    assert meter.usage == USAGE


def test_whole_events_leave_at_once_when_usage_is_hidden() -> None:
    meter = StreamMeter(hide_usage=True)
    for event in PLAIN_STREAM.split(b"\n\n")[:-1]:
        assert meter.feed(event + b"\n\n") == event + b"\n\n"


def test_usage_in_the_last_chunk_is_read_and_hidden() -> None:
    stream = simulated({"model": "a"}, "usage_in_last_chunk")
    meter = StreamMeter(hide_usage=True)
    assert shown(meter, [stream]) == PLAIN_STREAM
    assert meter.usage == USAGE
    kept = StreamMeter(hide_usage=False)
    assert shown(kept, [stream]) == stream
    assert kept.usage == USAGE


@pytest.mark.parametrize(
    ("event", "left"),
    [
        (b'data: {"usage":null,"choices":[1]}\n\n', b'data: {"choices":[1]}\n\n'),
        (b'data:{"choices":[{"a":1}] , "usage" : null}\n\n', b'data:{"choices":[{"a":1}] }\n\n'),
        (b'data: {"choices":[{"usage":null}]}\n\n', b'data: {"choices":[{"usage":null}]}\n\n'),
        (
            b'data: {"choices":[{"usage":null}],"usage":null}\n\n',
            b'data: {"choices":[{"usage":null}]}\n\n',
        ),
        (b'data: {"choices":[],"usage":{"prompt_tokens":5.0}}\n\n', b""),
        (b'data: {"choices":[],"usage":{"prompt_tokens":"?"}}\n\n', b""),
        (b'data: {"usage":{"prompt_tokens":1}}\n\n', b""),
        (
            b'data: {"choices":[1],"usage":{"prompt_tokens":[]}}\n\n',
            b'data: {"choices":[1]}\n\n',
        ),
        (b'event: x\ndata: {"choices":[1],"usage":null}\nid: 1\n\n', None),
        (b': "usage"\n\n', b': "usage"\n\n'),
        (b'data: "usage"\n\n', b'data: "usage"\n\n'),
        (b'data: {"usage":{"prompt_tok\n\n', b'data: {"usage":{"prompt_tok\n\n'),
        (b"\xff\xfe\n\n", b"\xff\xfe\n\n"),
    ],
)
def test_only_usage_is_hidden(event: bytes, left: bytes | None) -> None:
    expected = left if left is not None else event.replace(b',"usage":null', b"")
    assert StreamMeter(hide_usage=True).feed(event) == expected
    assert StreamMeter(hide_usage=False).feed(event) == event


def test_a_last_event_without_its_empty_line_counts() -> None:
    event = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n'
    hiding = StreamMeter(hide_usage=True)
    assert shown(hiding, [b"data: {}\n\n", event]) == b"data: {}\n\n"
    assert hiding.usage == Usage(1, 2)
    showing = StreamMeter(hide_usage=False)
    assert shown(showing, [event]) == event
    assert showing.usage == Usage(1, 2)


def test_a_part_of_an_event_is_dropped_where_a_stream_breaks_off() -> None:
    hiding, showing = StreamMeter(hide_usage=True), StreamMeter(hide_usage=False)
    assert hiding.feed(b"data: 1\n\ndata: {") == b"data: 1\n\n"
    assert not hiding.cut()
    assert hiding.end() == b""
    assert showing.feed(b"data: 1\n\ndata: {") == b"data: 1\n\ndata: {"
    assert showing.cut()
    whole = StreamMeter(hide_usage=False)
    whole.feed(b"data: 1\n\n")
    assert not whole.cut()


def test_an_event_without_end_is_an_error() -> None:
    meter = StreamMeter(hide_usage=True)
    with pytest.raises(EventTooLargeError):
        meter.feed(b"data: " + b"x" * bounds.STREAM_EVENT_BYTES_MAX)


@pytest.mark.parametrize(
    ("tier", "found"),
    [("priority", "priority"), ("default", None), (None, None), ("x" * 99, "x" * 50)],
)
def test_the_tier_that_served_a_call_is_part_of_its_usage(
    tier: str | None, found: str | None
) -> None:
    reply = {"usage": {"prompt_tokens": 2, "completion_tokens": 3}, "service_tier": tier}
    body = json.dumps(reply).encode()
    assert read_usage(body) == Usage(2, 3, service_tier=found)
    meter = StreamMeter(hide_usage=False)
    assert meter.feed(b"data: " + body + b"\n\n")
    assert meter.usage == Usage(2, 3, service_tier=found)


@pytest.mark.parametrize("tier", ["priority", None, 7, {"a": []}])
def test_the_tier_that_is_asked_for_is_read_and_never_refused(tier: object) -> None:
    read = peek(json.dumps({"model": "m", "service_tier": tier}).encode())
    assert not isinstance(read, Refusal)
    assert read.service_tier == tier
