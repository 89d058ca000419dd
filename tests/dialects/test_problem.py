"""Every refusal is a problem (RFC 9457) and an error of OpenAI's in one body.

The members are those of RFC 9457 §3.1; the error member is what the OpenAI SDKs read.
"""

import json

import pytest

from faregate.core.refusals import KINDS, Fix, refuse
from faregate.dialects.problem import CONTENT_TYPE, problem, render, render_event

CALL_ID = "call_0123456789abcdef01234567ab"
TYPES = {
    "type": str,
    "title": str,
    "status": int,
    "detail": str,
    "instance": str,
    "code": str,
    "side": str,
    "scope": str,
    "retryable": bool,
    "call_id": str,
    "fixes": list,
    "error": dict,
}
OPTIONAL = {"param": str, "retry_after_s": int, "limit": int, "used": int}


@pytest.mark.parametrize("code", KINDS)
def test_every_code_has_every_member(code: str) -> None:
    fields, body = render(refuse(code, "Something is off."), CALL_ID)
    document = json.loads(body)
    assert {name: type(value) for name, value in document.items()} == TYPES
    kind = KINDS[code]
    assert document["type"] == f"/refusals/{code}"
    assert document["status"] == kind.status
    assert document["instance"] == f"/v1/calls/{CALL_ID}"
    assert document["fixes"] == [{"text": kind.fix}]
    assert document["retryable"] is kind.retryable
    error = document["error"]
    assert set(error) == {"message", "type", "code", "param"}
    assert error["code"] == code
    assert error["type"] == kind.openai_type
    assert all(text in error["message"] for text in (kind.title, "Something is off.", kind.fix))
    assert dict(fields)["content-type"] == CONTENT_TYPE


@pytest.mark.parametrize("code", KINDS)
def test_the_fields_say_whether_to_try_again(code: str) -> None:
    fields = dict(render(refuse(code, "x"), CALL_ID)[0])
    assert (fields.get("x-should-retry") == "false") is not KINDS[code].retryable
    assert "retry-after" not in fields
    assert ("www-authenticate" in fields) == (KINDS[code].status == 401)
    assert fields["cache-control"] == "no-store"


def test_facts_that_are_known_are_stated() -> None:
    refusal = refuse(
        "body_too_large",
        "x",
        param="messages",
        retry_after_s=3,
        limit=10,
        used=0,
        fixes=(Fix("Do this.", url="https://example.com/", command="run"), Fix("Or that.")),
        headers=(("allow", "GET"),),
    )
    document = problem(refusal, CALL_ID)
    for name, kind in OPTIONAL.items():
        assert type(document[name]) is kind, name
    fields, body = render(refusal, CALL_ID)
    assert ("retry-after", "3") in fields
    assert ("allow", "GET") in fields
    assert json.loads(body)["fixes"] == [
        {"text": "Do this.", "url": "https://example.com/", "command": "run"},
        {"text": "Or that."},
    ]
    assert json.loads(body)["error"]["param"] == "messages"


def test_an_event_carries_the_error_alone() -> None:
    event = render_event(refuse("upstream_closed", 'line\nwith "quotes"'), CALL_ID)
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 2
    document = json.loads(event[6:])
    assert list(document) == ["error"]
    assert document["error"]["code"] == "upstream_closed"
