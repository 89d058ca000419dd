"""What a provider gets wrong is told as what it is, and never passed off as a whole reply.

A caller's mistake comes back in the provider's own words. Any other error becomes the refusal that
says whose trouble it is. A stream that is cut ends in an error event, any other reply with its
connection.
"""

import gzip
import json
from typing import Any

import openai
import pytest
from tests.gate.running import (
    HELLO,
    STREAM,
    Asked,
    BrokenReplyError,
    connect,
    running,
    until,
    upstream,
)

from faregate.configuration.document import ProviderTimeouts
from faregate.configuration.settings import RoutingSettings, Settings
from faregate.core import bounds
from faregate.providers.refusals import classify
from faregate.providers.rules import all_rules
from faregate.providers.specimens import specimen

ASK_USAGE = {"stream_options": {"include_usage": True}}

# -- errors of the provider -----------------------------------------------------------------------

ONCE = Settings(routing=RoutingSettings(retries_max=0))
SPECIMENS = [specimen(each.rule) for each in all_rules() if each.rule.provider in ("openai", "*")]


async def test_every_refusal_that_a_provider_knows_becomes_what_it_means() -> None:
    made = SPECIMENS[0]

    async def answer(asked: Asked) -> None:
        fields = {name.replace("-", "_"): value for name, value in made.headers}
        asked.reply(made.body, f"{made.status} x", content_type="application/json", **fields)

    async with (
        upstream(answer) as base_url,
        running(base_url, settings=ONCE) as place,
        place.client() as client,
    ):
        for made in SPECIMENS:
            if made.status < 400:
                continue
            place.heal()
            found = classify("openai", made.status, dict(made.headers), made.body)
            reply = await client.post()
            settled = place.calls()[reply["faregate-call-id"] or ""].settled
            [attempt] = settled.attempts
            assert attempt.status == made.status
            if found.refusal_code is None:
                assert (reply.status, reply.body) == (made.status, made.body)
                assert (settled.outcome, settled.refusal) == ("answered", None)
            else:
                assert reply.code == found.refusal_code
                assert (settled.outcome, settled.refusal) == ("refused", found.refusal_code)
                assert attempt.result == found.meaning


ERRORS = {
    "invalid_request": None,
    "context_length": None,
    "content_policy": None,
    "not_found": None,
    "auth": "provider_key_invalid",
    "permission": "provider_denied",
    "rate_limit": "provider_rate_limited",
    "quota": "provider_quota_exhausted",
    "server_error": "provider_failed",
    "overloaded": "provider_overloaded",
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("error", "code"), ERRORS.items())
async def test_an_error_is_told_as_whose_it_is(
    place: Any, error: str, code: str | None, stream: bool
) -> None:
    body = HELLO | {"stream": stream}
    async with await connect(place.sim.port) as client:
        direct = await client.post(body, x_simulate=f"error={error}", authorization="")
    async with place.client() as client:
        reply = await client.post(body, x_simulate=f"error={error}")
        if code is None:  # the caller's mistake, in the provider's words
            assert (reply.status, reply.body) == (direct.status, direct.body)
            assert {*reply.fields} - {*direct.fields} == {
                ("faregate-call-id", reply["faregate-call-id"])
            }
            assert {*direct.fields} <= {*reply.fields}
        elif code == "provider_quota_exhausted":
            assert reply.code in (code, "provider_unpaid")
            assert reply["x-should-retry"] == "false"
        else:
            assert reply.code == code
        place.heal()
        assert (await client.post()).status == 200  # the connection lives on


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"retry_after": "7"}, "7"),
        ({"retry_after": "1.2"}, "2"),
        ({"retry_after_ms": "400"}, "1"),
        ({"retry_after": "0"}, "1"),
        ({"retry_after": "soon"}, "1"),
        ({}, "1"),
        ({"x_ratelimit_reset_requests": "6m0s", "x_ratelimit_remaining_requests": "0"}, "360"),
        ({"retry_after": "Thu, 01 Jan 1970 00:00:00 GMT"}, "1"),
    ],
)
async def test_retry_after_is_told_truly(fields: dict[str, str], seconds: str) -> None:
    body = b'{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}'

    async def answer(asked: Asked) -> None:
        asked.reply(body, "429 Too Many Requests", content_type="application/json", **fields)

    async with upstream(answer) as base_url, running(base_url, settings=ONCE) as place:
        reply = await place.post()
    assert (reply.code, reply["retry-after"]) == ("provider_rate_limited", seconds)
    assert reply.json["retry_after_s"] == int(seconds)
    # Longer waits are for people, not for an SDK's loop.
    assert reply["x-should-retry"] == ("false" if int(seconds) > 60 else None)


