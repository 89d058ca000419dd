"""A provider's answer is read from any file that a person may have of it."""

import gzip

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.providers.answers import judge, parse_field, read_answer
from faregate.providers.refusals import classify
from faregate.providers.rules import ANY_VENDOR, all_rules
from faregate.providers.specimens import specimen

EMPTY = b'{"error":{"code":"credit_balance_exhausted"}}'
OVERLOADED = b'{"type":"error","error":{"type":"overloaded_error"}}'


def raw(status: int, body: bytes, **fields: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Reason\r\n{lines}\r\n".encode() + body


def meaning(data: bytes, vendor: str = "openai", status: int | None = None) -> str:
    judged = judge(vendor, read_answer(data, status))
    assert judged is not None
    return judged.found.meaning


@pytest.mark.parametrize("numbered", all_rules(), ids=lambda numbered: str(numbered.index))
def test_every_rule_is_found_from_a_raw_answer_and_from_its_parts(numbered):
    rule, made = numbered.rule, specimen(numbered.rule)
    vendor = "nobody" if rule.provider == ANY_VENDOR else rule.provider
    expected = classify(vendor, made.status, made.headers, made.body)
    fields = "".join(f"{name}: {value}\r\n" for name, value in made.headers)
    whole = f"HTTP/1.1 {made.status}\r\n{fields}\r\n".encode() + made.body
    for answer in (read_answer(whole), read_answer(made.body, made.status, made.headers)):
        judged = judge(vendor, answer)
        assert judged is not None
        assert (judged.found, judged.status, judged.guessed) == (expected, made.status, False)


def test_interim_answers_and_a_tunnel_before_it_are_passed_over():
    before = raw(200, b"", via="proxy") + raw(100, b"")
    answer = read_answer(before + raw(429, EMPTY, retry_after="20"))
    assert (answer.status, answer.body) == (429, EMPTY)
    assert answer.fields == (("retry-after", "20"),)


def test_what_is_given_beside_the_file_counts_first():
    answer = read_answer(raw(200, EMPTY, retry_after="1"), 402, (("retry-after", "9"),))
    assert (answer.status, answer.fields[0]) == (402, ("retry-after", "9"))


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_http_2_and_plain_newlines(newline):
    data = newline.join((b"HTTP/2 402 ", b"x-a: b", b"", EMPTY))
    answer = read_answer(data)
    assert (answer.status, answer.fields, answer.body) == (402, (("x-a", "b"),), EMPTY)


def test_chunks_and_codings_are_taken_off_where_they_are_still_there():
    packed = gzip.compress(EMPTY)
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (packed[:9], packed[9:]))
    fields = {"transfer_encoding": "chunked", "content_encoding": "gzip"}
    for body in (chunked + b"0\r\n\r\n", chunked, packed, EMPTY):
        assert read_answer(raw(429, body, **fields)).body == EMPTY


def test_an_error_within_a_stream_is_found():
    stream = b'data: {"choices":[]}\n\nevent: error\ndata: ' + OVERLOADED + b"\n\n"
    for data in (stream, raw(200, stream, content_type="text/event-stream")):
        judged = judge("anthropic", read_answer(data))
        assert judged is not None
        assert (judged.found.meaning, judged.streamed) == ("overloaded", True)
    assert meaning(b"data: {}\n\ndata: [DONE]\n\n") == "none"


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        (EMPTY, 402, "payment_required"),
        (OVERLOADED, 503, "overloaded"),
        (b'{"error":{"code":503}}', 503, "overloaded"),
        (b'[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]', 429, "rate_limited"),
    ],
)
def test_a_body_alone_may_tell_its_status(body, status, expected):
    vendor = "anthropic" if body is OVERLOADED else "openai"
    judged = judge(vendor, read_answer(body))
    assert judged is not None
    assert (judged.status, judged.found.meaning, judged.guessed) == (status, expected, True)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"7", b'{"error":"no"}'])
def test_a_body_that_tells_nothing_needs_a_status(body):
    assert judge("openai", read_answer(body)) is None
    assert meaning(body, status=429) == "rate_limited"


def test_a_redirect_is_the_operators_to_look_at():
    assert meaning(raw(302, b"", location="/")) == "failed"


@pytest.mark.parametrize("text", ["", "a", ": b", " : c"])
def test_what_is_no_header_is_said(text):
    with pytest.raises(ValueError, match="name: value"):
        parse_field(text)
    assert parse_field("Retry-After: 20") == ("retry-after", "20")


@given(st.binary(max_size=300), st.sampled_from([None, 200, 302, 429, 500]))
def test_no_file_is_too_odd(data, status):
    for text in (data, b"HTTP/1.1 429 \r\n" + data, raw(429, data, transfer_encoding="chunked")):
        judged = judge("openai", read_answer(text, status))
        assert judged is None or msgspec.json.encode(judged)
