"""OpenAI's and Anthropic's SDKs read every refusal, and try again only what time can mend.

A real socket serves each refusal as it is rendered for the SDK's dialect. What waits is told to
wait a millisecond, so that retries are quick; two tests obey a whole second.
"""

import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import anthropic
import openai
import pytest
from tests.dialects.specimen_refusals import CALL_ID, REFUSALS, label

from faregate.core.refusals import Refusal, refuse
from faregate.dialects.refusal_members import Statuses
from faregate.dialects.renderers import RENDERERS
from faregate.wire.reply import render_reply

RETRIES = 2
QUICK = (("retry-after-ms", "1"),)
STATUS_ERRORS: dict[int, tuple[str, str]] = {  # status: OpenAI's exception, Anthropic's
    400: ("BadRequestError", "BadRequestError"),
    401: ("AuthenticationError", "AuthenticationError"),
    402: ("APIStatusError", "PaymentRequiredError"),
    403: ("PermissionDeniedError", "PermissionDeniedError"),
    404: ("NotFoundError", "NotFoundError"),
    429: ("RateLimitError", "RateLimitError"),
    500: ("InternalServerError", "InternalServerError"),
}


class Refuser:
    """Refuses every call over a real socket, and counts them."""

    def __init__(self) -> None:
        self.reply = b""
        self.calls = 0
        refuser = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                refuser.calls += 1
                self.wfile.write(refuser.reply)

            def log_request(self, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def say(self, dialect: str, refusal: Refusal, statuses: Statuses = None) -> None:
        """Answer with this from now on."""
        fields, body = RENDERERS[dialect].render(refusal, CALL_ID, statuses)
        status = refusal.told_status(statuses)
        self.reply = render_reply(status, fields, body, close=False)
        self.calls = 0


@pytest.fixture(scope="module")
def refuser() -> Iterator[Refuser]:
    made = Refuser()
    thread = Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join(10)
    made.server.server_close()


@pytest.fixture(scope="module")
def by_openai(refuser: Refuser) -> Iterator[Callable[[], object]]:
    with openai.OpenAI(
        base_url=f"{refuser.address}/v1", api_key="fg_x", max_retries=RETRIES
    ) as sdk:
        yield lambda: sdk.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hello"}]
        )


@pytest.fixture(scope="module")
def by_anthropic(refuser: Refuser) -> Iterator[Callable[[], object]]:
    with anthropic.Anthropic(base_url=refuser.address, api_key="fg_x", max_retries=RETRIES) as sdk:
        yield lambda: sdk.messages.create(
            model="m", max_tokens=1, messages=[{"role": "user", "content": "hello"}]
        )


def quick(refusal: Refusal) -> Refusal:
    """The same refusal, with a wait that a test can bear."""
    facts = {name: getattr(refusal, name) for name in refusal.__struct_fields__}
    return Refusal(**{**facts, "headers": QUICK})


every_refusal = pytest.mark.parametrize("refusal", REFUSALS, ids=label)


@every_refusal
def test_openais_sdk_knows_every_code_and_when_to_stop(
    refuser: Refuser, by_openai: Callable[[], object], refusal: Refusal
) -> None:
    refuser.say("openai", quick(refusal))
    with pytest.raises(openai.APIStatusError) as caught:
        by_openai()
    error = caught.value
    assert refuser.calls == (1 + RETRIES if refusal.should_retry else 1)
    assert (error.code, error.status_code) == (refusal.code, refusal.status)
    assert (error.type, error.param) == (refusal.kind.openai_type, refusal.param)
    names = STATUS_ERRORS.get(refusal.status)
    assert names is None or type(error).__name__ == names[0]
    assert refusal.detail in error.message
    assert error.response.json()["fixes"][0]["text"] == refusal.fixes[0].text


