"""Lines are read strictly, and what is wrong is told by their numbers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.batches import lines
from faregate.batches.lines import Reading, RequestsError

CHAT = "/v1/chat/completions"
READING = Reading(CHAT, frozenset({"gpt", "claude"}), 1_000)


def row(**more: Any) -> bytes:
    body = {"model": "gpt", "messages": []}
    return json.dumps(
        {"custom_id": "a", "method": "POST", "url": CHAT, "body": body, **more}
    ).encode()


def codes(data: bytes, reading: Reading = READING) -> list[tuple[str, int | None]]:
    return [(error.code, error.line) for error in lines.read_lines(data, reading)[1]]


def test_lines_are_found_with_their_places() -> None:
    data = row() + b"\r\n\n" + row(custom_id="b", body={"model": "claude"})
    found, errors = lines.read_lines(data, READING)
    assert errors == []
    assert [(line.line, line.custom_id, line.model) for line in found] == [
        (1, "a", "gpt"),
        (3, "b", "claude"),
    ]
    texts = [data[line.start : line.start + line.length] for line in found]
    assert [json.loads(lines.body_of(text))["model"] for text in texts] == ["gpt", "claude"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", ("empty_file", None)),
        (b"\n \n", ("empty_file", None)),
        (b"{", ("invalid_json_line", 1)),
        (b'{"custom_id": "\xff"}', ("invalid_json_line", 1)),
        (b"[" * 100_000, ("line_too_large", 1)),
        (b"[]", ("invalid_request", 1)),
        (b'{"custom_id": "a"}', ("invalid_request", 1)),
        (row(custom_id=7), ("invalid_request", 1)),
        (row(custom_id=""), ("invalid_custom_id", 1)),
        (row(custom_id="a" * 513), ("invalid_custom_id", 1)),
        (row(method="GET"), ("invalid_method", 1)),
        (row(url="/v1/embeddings"), ("url_mismatch", 1)),
        (row(body=[]), ("invalid_request", 1)),
        (row(body={}), ("invalid_request", 1)),
        (row(body={"model": 7}), ("invalid_request", 1)),
        (row(body={"model": "gpt", "stream": True}), ("invalid_request", 1)),
        (row(body={"model": "secret"}), ("model_not_found", 1)),
        (row() + b"\n" + row(), ("duplicate_custom_id", 2)),
    ],
)
def test_what_is_wrong_is_named(data: bytes, code: tuple[str, int | None]) -> None:
    assert codes(data) == [code]


def test_so_many_errors_are_told_and_so_many_lines_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(codes(b"{\n" * 500)) == lines.ERRORS_MAX
    monkeypatch.setattr(lines, "LINES_MAX", 2)
    three = b"\n".join(row(custom_id=name) for name in "abc")
    assert codes(three) == [("too_many_tasks", None)]


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode()))
def test_any_bytes_are_read_without_a_crash(data: bytes) -> None:
    found, errors = lines.read_lines(data, READING)
    assert errors or found
    if b'"requests"' not in data:
        with pytest.raises(RequestsError):
            lines.write_requests(data)


def asked(*requests: Any) -> bytes:
    return json.dumps({"requests": requests}).encode()


def test_requests_become_lines() -> None:
    params = {"model": "claude", "messages": [{"role": "user", "content": "a\nb"}]}
    written = lines.write_requests(
        json.dumps(
            {"requests": [{"custom_id": "a", "params": params}, {"custom_id": "b", "params": {}}]},
            indent=2,
        ).encode()
    )
    assert written.count(b"\n") == 2
    first, second = lines.read_requests(written)
    assert (first.custom_id, first.model, second.model) == ("a", "claude", "")
    text = written[first.start : first.start + first.length]
    assert json.loads(lines.params_of(text)) == params


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", "requests"),
        (b"{}", "requests"),
        (asked(), "requests"),
        (asked({"custom_id": "a"}), "requests"),
        (asked({"custom_id": "a b", "params": {}}), "requests.0.custom_id"),
        (asked({"custom_id": "", "params": {}}), "requests.0.custom_id"),
        (asked({"custom_id": "a", "params": {}}, {"custom_id": "a", "params": {}}), "requests.1."),
        (asked({"custom_id": "a", "params": []}), "requests.0.params"),
        (asked({"custom_id": "a", "params": {"stream": True}}), "requests.0.params.stream"),
    ],
)
def test_what_is_wrong_with_requests_is_named(body: bytes, param: str) -> None:
    with pytest.raises(RequestsError) as caught:
        lines.write_requests(body)
    assert caught.value.param.startswith(param)
