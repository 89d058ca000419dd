"""A refusal is read whole from what any dialect, SDK or HTTP library makes of it."""

import asyncio
import datetime as dt
import json
import os
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import anthropic
import httpx
import httpx2
import msgspec
import openai
import pytest
import requests
from tests.client.refused_world import HELLO, LARGE, poor_gate, url_of
from tests.dialects.specimen_refusals import CALL_ID, REFUSALS
from tests.gate.running import Place

from faregate.client import Refusal
from faregate.core import refusals as gate_refusals
from faregate.core.money import parse_amount
from faregate.dialects.renderers import RENDERERS

MONEY = ("needed", "available", "held")


def check_same(seen: Refusal | None, sent: gate_refusals.Refusal) -> None:
    """What was read is what was said."""
    assert seen is not None, sent
    assert (seen.code, seen.status, seen.side) == (sent.code, sent.status, sent.kind.side)
    assert (seen.scope, seen.subject, seen.param) == (sent.scope, sent.subject, sent.param)
    assert (seen.title, seen.retryable) == (sent.kind.title, sent.kind.retryable)
    assert (seen.complete, seen.call_id) == (True, CALL_ID)
    for name in MONEY:
        nano, amount = getattr(sent, f"{name}_nano"), getattr(seen, name)
        assert (None if amount is None else parse_amount(amount)) == nano, name
    assert seen.affordable_max_tokens == sent.affordable_output_tokens
    assert seen.retry_after_s == (None if sent.status == 402 else sent.retry_after_s)
    assert (seen.resets_at is None) == (sent.resets_ns is None)
    assert seen.should_retry == sent.should_retry


@pytest.mark.parametrize("dialect", RENDERERS)
def test_every_refusal_of_every_dialect(dialect: str) -> None:
    for sent in REFUSALS:
        fields, body = RENDERERS[dialect].render(sent, CALL_ID)
        seen = Refusal.from_response(sent.status, dict(fields), body)
        check_same(seen, sent)
        assert seen is not None
        if not dialect.startswith("gemini"):
            assert seen.detail == sent.detail
            assert seen.fixes == sent.fixes


@pytest.mark.parametrize("dialect", RENDERERS)
def test_every_refusal_as_the_end_of_a_stream(dialect: str) -> None:
    for sent in REFUSALS:
        event = RENDERERS[dialect].render_event(sent, CALL_ID).decode()
        data = event.partition("data: ")[2] if "data: " in event else event.strip(",]\r\n")
        seen = Refusal.from_event(data)
        assert seen is not None, sent
        assert seen.code == sent.code
        if dialect == "openai":  # its shape has a code and a text, and no place for more
            assert not seen.complete
            assert seen.detail.startswith(sent.detail)
        else:
            check_same(seen, sent)


def test_amounts_and_times_are_values() -> None:
    [budget] = [one for one in REFUSALS if one.code == "budget_exhausted" and one.status == 429]
    _, body = RENDERERS["openai"].render(budget, CALL_ID)
    seen = Refusal.from_response(429, {}, body)
    assert seen is not None
    assert (seen.limit, seen.used) == (Decimal("500.00"), Decimal("500.00"))
    assert seen.resets_at == dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
    assert seen.retry_after_s == budget.retry_after_s
    assert str(seen).startswith("429 budget_exhausted: ")


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"message":"You exceeded your quota","code":"credit_exhausted"}}',
        b'{"error":{"message":"no","type":"invalid_request_error","code":null}}',
        b'{"code":"credit_exhausted","side":"caller"}',
        b'{"error":{"code":402,"status":"X","details":[{"reason":"CREDIT_EXHAUSTED"}]}}',
        b"<html>402</html>",
        b"",
        b"[1,2]",
        b"\xff\xfe",
        b'"text (credit_exhausted)"',
    ],
)
def test_others_words_are_no_refusal(body: bytes) -> None:
    assert Refusal.from_response(402, {"content-type": "application/json"}, body) is None


