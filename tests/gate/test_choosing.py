"""Which target serves, and the request as it sees it: nothing is lost unsaid."""

import asyncio
import time
from typing import Any

import pytest
from tests.gate.accounts import CHAT_REPLY, Answering, any_of, before, body_of, path_of
from tests.gate.running import HELLO, STREAM, Asked, Place, Reply, running, upstream

ANTHROPIC = {"vendor": "anthropic"}
# What Anthropic's messages have no place for.
LOST: dict[str, Any] = {
    "seed": 7, "logit_bias": {"1": 5}, "frequency_penalty": 0.5, "presence_penalty": 0.5,
    "logprobs": True,
}  # fmt: skip
HINTS: dict[str, Any] = {"metadata": {"a": "b"}, "store": True, "prompt_cache_key": "k"}


@pytest.fixture
def answering() -> Answering:
    return Answering()


async def told(answering: Answering, more: dict[str, Any], **fields: str) -> Reply:
    async with upstream(answering) as url, before(url, {"a": "anthropic"}) as place:
        return await place.post(HELLO | {"model": "at-a"} | more, **fields)


# -- parts that a target can't take ---------------------------------------------------------------


@pytest.mark.parametrize("name", LOST)
async def test_a_part_that_can_not_be_taken_is_refused_by_name(
    answering: Answering, name: str
) -> None:
    reply = await told(answering, {name: LOST[name]})
    assert reply.status == 400
    assert reply.code == "unsupported_parameter"
    assert reply.json["param"] == name
    assert name in reply.json["detail"]
    assert reply["x-should-retry"] == "false"
    assert answering.asked == []


@pytest.mark.parametrize("name", LOST)
async def test_or_dropped_and_told_if_the_caller_says_so(answering: Answering, name: str) -> None:
    reply = await told(answering, {name: LOST[name]}, faregate_unsupported=" Drop ")
    assert reply.status == 200
    assert reply["faregate-dropped"] == name
    assert name not in body_of(answering.only)


async def test_or_if_the_virtual_model_says_so(answering: Answering) -> None:
    virtual = [any_of("a", unsupported="drop")]
    async with (
        upstream(answering) as url,
        before(url, {"a": "anthropic"}, virtual_models=virtual) as place,
    ):
        reply = await place.post(HELLO | {"model": "any", "seed": 7})
        assert (reply.status, reply["faregate-dropped"]) == (200, "seed")
        # The caller's word for one call counts more.
        reply = await place.post(HELLO | {"model": "any", "seed": 7}, faregate_unsupported="refuse")
        assert reply.code == "unsupported_parameter"


async def test_or_if_the_settings_say_so(answering: Answering) -> None:
    settings = {"routing": {"unsupported": "drop"}}
    async with (
        upstream(answering) as url,
        before(url, {"a": "anthropic"}, settings=settings) as place,
    ):
        reply = await place.post(HELLO | {"model": "at-a", "seed": 7})
        assert (reply.status, reply["faregate-dropped"]) == (200, "seed")


@pytest.mark.parametrize("stream", [False, True])
async def test_hints_change_no_answer_and_are_dropped_and_told(stream: bool) -> None:
    async def answer(asked: Asked) -> None:
        events = (
            b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":'
            b'"message","role":"assistant","model":"up","content":[],"usage":{"input_tokens":1}}}'
            b'\n\nevent: content_block_start\ndata: {"type":"content_block_start","index":0,'
            b'"content_block":{"type":"text","text":""}}\n\nevent: content_block_delta\ndata: '
            b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}'
            b'\n\nevent: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":'
            b'"end_turn"},"usage":{"output_tokens":1}}\n\nevent: message_stop\ndata: '
            b'{"type":"message_stop"}\n\n'
        )
        if stream:
            asked.begin_stream()
            asked.chunk(events)
            asked.write(b"0\r\n\r\n")
        else:
            await Answering()(asked)

    async with upstream(answer) as url, before(url, {"a": "anthropic"}) as place:
        reply = await place.post(HELLO | {"model": "at-a", "stream": stream} | HINTS)
        assert reply.status == 200, reply.body
        dropped = reply["faregate-dropped"]
        assert dropped is not None
        assert set(HINTS) - {"metadata"} <= set(dropped.split(", "))
        assert b"Hi" in reply.body


async def test_what_passes_through_is_neither_judged_nor_told(answering: Answering) -> None:
    async with upstream(answering) as url, before(url, {"o": "openai"}) as place:
        reply = await place.post(HELLO | {"model": "at-o"} | LOST | HINTS)
        assert reply.status == 200
        assert reply["faregate-dropped"] is None
        assert body_of(answering.only)["seed"] == 7