async def test_a_redirect_is_the_providers_failure_and_not_followed() -> None:
    async def answer(asked: Asked) -> None:
        asked.reply(b"", "307 Temporary Redirect", location="http://127.0.0.1:1/canary")

    async with upstream(answer) as base_url, running(base_url) as place:
        reply = await place.post()
    assert (reply.status, reply.code) == (502, "provider_failed")
    assert b"canary" not in reply.head + reply.body


async def test_an_error_page_without_end_is_not_kept() -> None:
    async def answer(asked: Asked) -> None:
        asked.write(b"HTTP/1.1 400 Bad Request\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(64):
            asked.chunk(b"x" * 65_536)
            await asked.writer.drain()
        await asked.reader.read()

    async with upstream(answer) as base_url, running(base_url) as place, place.client() as client:
        reply = await client.post()
        assert reply.code == "provider_failed"
        assert len(reply.body) < 4_096
        await until_closed(place)


async def until_closed(place: Any) -> None:
    await until(lambda: place.pool.state.open == 0)


async def test_an_encoded_error_is_read_and_passed_on_encoded() -> None:
    wrong = b'{"error":{"message":"bad role","type":"invalid_request_error","code":null}}'
    unpaid = b'{"error":{"code":"insufficient_quota","type":"insufficient_quota"}}'
    answers = [(wrong, "400 Bad Request"), (unpaid, "429 Too Many Requests")]

    async def answer(asked: Asked) -> None:
        body, status = answers.pop(0)
        asked.reply(gzip.compress(body), status, content_encoding="gzip", x_a="1")

    async with upstream(answer) as base_url, running(base_url) as place, place.client() as client:
        reply = await client.post()
        assert (reply.status, reply["content-encoding"]) == (400, "gzip")
        assert gzip.decompress(reply.body) == wrong
        assert (await client.post()).code in ("provider_unpaid", "provider_quota_exhausted")


# -- failures on the way --------------------------------------------------------------------------

QUICK = ProviderTimeouts(connect_s=0.3, first_byte_s=0.3, between_bytes_s=0.3, total_s=0.6)


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        ("reset", 502, "upstream_closed"),
        ("malformed=head", 502, "upstream_malformed"),
        ("header_bytes=70000", 502, "upstream_malformed"),
        ("latency_ms=5000", 504, "upstream_timeout"),
        ("slow_headers_ms=5000", 504, "upstream_timeout"),
    ],
)
async def test_no_reply_is_a_refusal_that_says_why(script: str, status: int, code: str) -> None:
    async with running(timeouts=QUICK) as place, place.client() as client:
        reply = await client.post(HELLO, x_simulate=script)
        assert (reply.status, reply.code) == (status, code)
        assert reply.json["side"] == "provider"
        assert (await client.post()).status == 200
        refused = place.calls()[reply["faregate-call-id"] or ""].settled
        assert (refused.outcome, refused.refusal, refused.status) == ("refused", code, status)
        assert [attempt.result for attempt in refused.attempts] == [code]


async def test_nobody_at_the_address_is_unreachable() -> None:
    async with running("http://127.0.0.1:1/v1") as place:
        reply = await place.post()
    assert (reply.status, reply.code) == (502, "upstream_unreachable")