def test_what_a_newer_gate_says_is_no_trouble() -> None:
    _, body = RENDERERS["openai"].render(REFUSALS[0], CALL_ID)
    told = json.loads(body)
    told |= {"code": "quite_new", "retryable": True, "limit": "many", "resets_at": "soon"}
    told["fixes"] = [{"text": "Do it.", "change": {"kind": "dance"}}, "what?"]
    seen = Refusal.from_response(418, {}, json.dumps(told))
    assert seen is not None
    assert (seen.code, seen.limit, seen.resets_at) == ("quite_new", None, None)
    assert [fix.text for fix in seen.fixes] == ["Do it."]


def test_exceptions_that_are_none() -> None:
    assert Refusal.from_exception(ValueError("no")) is None
    looped = ValueError("a")
    looped.__cause__ = looped
    assert Refusal.from_exception(looped) is None


# -- a real gate, real SDKs ------------------------------------------------------------------------


@pytest.fixture
async def poor() -> AsyncIterator[Place]:
    async with poor_gate() as place:
        yield place


def check_too_large(seen: Refusal | None) -> None:
    """The call of `LARGE` tokens, which half a dollar doesn't pay for."""
    assert seen is not None
    assert (seen.code, seen.status, seen.scope) == ("call_too_large", 402, "wallet")
    assert (seen.subject, seen.available) == ("main", Decimal("0.5"))
    assert seen.needed is not None
    assert seen.needed > Decimal("0.6")
    assert seen.affordable_max_tokens is not None
    assert 40_000 < seen.affordable_max_tokens < 50_000
    assert seen.payment_url == "https://pay.example/main"
    assert seen.call_id is not None
    assert seen.call_id.startswith("call_")
    assert seen.complete
    assert not seen.should_retry


async def test_openais(poor: Place) -> None:
    base_url = f"{url_of(poor)}/v1"
    async with openai.AsyncOpenAI(base_url=base_url, api_key=poor.key, max_retries=0) as client:
        with pytest.raises(openai.APIStatusError) as caught:
            await client.chat.completions.create(model="sim", messages=HELLO, max_tokens=LARGE)
        check_too_large(Refusal.from_exception(caught.value))
        with pytest.raises(openai.APIStatusError) as caught:
            await client.responses.create(model="sim", input="hello", max_output_tokens=LARGE)
        check_too_large(Refusal.from_exception(caught.value))
        with pytest.raises(openai.NotFoundError) as missed:
            await client.chat.completions.create(model="nowhere", messages=HELLO)
        seen = Refusal.from_exception(missed.value)
        assert seen is not None
        assert (seen.code, seen.param) == ("model_unknown", "model")
        wrong = client.with_options(api_key="fg_wrong")
        with pytest.raises(openai.AuthenticationError) as unknown:
            await wrong.models.list()
        seen = Refusal.from_exception(unknown.value)
        assert seen is not None
        assert seen.code == "key_unknown"


async def test_a_stream_that_breaks(poor: Place) -> None:
    base_url = f"{url_of(poor)}/v1"
    async with openai.AsyncOpenAI(base_url=base_url, api_key=poor.key, max_retries=0) as client:
        stream = await client.chat.completions.create(
            model="sim",
            messages=HELLO,
            max_tokens=20,
            stream=True,
            extra_headers={"X-Simulate": "cut_after=2"},
        )
        with pytest.raises(openai.APIError) as caught:
            async for _ in stream:
                pass
        seen = Refusal.from_exception(caught.value)
        assert seen is not None
        assert (seen.code, seen.side, seen.complete) == ("upstream_closed", "provider", False)
        assert seen.retryable