async def test_a_target_that_takes_all_is_preferred_to_dropping_nothing(
    answering: Answering,
) -> None:
    async with (
        upstream(answering) as url,
        before(url, {"a": "anthropic", "o": "openai"}, virtual_models=[any_of("a", "o")]) as place,
    ):
        reply = await place.post(HELLO | {"model": "any", "seed": 7})
        assert (reply.status, reply["faregate-dropped"]) == (200, None)
    assert path_of(answering.only) == "/o/chat/completions"


async def test_a_fallback_that_takes_all_serves_as_well(answering: Answering) -> None:
    virtual = [any_of("a", fallbacks={"failure": ["at-o"]})]
    async with (
        upstream(answering) as url,
        before(url, {"a": "anthropic", "o": "openai"}, virtual_models=virtual) as place,
    ):
        reply = await place.post(HELLO | {"model": "any", "seed": 7})
        assert reply.status == 200
    assert path_of(answering.only) == "/o/chat/completions"


async def test_what_was_dropped_for_one_target_is_not_told_of_another() -> None:
    answering = Answering({"/a/": (401, {"error": {"message": "no"}})})
    async with (
        upstream(answering) as url,
        before(url, {"a": "anthropic", "o": "openai"}, virtual_models=[any_of("a", "o")]) as place,
    ):
        reply = await place.post(HELLO | {"model": "any"} | HINTS)
        assert (reply.status, reply["faregate-dropped"]) == (200, None)
        assert [path_of(asked) for asked in answering.asked] == [
            "/a/messages", "/o/chat/completions",
        ]  # fmt: skip


async def test_where_one_can_not_take_it_and_the_other_fails_one_trouble_is_told() -> None:
    answering = Answering({"/o/": (401, {"error": {"message": "no"}})})
    async with (
        upstream(answering) as url,
        before(url, {"a": "anthropic", "o": "openai"}, virtual_models=[any_of("a", "o")]) as place,
    ):
        reply = await place.post(HELLO | {"model": "any", "seed": 7})
        assert reply.code == "unsupported_parameter"
        assert "at-o: auth" in reply.json["detail"]


async def test_a_request_that_can_not_be_read_is_the_callers_mistake(answering: Answering) -> None:
    async with upstream(answering) as url, before(url, {"a": "anthropic"}) as place:
        reply = await place.post({"model": "at-a", "messages": [{"role": "user", "content": 7}]})
        assert reply.code == "request_invalid"
        assert "messages" in str(reply.json["param"])
    assert answering.asked == []


# -- forms ----------------------------------------------------------------------------------------

FORM = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
    b"Content-Type: audio/wav\r\n\r\n\x00\xffRIFF--b\r\r\n--b\r\n"
    b'Content-Disposition: form-data; name="model"\r\n\r\nat-o\r\n--b--\r\n'
)


SECOND = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nx\r\n'


async def test_a_form_passes_with_its_model_spliced(answering: Answering) -> None:
    async with upstream(answering) as url, before(url, {"o": "openai"}) as place:
        reply = await place.post(
            FORM, "/v1/audio/transcriptions", content_type="multipart/form-data; boundary=b"
        )
        assert reply.status == 200, reply.body
    asked = answering.only
    assert path_of(asked) == "/o/audio/transcriptions"
    assert asked.body == FORM.replace(b"at-o", b"up")
    fields = dict(asked.fields)
    assert fields["content-type"] == "multipart/form-data; boundary=b"
    assert fields["content-length"] == str(len(FORM) - 2)


@pytest.mark.parametrize(
    "body",
    [
        FORM.replace(b'name="model"', b'name="other"'),
        FORM.replace(b"--b--\r\n", b""),
        FORM.replace(b"--b--", SECOND + b"--b--"),
        b"",
    ],
)
async def test_a_form_without_one_model_is_refused(answering: Answering, body: bytes) -> None:
    async with upstream(answering) as url, before(url, {"o": "openai"}) as place:
        reply = await place.post(
            body, "/v1/audio/transcriptions", content_type="multipart/form-data; boundary=b"
        )
        assert reply.code == "request_invalid"
    assert answering.asked == []


