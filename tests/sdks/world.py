"""A gate before back ends of many dialects, as scripted models; and keys in every state.

A model is named after its back end and what it does, such as "gemini-tool".
"""

import asyncio
import contextlib
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import msgspec
import uvloop
from tests.clients.gates import MODEL
from tests.gate.running import running

from faregate.configuration.document import Document
from faregate.simulator.service import SimulatorThread

TEXT: Final = 'Grüße aus Köln und 東京: es sind 22 °C, "schön" 🙂.'
WEATHER: Final = '{"city":"Köln \\"Süd\\""}'

# What a model does, as the simulator is told.
DEEDS: Final = {
    "plain": f"text={quote(TEXT)}",
    "tool": f"tool=get_weather,arguments={quote(WEATHER)}",
    "tools": "tools=2",
    "any": "tool",
    "json": "json",
    "think": f"thinking=12,text={quote(TEXT)}",
    "agent": "thinking=12,tool",
    "agents": "thinking=12,tools=2",
}

# Back end: vendor, path below the simulator's address, the dialects of generating.
BACK_ENDS: Final[dict[str, tuple[str, str, tuple[str, ...]]]] = {
    "openai": ("openai", "/v1", ("openai_chat",)),
    "responses": ("openai", "/v1", ("openai_responses",)),
    "anthropic": ("anthropic", "/v1", ()),
    "gemini": ("gemini", "/v1beta", ("gemini",)),
    "bedrock": ("bedrock", "", ()),
    "cohere": ("cohere", "/v2", ("cohere",)),
    "mistral": ("mistral", "/mistral/v1", ("openai_chat",)),
    "ollama": ("ollama", "/v1", ("ollama",)),
}
MODELS: Final = {  # what is done may depend on a model's name
    "openai": "gpt-5-mini",
    "responses": "gpt-5-mini",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-3-flash-preview",
    "bedrock": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "cohere": "command-a-reasoning-08-2025",
    "mistral": "magistral-medium-latest",
    "ollama": "qwen3:8b",
}
# Those that make embeddings, by their own dialects.
EMBEDDING: Final = {
    "openai": "openai_embeddings",
    "gemini": "gemini_embeddings",
    "bedrock": "bedrock_invoke",
    "cohere": "cohere_embeddings",
    "mistral": "openai_embeddings",
    "ollama": "ollama_embeddings",
}
EMBEDDING_MODELS: Final = {"bedrock": "cohere.embed-english-v3"}  # decides its form there
DEAD: Final = "http://127.0.0.1:9/v1"  # nothing listens at the port of discard


@dataclass
class World:
    """Where the gate is, and keys: good, bad, broke, limited."""

    url: str
    keys: dict[str, str]
    simulator: SimulatorThread


def document(simulator_url: str, local_url: str | None = None) -> Document:
    """Accounts at the simulator, one a back end, and one at a server of a real model."""
    root = simulator_url.removesuffix("/v1")
    providers: list[dict[str, Any]] = [
        {"name": "dead", "vendor": "openai", "base_url": DEAD, "api_key": "k", "proxy": "none"}
    ]
    providers.append(_account("overloaded", "openai", simulator_url, ()))
    models: list[dict[str, Any]] = [
        {"name": "dead", "provider": "dead"},
        {"name": "overloaded", "provider": "overloaded", "upstream_model": "sim:error=overloaded"},
    ]
    for name, (vendor, path, dialects) in BACK_ENDS.items():
        providers.append(_account(name, vendor, root + path, dialects))
        for deed, script in DEEDS.items():  # an account for each, for it tells the script
            account = _account(f"{name}-{deed}", vendor, root + path, dialects)
            providers.append(account | {"headers": {"x-simulate": script}})
            model = {"provider": account["name"], "upstream_model": MODELS[name]}
            models.append(model | {"name": account["name"]})
        if name in EMBEDDING:
            model = EMBEDDING_MODELS.get(name, "sim-embed")
            # Google's SDK puts all texts into one for models named otherwise.
            shown = "gemini-embedding-001" if name == "gemini" else f"embed-{name}"
            models.append({"name": shown, "provider": name, "upstream_model": model})
    if local_url is not None:
        account = {"name": "local", "vendor": "llama_cpp", "base_url": local_url, "proxy": "none"}
        providers.append(account | {"dialects": {"generate": ["openai_chat"]}})
        models.append({"name": MODEL, "provider": "local"})
    limit = {"name": "once", "each": "application", "max": 1, "per": "day"}
    return msgspec.convert(
        {
            "settings": {"routing": {"retries_max": 0}},
            "providers": providers,
            "models": models,
            "wallets": [{"name": "empty"}],
            "applications": [{"name": "broke", "wallet": "empty"}, {"name": "limited"}],
            "limits": [limit | {"applications": ["limited"]}],
            "prices": [{"model": "openai-plain", "input": "1", "output": "1"}],
        },
        Document,
    )


def _account(name: str, vendor: str, url: str, dialects: tuple[str, ...]) -> dict[str, Any]:
    spoken: dict[str, Any] = {"generate": list(dialects)} if dialects else {}
    if name in EMBEDDING:
        spoken["embeddings"] = [EMBEDDING[name]]
    account: dict[str, Any] = {
        "name": name,
        "vendor": vendor,
        "base_url": url,
        "api_key": "sk-back-end",
        "proxy": "none",
        "dialects": spoken,
    }
    if vendor == "bedrock":
        account |= {"api_key": "AKIDSDKS:secret", "options": {"region": "us-east-1"}}
    return account


def _use_up(place: World) -> None:
    """Make the one call that the limited key may make."""
    request = urllib.request.Request(
        f"{place.url}/v1/chat/completions",
        b'{"model":"openai-plain","messages":[{"role":"user","content":"hello"}]}',
        {"authorization": f"Bearer {place.keys['limited']}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert reply.status == 200


@contextlib.contextmanager
def world(local_url: str | None = None) -> Iterator[World]:
    """A gate in a thread of its own, before a simulator in another."""
    with SimulatorThread() as simulator:
        found: list[World] = []
        ready = threading.Event()
        loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

        async def serve() -> None:
            done = asyncio.Event()
            loops.append((asyncio.get_running_loop(), done))
            async with running(simulator.base_url) as place:
                place.adopt(document(simulator.base_url, local_url))
                keys = {"good": place.key, "bad": place.key[:-1] + "!"}
                for name in ("broke", "limited"):
                    keys[name] = place.source.add_key(name, application=name)
                found.append(World(f"http://127.0.0.1:{place.port}", keys, simulator))
                ready.set()
                await done.wait()

        def run() -> None:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(serve())

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        assert ready.wait(20), "the gate has not started"
        _use_up(found[0])
        try:
            yield found[0]
        finally:
            loop, done = loops[0]
            loop.call_soon_threadsafe(done.set)
            thread.join(10)