async def test_a_stream_whose_credit_ends_says_so_in_its_last_chunk() -> None:
    async with poor_gate("0.011") as place:
        base_url = f"{url_of(place)}/v1"
        async with openai.AsyncOpenAI(base_url=base_url, api_key=place.key) as client:
            stream = await client.chat.completions.create(
                model="sim",
                messages=HELLO,
                stream=True,
                extra_headers={"X-Simulate": "tokens=3000"},
            )
            seen = [Refusal.from_event(chunk) async for chunk in stream]
    assert seen[0] is None
    assert seen[-1] is not None
    assert (seen[-1].code, seen[-1].scope) == ("credit_exhausted", "wallet")


async def test_anthropics(poor: Place) -> None:
    url = url_of(poor)
    async with anthropic.AsyncAnthropic(base_url=url, api_key=poor.key, max_retries=0) as client:
        with pytest.raises(anthropic.APIStatusError) as caught:
            await client.messages.create(model="sim", messages=HELLO, max_tokens=LARGE, timeout=30)
        check_too_large(Refusal.from_exception(caught.value))


async def test_anthropics_streams() -> None:
    broken = "sk-sim:error_in_stream_after=8,error=overloaded,tokens=30"
    async with poor_gate(api_key=broken) as place:
        url = url_of(place)
        async with anthropic.AsyncAnthropic(base_url=url, api_key=place.key) as client:
            ask: Any = {"model": "sim", "messages": HELLO, "max_tokens": 90}
            async with client.messages.stream(**ask) as stream:
                with pytest.raises(anthropic.APIStatusError) as ended:
                    await stream.get_final_message()
    seen = Refusal.from_exception(ended.value)
    assert seen is not None
    assert (seen.code, seen.status, seen.complete) == ("provider_failed", 502, True)


async def test_http_libraries(poor: Place) -> None:
    body = {"model": "sim", "messages": HELLO, "max_tokens": LARGE}
    ask: dict[str, Any] = {"json": body, "headers": {"Authorization": f"Bearer {poor.key}"}}
    url = f"{url_of(poor)}/v1/chat/completions"
    async with httpx.AsyncClient() as client, httpx2.AsyncClient() as other:
        replies = [await client.post(url, **ask), await other.post(url, **ask)]
        async with client.stream("POST", url, **ask) as unread:
            with pytest.raises(httpx.HTTPStatusError) as silent:
                unread.raise_for_status()
            assert Refusal.from_exception(silent.value) is None
            await unread.aread()
            check_too_large(Refusal.from_exception(silent.value))
    for reply in replies:
        check_too_large(Refusal.from_response(reply.status_code, reply.headers, reply.content))
        with pytest.raises((httpx.HTTPStatusError, httpx2.HTTPStatusError)) as caught:
            reply.raise_for_status()
        check_too_large(Refusal.from_exception(caught.value))
    made = requests.Response()
    made.status_code, made._content = 402, replies[0].content
    with pytest.raises(requests.HTTPError) as raised:
        made.raise_for_status()
    check_too_large(Refusal.from_exception(raised.value))


async def test_wrappers_and_groups(poor: Place) -> None:
    base_url = f"{url_of(poor)}/v1"
    async with openai.AsyncOpenAI(base_url=base_url, api_key=poor.key, max_retries=0) as client:
        try:
            try:
                await client.chat.completions.create(model="sim", messages=HELLO, max_tokens=LARGE)
            except openai.APIStatusError as error:
                raise RuntimeError("the chain failed") from error
        except RuntimeError as wrapped:
            check_too_large(Refusal.from_exception(wrapped))
            group = ExceptionGroup("several", [ValueError("other"), wrapped])
            check_too_large(Refusal.from_exception(group))


