"""What breaks after the first token is the SDK's own error, whoever serves."""

from collections.abc import Iterable
from typing import Any

import anthropic
import openai
import pytest
from tests.clients.gates import Address
from tests.gate.test_translated import VENDORS

from faregate.simulator.service import SimulatorThread

HELLO: Any = [{"role": "user", "content": "hello"}]
BROKEN = "error_in_stream_after=8,error=overloaded,tokens=30"


@pytest.fixture
def at(gate: Address, simulator: SimulatorThread) -> Address:
    simulator.reset()
    gate.heal()
    return gate


def collect(texts: Iterable[str], seen: list[str]) -> None:
    """Keep what comes before the error."""
    for text in texts:
        seen.append(text)


@pytest.mark.parametrize("vendor", VENDORS)
def test_openais_chat(at: Address, vendor: str) -> None:
    at.serve(vendor, VENDORS[vendor], BROKEN)
    with openai.OpenAI(base_url=at.base_url, api_key=at.key, max_retries=0) as client:
        stream = client.chat.completions.create(model=vendor, messages=HELLO, stream=True)
        seen: list[str] = []
        with pytest.raises(openai.APIError) as caught:
            collect((c.choices[0].delta.content or "" for c in stream if c.choices), seen)
        assert "".join(seen)
        assert caught.value.message
        if vendor != "openai":
            assert caught.value.code == "provider_failed"


@pytest.mark.parametrize("vendor", VENDORS)
def test_openais_responses(at: Address, vendor: str) -> None:
    at.serve(vendor, VENDORS[vendor], BROKEN)
    with openai.OpenAI(base_url=at.base_url, api_key=at.key, max_retries=0) as client:
        stream = client.responses.create(model=vendor, input="hello", stream=True)
        seen, failed = "", False
        try:
            for event in stream:
                seen += event.delta if event.type == "response.output_text.delta" else ""
                failed = failed or event.type in ("error", "response.failed")
        except openai.APIError as error:
            failed = bool(error.message)
        assert seen
        assert failed


@pytest.mark.parametrize("vendor", VENDORS)
def test_anthropics_messages(at: Address, vendor: str) -> None:
    at.serve(vendor, VENDORS[vendor], BROKEN)
    with anthropic.Anthropic(base_url=at.url, api_key=at.key, max_retries=0) as client:
        seen: list[str] = []
        with (
            client.messages.stream(model=vendor, messages=HELLO, max_tokens=90) as stream,
            pytest.raises(anthropic.APIError) as caught,
        ):
            collect(stream.text_stream, seen)
        assert "".join(seen)
        assert caught.value.message


REFUSALS = {
    "auth": (openai.InternalServerError, anthropic.InternalServerError),
    "rate_limit": (openai.RateLimitError, anthropic.RateLimitError),
    "invalid_request": (openai.BadRequestError, anthropic.BadRequestError),
}


@pytest.mark.parametrize("error", REFUSALS)
@pytest.mark.parametrize("vendor", VENDORS)
def test_what_is_refused_is_the_sdks_own_error(at: Address, vendor: str, error: str) -> None:
    of_openai, of_anthropic = REFUSALS[error]
    at.serve(vendor, VENDORS[vendor], f"error={error}")
    with openai.OpenAI(base_url=at.base_url, api_key=at.key, max_retries=0) as client:
        for stream in (False, True):
            with pytest.raises(of_openai):
                client.chat.completions.create(model=vendor, messages=HELLO, stream=stream)
            at.heal()
    with anthropic.Anthropic(base_url=at.url, api_key=at.key, max_retries=0) as other:
        with pytest.raises(of_anthropic) as caught:
            other.messages.create(model=vendor, messages=HELLO, max_tokens=90)
        assert caught.value.response.headers["request-id"]
    at.heal()


def test_a_part_that_can_not_be_taken_is_the_callers_mistake(at: Address) -> None:
    at.serve("anthropic", VENDORS["anthropic"], "")
    with openai.OpenAI(base_url=at.base_url, api_key=at.key) as client:
        ask: Any = {"model": "anthropic", "messages": HELLO, "seed": 7}
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(**ask)
        assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "seed")
        dropping = {"Faregate-Unsupported": "drop"}
        raw = client.chat.completions.with_raw_response.create(**ask, extra_headers=dropping)
        assert raw.headers["faregate-dropped"] == "seed"
        assert raw.parse().choices[0].message.content
        with pytest.raises(openai.BadRequestError) as unserved:
            client.embeddings.create(model="anthropic", input="hello")
        assert unserved.value.code == "operation_unsupported"