# -- deadlines ------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["0", "-1", "soon", "nan", "inf", "1e9", "86401", "1 s", "0x1"])
@pytest.mark.parametrize("virtual", [False, True])
async def test_a_time_that_is_none_is_refused(
    answering: Answering, said: str, virtual: bool
) -> None:
    virtuals = [any_of("o", total_s=2)]
    async with (
        upstream(answering) as url,
        before(url, {"o": "openai"}, virtual_models=virtuals) as place,
    ):
        model = "any" if virtual else "at-o"
        reply = await place.post(HELLO | {"model": model}, faregate_timeout=said)
        assert reply.code == "request_invalid"
        assert reply.json["param"] == "faregate-timeout"
    assert answering.asked == []


async def slow(asked: Asked) -> None:
    await asyncio.sleep(0.6)
    await Answering()(asked)


@pytest.mark.parametrize(("said", "total_s"), [("0.2", None), ("30", 0.2), (None, 0.2)])
@pytest.mark.alone
async def test_the_sooner_of_both_times_ends_a_call(
    said: str | None, total_s: float | None
) -> None:
    more = {} if total_s is None else {"total_s": total_s}
    async with (
        upstream(slow) as url,
        before(url, {"o": "openai"}, virtual_models=[any_of("o", **more)]) as place,
    ):
        begun = time.monotonic()
        fields = {} if said is None else {"faregate_timeout": said}
        reply = await place.post(HELLO | {"model": "any"}, **fields)
        assert reply.code == "upstream_timeout"
        assert "0.2 s" in reply.json["detail"]
        assert time.monotonic() - begun < 0.55
        [call] = await place.settled()
        [attempt] = call.settled.attempts
        assert attempt.result == "upstream_timeout"


async def test_the_time_left_goes_up_where_the_caller_said_one(answering: Answering) -> None:
    async with upstream(answering) as url, before(url, {"o": "openai"}) as place:
        assert (await place.post(HELLO | {"model": "at-o"}, faregate_timeout="5")).status == 200
        left = float(dict(answering.asked[0].fields)["faregate-timeout"])
        assert 4 < left <= 5
        assert (await place.post(HELLO | {"model": "at-o"})).status == 200
        assert "faregate-timeout" not in dict(answering.asked[1].fields)


async def test_a_call_that_ends_in_time_leaves_no_timer(answering: Answering) -> None:
    async with upstream(answering) as url, before(url, {"o": "openai"}) as place:
        reply = await place.post(HELLO | {"model": "at-o"}, faregate_timeout="0.3")
        assert reply.status == 200
        await asyncio.sleep(0.5)
        [call] = await place.settled()
        assert call.settled.outcome == "answered"


# -- which target ---------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["weighted", "least_latency", "least_cost", "sticky"])
async def test_every_strategy_serves_and_repeats_by_a_key(strategy: str) -> None:
    answering = Answering()
    virtual = [any_of("o", "p", strategy=strategy)]
    async with (
        upstream(answering) as url,
        before(url, {"o": "openai", "p": "openai"}, virtual_models=virtual) as place,
    ):
        for _ in range(6):
            reply = await place.post(HELLO | {"model": "any"}, idempotency_key="once")
            assert reply.status == 200
        served = {path_of(asked).split("/")[1] for asked in answering.asked}
        assert served <= {"o", "p"}
        if strategy == "sticky":
            assert len(served) == 1


async def test_conditions_choose_by_the_request(answering: Answering) -> None:
    targets = [
        {"model": "at-o", "when": "request.temperature > 0.5"},
        {"model": "at-p", "when": "stream == false"},
    ]
    virtual = [{"name": "any", "targets": targets}]
    async with (
        upstream(answering) as url,
        before(url, {"o": "openai", "p": "openai"}, virtual_models=virtual) as place,
    ):
        for temperature in (0.9, 0.1):
            await place.post(HELLO | {"model": "any", "temperature": temperature})
        await place.post(HELLO | {"model": "any"})
        first, second, third = (path_of(asked).split("/")[1] for asked in answering.asked)
        assert (first, second, third) == ("o", "p", "p")
        reply = await place.post(STREAM | {"model": "any"})
        assert reply.code == "no_healthy_upstream"


async def test_a_small_reply_is_passed_as_it_is(answering: Answering) -> None:
    async with upstream(answering) as url, before(url, {"o": "openai"}) as place:
        assert (await place.post(HELLO | {"model": "at-o"})).json == CHAT_REPLY


async def test_a_place_may_be_asked_at_once(place: Place) -> None:
    replies = await asyncio.gather(*(place.post() for _ in range(20)))
    assert {reply.status for reply in replies} == {200}
    async with running() as other:
        assert (await other.post()).status == 200
