"""Any dialect to any vendor: the same words, usage and charge, whole and streamed."""

import json
from typing import Any

import msgspec
import pytest
from tests.gate.running import Place, Reply, running

from faregate.configuration.document import Document
from faregate.configuration.references import plain
from faregate.simulator.service import Simulator

WORDS = "Say something."
VENDORS: dict[str, dict[str, Any]] = {
    "openai": {"path": "/v1", "vendor": "openai", "dialects": {"generate": ["openai_chat"]}},
    "responses": {
        "path": "/v1", "vendor": "openai", "dialects": {"generate": ["openai_responses"]},
    },
    "anthropic": {"path": "/v1", "vendor": "anthropic"},
    "gemini": {"path": "/v1beta", "vendor": "gemini", "dialects": {"generate": ["gemini"]}},
    "cohere": {"path": "/v2", "vendor": "cohere", "dialects": {"generate": ["cohere"]}},
    "ollama": {"path": "/v1", "vendor": "ollama", "dialects": {"generate": ["ollama"]}},
}  # fmt: skip


def chat(stream: bool) -> tuple[str, dict[str, Any]]:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": WORDS}]
    usage = {"stream_options": {"include_usage": True}} if stream else {}
    body = {"messages": messages, "max_tokens": 40, "stream": stream, **usage}
    return "/v1/chat/completions", body


def responses(stream: bool) -> tuple[str, dict[str, Any]]:
    body = {"instructions": "Be brief.", "input": WORDS, "max_output_tokens": 40, "stream": stream}
    return "/v1/responses", body


def messages(stream: bool) -> tuple[str, dict[str, Any]]:
    said = [{"role": "user", "content": WORDS}]
    body = {"system": "Be brief.", "messages": said, "max_tokens": 40, "stream": stream}
    return "/v1/messages", body


def gemini(stream: bool) -> tuple[str, dict[str, Any]]:
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    body = {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": WORDS}]}],
        "generationConfig": {"maxOutputTokens": 40},
    }
    return f"/v1beta/models/{{model}}:{verb}", body


def ollama(stream: bool) -> tuple[str, dict[str, Any]]:
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": WORDS}]
    return "/api/chat", {"messages": said, "options": {"num_predict": 40}, "stream": stream}


def cohere(stream: bool) -> tuple[str, dict[str, Any]]:
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": WORDS}]
    return "/v2/chat", {"messages": said, "max_tokens": 40, "stream": stream}


CALLERS = {
    "chat": chat, "responses": responses, "anthropic": messages, "gemini": gemini,
    "ollama": ollama, "cohere": cohere,
}  # fmt: skip


def text_of(caller: str, reply: Reply) -> str:
    """The words of a whole reply."""
    body = reply.json
    if caller == "chat":
        return str(body["choices"][0]["message"]["content"])
    if caller == "responses":
        parts = [item["content"] for item in body["output"] if item["type"] == "message"]
        return "".join(part["text"] for part in parts[0])
    if caller == "anthropic":
        return "".join(part["text"] for part in body["content"])
    if caller == "gemini":
        return "".join(part["text"] for part in body["candidates"][0]["content"]["parts"])
    if caller == "ollama":
        return str(body["message"]["content"])
    return "".join(part["text"] for part in body["message"]["content"])


def streamed_text(caller: str, reply: Reply) -> str:
    """The words of a stream."""
    if caller == "ollama":
        rows = [json.loads(line) for line in reply.body.splitlines() if line]
        return "".join(row["message"]["content"] for row in rows)
    found = []
    for event in reply.body.replace(b"\r\n", b"\n").split(b"\n\n"):
        data = event.rpartition(b"data: ")[2]
        if not data.startswith(b"{"):
            continue
        row = json.loads(data)
        if caller == "chat":
            found += [one["delta"].get("content") or "" for one in row["choices"]]
        elif caller == "responses" and row["type"] == "response.output_text.delta":
            found.append(row["delta"])
        elif caller == "anthropic" and row["type"] == "content_block_delta":
            found.append(row["delta"].get("text", ""))
        elif caller == "gemini":
            parts = (
                row["candidates"][0]["content"].get("parts", []) if row.get("candidates") else []
            )
            found += [part.get("text", "") for part in parts]
        elif caller == "cohere" and row["type"] == "content-delta":
            found.append(row["delta"]["message"]["content"].get("text", ""))
    return "".join(found)


def documented(simulator: Simulator, vendor: str, base: Document) -> Document:
    facts = dict(VENDORS[vendor])
    path = facts.pop("path")
    url = f"http://127.0.0.1:{simulator.port}{path}"

    told = plain(base)
    told["providers"][0] |= {"base_url": url, **facts}
    return msgspec.convert(told, Document)


async def asked(place: Place, caller: str, stream: bool) -> Reply:
    path, body = CALLERS[caller](stream)
    if "{model}" in path:
        path = path.replace("{model}", "sim")
    else:
        body = {"model": "sim", **body}
    return await place.post(body, path, x_simulate="")


PRICED: dict[str, Any] = {
    "applications": [{"name": "app", "wallet": "main"}],
    "wallets": [{"name": "main"}],
    "prices": [{"model": "sim", "input": "1", "output": "2"}],
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_any_dialect_to_any_vendor(caller: str, vendor: str, stream: bool) -> None:
    async with Simulator() as simulator, running(simulator.base_url, commerce=PRICED) as place:
        place.ledger.grant("main", 10**9)
        place.adopt(documented(simulator, vendor, place.source.latest().document))
        reply = await asked(place, caller, stream)
        assert reply.status == 200, reply.body
        text = streamed_text(caller, reply) if stream else text_of(caller, reply)
        assert len(text) > 10
        [call] = await place.settled()
        settled = call.settled
        assert settled.outcome == "answered"
        usage = settled.usage
        assert usage is not None
        assert usage.input_tokens
        assert usage.output_tokens
        charge = settled.charge
        assert charge is not None
        expected = usage.input_tokens * 1_000 + usage.output_tokens * 2_000
        assert (charge.basis, charge.charge_nano) == ("stated", expected)


@pytest.mark.parametrize("stream", [False, True])
async def test_claude_at_google_is_spoken_to_as_google_wants(stream: bool) -> None:
    async with Simulator() as simulator, running(simulator.base_url) as place:
        told = plain(place.source.latest().document)
        told["providers"][0] |= {
            "vendor": "vertex",
            "base_url": f"{simulator.address}/v1/projects/p/locations/global",
            "api_key": "ya29.token",
        }
        told["models"] = [
            {"name": "sim", "provider": "simulated", "upstream_model": "claude-sonnet-4-5"}
        ]
        place.adopt(msgspec.convert(told, Document))
        reply = await asked(place, "chat", stream)
        assert reply.status == 200, reply.body
        [received] = simulator.requests
        verb = b"streamRawPredict" if stream else b"rawPredict"
        assert b"/publishers/anthropic/models/claude-sonnet-4-5:" + verb in received.target
