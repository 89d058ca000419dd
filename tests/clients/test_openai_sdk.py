"""OpenAI's SDK works against the gate as against OpenAI, sync and async, streamed and not."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from tests.clients.gates import MODEL, Address

from faregate.simulator.service import SimulatorThread

HELLO: Any = [{"role": "user", "content": "hello"}]
QUESTION: Any = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture
def sdk(gate: Address, simulator: SimulatorThread) -> Iterator[openai.OpenAI]:
    simulator.reset()
    gate.heal()
    with openai.OpenAI(base_url=gate.base_url, api_key=gate.key) as client:
        yield client


# -- the real model -------------------------------------------------------------------------------


def test_a_real_answer(model_gate: Address) -> None:
    with openai.OpenAI(base_url=model_gate.base_url, api_key=model_gate.key) as client:
        for name in (MODEL, "local"):
            reply = client.chat.completions.create(model=name, messages=QUESTION)
            assert "Paris" in str(reply.choices[0].message.content)
            assert reply.usage is not None
            assert reply.usage.completion_tokens > 0
        stream = client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True)
        chunks = list(stream)
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert "Paris" in text
        assert len(chunks) > 3
        assert all(chunk.usage is None and chunk.choices for chunk in chunks)
        asked = client.chat.completions.create(
            model=MODEL, messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
        usage = list(asked)[-1].usage
        assert usage is not None
        assert usage.completion_tokens > 0
        assert [model.id for model in client.models.list()] == sorted(
            [MODEL, "local", "sim", "alias", "renamed", "m0", "m1"]
        )


async def test_real_answers_at_once(model_gate: Address) -> None:
    async with openai.AsyncOpenAI(base_url=model_gate.base_url, api_key=model_gate.key) as client:
        replies = await asyncio.gather(
            *(client.chat.completions.create(model=MODEL, messages=QUESTION) for _ in range(4))
        )
        assert all("Paris" in str(reply.choices[0].message.content) for reply in replies)
        stream = await client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True)
        pieces = [c.choices[0].delta.content or "" async for c in stream if c.choices]
        assert "Paris" in "".join(pieces)
        leaving = await client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True)
        async for _ in leaving:
            break
        await leaving.close()
        assert (await client.models.retrieve("local")).id == "local"


# -- the simulator --------------------------------------------------------------------------------


def test_every_way_of_asking(sdk: openai.OpenAI) -> None:
    assert sdk.completions.create(model="sim", prompt="hello").choices[0].text
    assert len(sdk.embeddings.create(model="sim", input=["a", "b"]).data) == 2
    assert sdk.models.retrieve("alias").id == "alias"
    reply = sdk.chat.completions.with_raw_response.create(model="alias", messages=HELLO)
    assert reply.headers["faregate-call-id"].startswith("call_")
    assert reply.headers["x-request-id"] == "req_simulator"
    with sdk.chat.completions.stream(model="sim", messages=HELLO) as stream:
        assert stream.get_final_completion().choices[0].message.content
    with sdk.chat.completions.with_streaming_response.create(
        model="sim", messages=HELLO, stream=True
    ) as raw:
        assert raw.read().endswith(b"data: [DONE]\n\n")


def test_a_thousand_tokens_are_the_same_streamed_or_not(sdk: openai.OpenAI) -> None:
    more: Any = {"extra_headers": {"X-Simulate": "tokens=1000,seed=3"}}
    whole = sdk.chat.completions.create(model="sim", messages=HELLO, **more)
    stream = sdk.chat.completions.create(model="sim", messages=HELLO, stream=True, **more)
    text = "".join(c.choices[0].delta.content or "" for c in stream)
    assert text == whole.choices[0].message.content


@pytest.mark.parametrize(
    ("key", "model", "kind", "code"),
    [
        ("fg_wrong", "sim", openai.AuthenticationError, "key_unknown"),
        (None, "nowhere", openai.NotFoundError, "model_unknown"),
    ],
)
def test_a_refusal_is_the_sdks_own_error_and_not_retried(
    sdk: openai.OpenAI,
    simulator: SimulatorThread,
    key: str | None,
    model: str,
    kind: type[openai.APIStatusError],
    code: str,
) -> None:
    with pytest.raises(kind) as caught:
        sdk.with_options(api_key=key or sdk.api_key).chat.completions.create(
            model=model, messages=HELLO
        )
    assert caught.value.code == code
    assert caught.value.response.json()["call_id"]
    assert simulator.snapshot()["requests"] == 0


def test_what_no_retry_can_mend_is_not_retried(
    sdk: openai.OpenAI, simulator: SimulatorThread
) -> None:
    """A 503 that the SDK would try again, were it not told otherwise."""
    with pytest.raises(openai.InternalServerError) as caught:
        sdk.chat.completions.create(model="m0", messages=HELLO)
    assert caught.value.status_code == 503
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert simulator.snapshot()["requests"] == 1


def test_what_time_mends_is_retried_after_that_time(
    sdk: openai.OpenAI, simulator: SimulatorThread
) -> None:
    begun = time.monotonic()
    reply = sdk.chat.completions.create(model="m1", messages=HELLO)
    assert reply.choices[0].message.content
    assert simulator.snapshot()["requests"] == 2
    assert time.monotonic() - begun < 5


def test_a_failing_provider_is_tried_again_and_then_told(
    sdk: openai.OpenAI, simulator: SimulatorThread
) -> None:
    hasty = sdk.with_options(max_retries=1)
    with pytest.raises(openai.InternalServerError) as caught:
        hasty.chat.completions.create(
            model="sim", messages=HELLO, extra_headers={"X-Simulate": "error=server_error"}
        )
    assert caught.value.code == "provider_failed"
    assert simulator.snapshot()["requests"] == 6  # each of its calls is tried three times


def test_a_callers_mistake_is_in_the_providers_words(
    sdk: openai.OpenAI, simulator: SimulatorThread
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(
            model="sim", messages=HELLO, extra_headers={"X-Simulate": "error=context_length"}
        )
    assert caught.value.code == "context_length_exceeded"
    assert "maximum context length" in str(caught.value)
    assert simulator.snapshot()["requests"] == 1


@pytest.mark.parametrize("script", ["cut_after=2", "malformed=chunk"])
def test_a_cut_stream_is_an_error(sdk: openai.OpenAI, script: str) -> None:
    stream = sdk.chat.completions.create(
        model="sim", messages=HELLO, stream=True, extra_headers={"X-Simulate": script}
    )
    with pytest.raises(openai.APIError) as caught:
        list(stream)
    assert caught.value.code in ("upstream_closed", "upstream_malformed")
    again = sdk.chat.completions.create(model="sim", messages=HELLO)
    assert again.choices[0].message.content


def test_a_cut_reply_is_a_connection_error(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.APIConnectionError):
        sdk.with_options(max_retries=0).chat.completions.create(
            model="sim", messages=HELLO, extra_headers={"X-Simulate": "cut_after=50"}
        )


def test_closing_a_stream_stops_the_provider(
    sdk: openai.OpenAI, simulator: SimulatorThread
) -> None:
    stream = sdk.chat.completions.create(
        model="sim", messages=HELLO, stream=True, extra_headers={"X-Simulate": "stall_after=2"}
    )
    next(iter(stream))
    stream.close()
    assert simulator.wait(cancelled=1)["cancelled"] == 1


async def test_the_asynchronous_sdk_under_load(gate: Address, simulator: SimulatorThread) -> None:
    simulator.reset()
    gate.heal()
    async with openai.AsyncOpenAI(base_url=gate.base_url, api_key=gate.key) as client:

        async def one(number: int) -> str:
            more: Any = {"extra_headers": {"X-Simulate": f"text={number},token_ms=1"}}
            if number % 2:
                reply = await client.chat.completions.create(model="sim", messages=HELLO, **more)
                return str(reply.choices[0].message.content)
            stream = await client.chat.completions.create(
                model="sim", messages=HELLO, stream=True, **more
            )
            return "".join([c.choices[0].delta.content or "" async for c in stream])

        assert await asyncio.gather(*map(one, range(100))) == [str(n) for n in range(100)]
    assert simulator.snapshot()["requests"] == 100
