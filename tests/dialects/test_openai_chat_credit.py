"""What a call may put out is read, limited and measured without changing what it means."""

import contextlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.core.refusals import Refusal
from faregate.dialects.openai_chat import (
    CHAT_PATH,
    COMPLETIONS_PATH,
    Peek,
    StreamMeter,
    final_events,
    measure,
    peek,
    refuse_twofold,
    set_output_limit,
)

LIMITS = ("max_tokens", "max_completion_tokens")


def peeked(**fields: Any) -> Peek:
    found = peek(json.dumps({"model": "m"} | fields).encode())
    assert isinstance(found, Peek)
    return found


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 7}, 7),
        ({"max_tokens": 5, "max_completion_tokens": 7}, 7),  # readers differ which counts
        ({"max_tokens": 9, "max_completion_tokens": 7}, 9),
        ({"max_tokens": 0}, 0),
        ({"max_tokens": None}, None),
        ({"max_tokens": 5, "max_completion_tokens": None}, 5),
    ],
)
def test_the_larger_of_two_limits_counts(fields: dict[str, Any], limit: int | None) -> None:
    assert peeked(**fields).output_limit == limit


@pytest.mark.parametrize(
    ("fields", "choices"),
    [({}, 1), ({"n": 3}, 3), ({"best_of": 4}, 4), ({"n": 2, "best_of": 5}, 5), ({"n": None}, 1)],
)
def test_every_answer_counts(fields: dict[str, Any], choices: int) -> None:
    assert peeked(**fields).choices == choices


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "n", "best_of"])
@pytest.mark.parametrize("value", [-1, 10**12, "5", 1.5, True, [], {}])
def test_nonsense_is_refused_by_its_name(name: str, value: object) -> None:
    refusal = peek(json.dumps({"model": "m", name: value}).encode())
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == ("request_invalid", name)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "n", "best_of"])
@pytest.mark.parametrize("spelling", ["%s", "\\u00%x"])
def test_a_price_that_stands_twice_is_refused(name: str, spelling: str) -> None:
    again = name if "u00" not in spelling else spelling % ord(name[0]) + name[1:]
    body = f'{{"model":"m","{name}":1,"{again}":1000}}'.encode()
    refusal = refuse_twofold(body)
    assert refusal is not None
    assert (refusal.code, refusal.param) == ("request_invalid", name)


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"\\"n\\": 3"}]}',
        b'{"max_tokens":5,"tools":[{"max_tokens":1,"n":1},{"n":2}]}',
        b'{"max_tokens":5,"max_completion_tokens":7,"n":1}',
        b'{"x":"\\u0041\\u00e4","n":1}',
    ],
)
def test_a_name_within_something_else_does_not_count_as_twice(body: bytes) -> None:
    assert refuse_twofold(body) is None


# -- writing a limit ------------------------------------------------------------------------------


def is_limited(body: bytes, given_: dict[str, Any], limit: int, name: str) -> None:
    """`body` is `given_` with a limit, and nothing else has changed."""
    assert isinstance(peek(body), Peek)
    pairs = json.loads(body, object_pairs_hook=lambda pairs: pairs)
    names = [key for key, _ in pairs]
    assert len(set(names)) == len(names)
    found = json.loads(body)
    stated = [one for one in LIMITS if one in given_] or [name]
    assert found == given_ | dict.fromkeys(stated, limit)


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m"}',
        b'{"model":"m","messages":[]}',
        b' { "model" : "m" } ',
        b'{ "model":"m"}',
        b'\n{"model":"m"}',
        b'{"model":"m","max_tokens":100}',
        b'{"model":"m","max_completion_tokens": 100 }',
        b'{"max_tokens":null,"model":"m"}',
        b'{"model":"m","max_tokens":100,"max_completion_tokens":200}',
        b'{"model":"m","x":"max_tokens"}',
        b'{"model":"m","x":{"max_tokens":3}}',
        b'{"model":"m","m\\u0061x_tokens":100}',
        b'{"model":"m","x":"\\"max_tokens\\":1"}',
        b'{"":1,"model":"m"}',
    ],
)
def test_a_limit_is_lowered_where_it_stands_or_written(body: bytes, name: str) -> None:
    is_limited(set_output_limit(body, 42, name), json.loads(body), 42, name)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5) | st.sampled_from(LIMITS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)
bodies = st.fixed_dictionaries(
    {"model": st.text(min_size=1, max_size=5)},
    optional={
        "max_tokens": st.none() | st.integers(0, 10**6),
        "max_completion_tokens": st.none() | st.integers(0, 10**6),
        "x": json_values,
        "metadata": st.dictionaries(st.sampled_from(LIMITS), st.integers(0, 5)),
    },
)