SCRIPT = """
import os, sys
import msgspec
from faregate.client import Refusal

url, key, large = os.environ["GATE_URL"], os.environ["GATE_KEY"], int(os.environ["LARGE"])


def told(name, call):
    try:
        call()
    except Exception as error:
        print(msgspec.json.encode([name, Refusal.from_exception(error)]).decode())
        return
    print(msgspec.json.encode([name, None]).decode())
"""
CALLS = {
    "openai_2": """
import openai
client = openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
ask = dict(model="sim", messages=[{"role": "user", "content": "hello"}], max_tokens=large)
told("openai 2", lambda: client.chat.completions.create(**ask))
told("openai 2, a stream", lambda: client.chat.completions.create(stream=True, **ask))
""",
    "google_genai": """
from google import genai
client = genai.Client(api_key=key, http_options={"base_url": url})
config = {"max_output_tokens": large}
ask = dict(model="sim", contents="hello", config=config)
told("genai", lambda: client.models.generate_content(**ask))
told("genai, a stream", lambda: list(client.models.generate_content_stream(**ask)))
""",
    "mistralai": """
from mistralai.client import Mistral
client = Mistral(api_key=key, server_url=url + "/mistral")
ask = dict(model="sim", messages=[{"role": "user", "content": "hello"}], max_tokens=large)
told("mistral", lambda: client.chat.complete(**ask))
told("mistral, a stream", lambda: list(client.chat.stream(**ask)))
""",
    "cohere": """
import cohere
client = cohere.ClientV2(api_key=key, base_url=url)
ask = dict(model="sim", messages=[{"role": "user", "content": "hello"}], max_tokens=large)
told("cohere", lambda: client.chat(**ask))
told("cohere, a stream", lambda: list(client.chat_stream(**ask)))
""",
    "langchain": """
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
chat = ChatOpenAI(base_url=url + "/v1", api_key=key, model="sim", max_tokens=large, max_retries=0)
told("langchain with openai", lambda: chat.invoke("hello"))
other = ChatAnthropic(base_url=url, api_key=key, model="sim", max_tokens=large, max_retries=0)
told("langchain with anthropic", lambda: list(other.stream("hello")))
""",
    "pydantic_ai": """
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
provider = OpenAIProvider(base_url=url + "/v1", api_key=key)
agent = Agent(OpenAIChatModel("sim", provider=provider), model_settings={"max_tokens": large})
told("pydantic ai", lambda: agent.run_sync("hello"))
""",
}


@pytest.mark.timeout(900)  # environments, at the first time
@pytest.mark.parametrize("name", CALLS)
async def test_sdks_in_environments_of_their_own(
    poor: Place, name: str, tmp_path: Path, sdk_pythons: dict[str, Path]
) -> None:
    said = await run_in(sdk_pythons[name], tmp_path, poor, SCRIPT + CALLS[name])
    assert said
    for line in said.splitlines():
        who, seen = msgspec.json.decode(line, type=tuple[str, Refusal | None])
        assert seen is not None, who
        check_too_large(seen)


async def test_ollamas(poor: Place, tmp_path: Path, sdk_pythons: dict[str, Path]) -> None:
    """Its exception has no more than a text; what it was raised for has all."""
    script = SCRIPT + (
        "import ollama\n"
        "client = ollama.Client(host=url, headers={'Authorization': 'Bearer ' + key})\n"
        "ask = dict(model='sim', messages=[{'role': 'user', 'content': 'hello'}])\n"
        "ask['options'] = {'num_predict': large}\n"
        "told('ollama', lambda: client.chat(**ask))\n"
    )
    said = await run_in(sdk_pythons["ollama"], tmp_path, poor, script)
    _, seen = msgspec.json.decode(said, type=tuple[str, Refusal | None])
    check_too_large(seen)


async def run_in(python: Path, folder: Path, place: Place, script: str) -> str:
    """What a script prints, run by `python` with this client and msgspec beside its SDK."""
    source = Path(gate_refusals.__file__).parents[2]
    place_of_msgspec = Path(msgspec.__file__).parent
    (folder / "msgspec").symlink_to(place_of_msgspec)
    environment = {
        **os.environ,
        "GATE_URL": url_of(place),
        "GATE_KEY": place.key,
        "LARGE": str(LARGE),
        "PYTHONPATH": f"{source}{os.pathsep}{folder}",
    }
    process = await asyncio.create_subprocess_exec(
        *(str(python), "-c", script),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()[-2_000:]
    return out.decode()