async def test_a_full_line_is_busy_with_a_time_to_come_back() -> None:
    async with (
        running(connections_max=1, queue_max=1, timeouts=ProviderTimeouts(queue_s=0.2)) as place,
        place.client() as first,
        place.client() as second,
    ):
        first.ask(STREAM, x_simulate="stall_after=2")
        await first.head()
        second.ask(HELLO)
        reply = await place.post()
        assert (reply.status, reply.code, reply["retry-after"]) == (503, "upstream_busy", "1")
        late = await second.reply()
        assert (late.status, late.code) == (503, "upstream_busy")
        assert "0.2 s" in late.json["detail"]


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("cut_after=3", "upstream_closed"),
        ("cut_after=3,reset", "upstream_closed"),
        ("malformed=chunk", "upstream_malformed"),
        ("stall_after=3", "upstream_timeout"),
        ("token_ms=100,tokens=100", "upstream_timeout"),
    ],
)
async def test_a_cut_stream_ends_in_an_error_event_that_the_sdk_raises_on(
    script: str, code: str
) -> None:
    async with running(timeouts=QUICK) as place:
        async with openai.AsyncOpenAI(
            base_url=f"http://127.0.0.1:{place.port}/v1", api_key=place.key, max_retries=0
        ) as sdk:
            stream = await sdk.chat.completions.create(
                model="sim",
                messages=HELLO["messages"],
                stream=True,
                extra_headers={"X-Simulate": script},
            )
            with pytest.raises(openai.APIError) as caught:
                assert [chunk async for chunk in stream]
            assert caught.value.code == code
        async with place.client() as client:
            reply = await client.post(STREAM, x_simulate=script)
            error = json.loads(reply.body.split(b"data: ")[-1])["error"]
            assert error["code"] == code
            assert (await client.post()).status == 200  # the connection lives on
        failed = next(iter(place.calls().values())).settled
        assert (failed.outcome, failed.status, failed.refusal) == ("failed", 200, code)


@pytest.mark.parametrize("size", range(1, 700, 53))
async def test_a_stream_cut_within_an_event_never_glues_the_error_to_it(
    place: Any, size: int
) -> None:
    for body in (STREAM, STREAM | ASK_USAGE):
        async with place.client() as client:
            try:
                reply = await client.post(body, x_simulate=f"cut_after={size}b")
            except BrokenReplyError:
                assert body is not STREAM  # where nothing is held back it can only break off
                continue
        if reply.status == 502:  # not even the head had gone
            assert reply.code == "upstream_closed"
            continue
        *events, rest = reply.body.split(b"\n\n")
        assert rest == b""
        documents = [json.loads(event.removeprefix(b"data: ")) for event in events]
        assert documents[-1]["error"]["code"] == "upstream_closed"
        assert all("choices" in document for document in documents[:-1])


@pytest.mark.parametrize(
    "script",
    [
        "cut_after=40",
        "malformed=length",
        "cut_after=40,reset",
        "reply_bytes=300000,cut_after=99999",
    ],
)
async def test_a_cut_sized_reply_breaks_the_connection(place: Any, script: str) -> None:
    async with place.client() as client:
        with pytest.raises(BrokenReplyError):
            await client.post(HELLO, x_simulate=script)
    [call] = await place.settled()
    assert (call.settled.outcome, call.settled.refusal) == ("failed", "upstream_closed")


async def test_an_event_without_end_cuts_the_stream() -> None:
    async def answer(asked: Asked) -> None:
        asked.begin_stream()
        asked.chunk(b"data: 1\n\ndata: ")
        for _ in range(bounds.STREAM_EVENT_BYTES_MAX // bounds.MIB + 1):
            asked.chunk(b"x" * bounds.MIB)
            await asked.writer.drain()
        await asked.reader.read()

    async with upstream(answer) as base_url, running(base_url) as place:
        reply = await place.post(STREAM)
        assert reply.body.startswith(b"data: 1\n\n")
        assert b'"upstream_malformed"' in reply.body
        assert len(reply.body) < 4_096
        await until_closed(place)


async def test_an_error_within_a_stream_is_passed_on(place: Any) -> None:
    script = "error_in_stream_after=2,error=overloaded"
    async with await connect(place.sim.port) as client:
        direct = await client.post(STREAM, x_simulate=script, authorization="")
    reply = await place.post(STREAM, x_simulate=script)
    assert reply.body == direct.body
    assert b"server_is_overloaded" in reply.body
