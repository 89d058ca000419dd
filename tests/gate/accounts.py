"""Gates before accounts of several vendors, all at one scripted upstream.

async with upstream(answering) as url, before(url, {"a": "openai", "b": "anthropic"}) as place:
    reply = await place.post(HELLO | {"model": "at-a"})
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.gate.running import Asked, Place, running

CHAT_REPLY: dict[str, Any] = {
    "id": "c-1", "object": "chat.completion", "created": 1, "model": "up",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}  # fmt: skip
MESSAGE_REPLY: dict[str, Any] = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "up",
    "content": [{"type": "text", "text": "Hi."}], "stop_reason": "end_turn", "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}  # fmt: skip
GEMINI_REPLY: dict[str, Any] = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "Hi."}]}, "finishReason": "STOP"}
    ],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
}


def reply_for(path: str) -> dict[str, Any]:
    """A whole reply of the dialect that an address belongs to."""
    if path.endswith("/messages"):
        return MESSAGE_REPLY
    return GEMINI_REPLY if ":generateContent" in path else CHAT_REPLY


class Answering:
    """An upstream that keeps what it was asked, and answers in the dialect of the address.

    `scripts` are status and body by the start of a path's account, such as "/b/".
    """

    def __init__(self, scripts: dict[str, tuple[int, Any]] | None = None) -> None:
        self.asked: list[Asked] = []
        self.scripts = scripts or {}

    async def __call__(self, asked: Asked) -> None:
        self.asked.append(asked)
        path = path_of(asked)
        for start, (status, body) in self.scripts.items():
            if path.startswith(start):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                asked.reply(data, f"{status} Scripted", content_type="application/json")
                return
        body = json.dumps(reply_for(path.partition("?")[0])).encode()
        asked.reply(body, content_type="application/json")

    @property
    def only(self) -> Asked:
        """The one request."""
        [asked] = self.asked
        return asked


def path_of(asked: Asked) -> str:
    """Path and query of a request."""
    return asked.head.split(b" ", 2)[1].decode()


def body_of(asked: Asked) -> Any:
    """The JSON of a request."""
    return json.loads(asked.body)


def provider(name: str, url: str, vendor: str, **more: Any) -> dict[str, Any]:
    """An account whose addresses begin with its name."""
    base = f"{url.removesuffix('/v1')}/{name}"
    keys = [{"name": "k", "secret": f"sk-{name}"}]
    return {
        "name": name, "vendor": vendor, "base_url": base, "proxy": "none", "keys": keys
    } | more  # fmt: skip


@asynccontextmanager
async def before(
    url: str, vendors: dict[str, str | dict[str, Any]], **document: Any
) -> AsyncIterator[Place]:
    """A gate with an account for each of `vendors`, and at each the model "at-<name>".

    A dict says more of the account; `models` in `document` says more of the models.
    """
    providers, models = [], []
    more = document.pop("models", {})
    for name, said in vendors.items():
        facts = {"vendor": said} if isinstance(said, str) else dict(said)
        providers.append(provider(name, url, facts.pop("vendor"), **facts))
        model = {"name": f"at-{name}", "provider": name, "upstream_model": "up"}
        models.append(model | more.get(name, {}))
    written = {"providers": providers, "models": models, **document}
    async with running(url, commerce=written) as place:
        yield place


def any_of(*names: str, **more: Any) -> dict[str, Any]:
    """A virtual model "any" over the models at these accounts."""
    return {"name": "any", "targets": [{"model": f"at-{name}"} for name in names]} | more