@given(bodies, st.randoms(use_true_random=False), st.sampled_from(LIMITS), st.integers(1, 10**6))
def test_however_it_is_written_it_means_the_same_but_for_the_limit(
    fields: dict[str, Any], random: Any, name: str, limit: int
) -> None:
    pairs = list(fields.items())
    random.shuffle(pairs)
    for body in (
        json.dumps(dict(pairs)),
        json.dumps(dict(pairs), separators=(",", ":"), ensure_ascii=False),
        json.dumps(dict(pairs), indent=1),
    ):
        is_limited(set_output_limit(body.encode(), limit, name), fields, limit, name)


# -- measuring ------------------------------------------------------------------------------------


def chunk(delta: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode()


@pytest.mark.parametrize(
    ("event", "tokens"),
    [
        (chunk({"role": "assistant"}), 0),
        (chunk({"role": "assistant", "content": ""}), 0),
        (chunk({"content": None}), 0),
        (chunk({"content": "a"}), 1),
        (chunk({"content": " Paris"}), 1),
        (chunk({"content": "abcdefgh"}), 2),
        (chunk({"content": "x" * 4_000}), 1_000),
        (chunk({"reasoning_content": "x" * 40}), 10),
        (chunk({"reasoning": "x" * 40}), 10),
        (chunk({"refusal": "I can't"}), 1),
        (chunk({"tool_calls": [{"function": {"name": "f", "arguments": "x" * 40}}]}), 10),
        (b'data: {"choices":[{"text":"hello world!"}]}\n\n', 3),
        (b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n', 1),
        (b"data: [DONE]\n\n", 0),
        (b": comment\n\n", 0),
        (chunk({"content": 'say "hi", he said, and she did'}), 8),
    ],
)
def test_an_event_counts_for_what_is_shown_of_it(event: bytes, tokens: int) -> None:
    assert measure(event) == tokens


def test_two_choices_in_one_event_count_both() -> None:
    event = b'data: {"choices":[{"delta":{"content":"%b"}},{"delta":{"content":"%b"}}]}\n\n'
    assert measure(event % (b"x" * 40, b"y" * 80)) == 30
    assert measure(event % (b"ab", b"y" * 80)) == 21


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=200))
def test_no_text_is_free(text: str) -> None:
    assert measure(chunk({"content": text})) >= 1


@pytest.mark.parametrize("hide", [False, True])
@pytest.mark.parametrize("at_once", [1, 2, 7, 10**6])
def test_a_meter_counts_the_same_however_a_stream_comes(hide: bool, at_once: int) -> None:
    null = b',"usage":null}\n\n'
    usual = [chunk({"content": "ab"})[:-3] + null for _ in range(5)]
    stream = b"".join([chunk({"role": "assistant"}), *usual, chunk({"content": "x" * 40})])
    meter = StreamMeter(hide_usage=hide, measures=True)
    for start in range(0, len(stream), at_once):
        meter.feed(stream[start : start + at_once])
    assert (meter.output_tokens, meter.events) == (15, 7)


def test_a_meter_that_need_not_measure_does_not() -> None:
    meter = StreamMeter(hide_usage=False)
    meter.feed(chunk({"content": "hello"}))
    assert meter.output_tokens == 0


# -- the end that we write ------------------------------------------------------------------------

TROUBLE = {"code": "credit_exhausted", "title": "The credit is used up"}


@contextlib.contextmanager
def sdk(stream: bytes) -> Iterator[openai.OpenAI]:
    """OpenAI's SDK before a server that always sends `stream`."""

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            self.wfile.write(stream)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    Thread(target=server.serve_forever, daemon=True).start()
    base_url = f"http://127.0.0.1:{server.server_port}/v1"
    with openai.OpenAI(api_key="k", base_url=base_url, max_retries=0) as client:
        yield client
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("choices", [1, 3])
def test_the_openai_sdk_reads_the_end_of_a_chat(choices: int) -> None:
    begun = b'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m",'
    begun += b'"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}\n\n'
    stream = begun + final_events(CHAT_PATH, "call_1", "m", choices, TROUBLE)
    with sdk(stream) as client:
        got = list(client.chat.completions.create(model="m", messages=[], stream=True))
    assert len(got) == 2
    ends = [(one.index, one.finish_reason, one.delta.content) for one in got[1].choices]
    assert ends == [(at, "length", None) for at in range(choices)]
    assert got[1].model_extra is not None
    assert got[1].model_extra["faregate"] == {"refusal": TROUBLE}


def test_the_openai_sdk_reads_the_end_of_a_completion() -> None:
    with sdk(final_events(COMPLETIONS_PATH, "call_1", "m", 1, TROUBLE)) as client:
        [end] = client.completions.create(model="m", prompt="x", stream=True)
    assert [(one.finish_reason, one.text) for one in end.choices] == [("length", "")]