@every_refusal
def test_anthropics_sdk_knows_every_code_and_when_to_stop(
    refuser: Refuser, by_anthropic: Callable[[], object], refusal: Refusal
) -> None:
    refuser.say("anthropic", quick(refusal))
    with pytest.raises(anthropic.APIStatusError) as caught:
        by_anthropic()
    error = caught.value
    assert refuser.calls == (1 + RETRIES if refusal.should_retry else 1)
    assert (error.error_code, error.status_code) == (refusal.code, refusal.status)
    assert error.request_id == CALL_ID
    names = STATUS_ERRORS.get(refusal.status)
    assert names is None or type(error).__name__ == names[1]
    assert refusal.detail in (error.api_message or "")


def test_payment_and_permission_are_tried_once_and_time_three_times() -> None:
    """What the tests above showed, said by status."""
    for refusal in REFUSALS:
        if refusal.status in (401, 402, 403, 404):
            assert not refusal.should_retry
    assert {each.status for each in REFUSALS if each.should_retry} == {
        408, 429, 500, 502, 503, 504,
    }  # fmt: skip


@pytest.mark.parametrize("code", ["rate_limited", "internal_error"])
def test_without_our_word_the_sdks_would_try_again(
    refuser: Refuser,
    by_openai: Callable[[], object],
    by_anthropic: Callable[[], object],
    code: str,
) -> None:
    """It is `x-should-retry: false` that stops them where the wait is long."""
    calls: dict[str, Callable[[], object]] = {"openai": by_openai, "anthropic": by_anthropic}
    for dialect, call in calls.items():
        for seconds, expected in ((3_600, 1), (None, 1 + RETRIES)):
            refuser.say(dialect, refuse(code, "x", retry_after_s=seconds, headers=QUICK))
            with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)):
                call()
            assert refuser.calls == expected


def _embed(address: str) -> None:
    with openai.OpenAI(base_url=address, api_key="fg_x", max_retries=1) as sdk:
        sdk.embeddings.create(model="m", input="x")


def _count(address: str) -> None:
    with anthropic.Anthropic(base_url=address, api_key="fg_x", max_retries=1) as sdk:
        sdk.messages.count_tokens(model="m", messages=[{"role": "user", "content": "hello"}])


@pytest.mark.parametrize(("dialect", "call"), [("openai", _embed), ("anthropic", _count)])
def test_a_second_to_wait_is_a_second(
    refuser: Refuser, dialect: str, call: Callable[[str], None]
) -> None:
    refuser.say(dialect, refuse("rate_limited", "x", retry_after_s=1))
    begun = time.monotonic()
    with pytest.raises((openai.RateLimitError, anthropic.RateLimitError)):
        call(refuser.address)
    assert 1.0 <= time.monotonic() - begun < 4.0
    assert refuser.calls == 2


def test_an_operators_status_changes_the_exception_and_not_the_code(
    refuser: Refuser, by_openai: Callable[[], object], by_anthropic: Callable[[], object]
) -> None:
    """A client that knows no 402 is told 429, and still doesn't try again."""
    refusal = refuse("credit_exhausted", "x", headers=QUICK)
    statuses = {"credit_exhausted": 429}
    refuser.say("openai", refusal, statuses)
    with pytest.raises(openai.RateLimitError) as by_first:
        by_openai()
    assert (by_first.value.code, refuser.calls) == ("credit_exhausted", 1)
    refuser.say("anthropic", refusal, statuses)
    with pytest.raises(anthropic.RateLimitError) as by_second:
        by_anthropic()
    assert (by_second.value.error_code, refuser.calls) == ("credit_exhausted", 1)


def test_money_reaches_a_program_as_text(
    refuser: Refuser, by_anthropic: Callable[[], object]
) -> None:
    refusal = next(each for each in REFUSALS if each.code == "call_too_large")
    refuser.say("anthropic", refusal)
    with pytest.raises(anthropic.PaymentRequiredError) as caught:
        by_anthropic()
    body = json.loads(caught.value.response.text)["error"]["details"]
    assert body["needed"] == "0.0819"
    assert body["affordable_max_tokens"] == 3_400
    assert caught.value.type == "billing_error"
    assert 'rel="payment"' in caught.value.response.headers["link"]
