"""What goes out, what a reply means, and what is worth a second try."""

import msgspec
import pytest

from faregate.client.exchange import answer, checked_url, outgoing, pause_s
from faregate.client.problems import Problem, ProblemError, UnreachableError
from faregate.client.requests import Request
from faregate.core.errors import FaregateError


class Thing(msgspec.Struct):
    """Anything."""

    name: str


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8403", "https://faregate.example.com/", "http://[::1]:8403"]
)
def test_addresses(url: str) -> None:
    assert checked_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url", ["", "faregate.example.com", "ftp://h", "http://h:x", "https://u:p@h", "https://h?a=1"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(FaregateError, match="not the address"):
        checked_url(url)


def test_a_token_does_not_go_in_the_clear_to_another_machine() -> None:
    with pytest.raises(FaregateError, match="not encrypted") as caught:
        checked_url("http://10.0.0.5:8403")
    assert "ssh -L" in str(caught.value.fix)
    assert checked_url("http://10.0.0.5:8403", insecure=True)


def test_what_goes_out() -> None:
    request: Request[None] = Request(
        "POST", "/v1/x", None, body={"a": 1}, version="12", repeatable=True
    )
    out = outgoing(request, "fgp_token")
    assert out.content == b'{"a":1}'
    assert out.headers["Authorization"] == "Bearer fgp_token"
    assert out.headers["If-Match"] == '"12"'
    assert out.headers["Idempotency-Key"] != outgoing(request, None).headers["Idempotency-Key"]
    bare = outgoing(Request("GET", "/v1/x", None), None)
    assert bare.content is None
    assert not {"Authorization", "If-Match", "Idempotency-Key", "Content-Type"} & set(bare.headers)
    anything: Request[None] = Request("DELETE", "/v1/x", None, version="*")
    assert outgoing(anything, None).headers["If-Match"] == "*"


def test_replies() -> None:
    get: Request[Thing] = Request("GET", "/v1/x", Thing)
    seen = answer(get, 200, {"etag": '"7"'}, b'{"name":"a","more":1}')
    assert (seen.value, seen.version) == (Thing("a"), "7")
    assert answer(Request("DELETE", "/", None), 204, {}, b"").value is None
    assert answer(Request("GET", "/", bytes), 200, {}, b"raw").value == b"raw"
    with pytest.raises(UnreachableError, match="can't be read"):
        answer(get, 200, {}, b"<html>")
    with pytest.raises(UnreachableError, match="not the management API's"):
        answer(get, 404, {}, b"<html>")


def problem(status: int, code: str = "any", after_s: int | None = None) -> ProblemError:
    return ProblemError(Problem("No", status, code, "No.", retry_after_s=after_s))


def test_second_tries() -> None:
    assert pause_s(problem(404), 0) is None
    assert pause_s(problem(412), 0) is None
    assert pause_s(FaregateError("other"), 0) is None
    first, third = pause_s(problem(503), 0), pause_s(problem(503), 2)
    assert first is not None
    assert third is not None
    assert 0.2 <= first < third < 2
    told = pause_s(problem(503, after_s=3), 0)
    assert told is not None
    assert told >= 3
    assert pause_s(problem(503, after_s=3_600), 0) is None
    assert pause_s(problem(429), 0) is None
    assert pause_s(problem(409, "idempotency_key_in_use", 1), 0) is not None
    assert pause_s(problem(409, "conflict"), 0) is None
    assert pause_s(UnreachableError("gone"), 0) is not None
