"""A service whose models are of several vendors, and batches of them."""

import json
from pathlib import Path
from typing import Any

import anthropic
import openai
from tests.end_to_end.served import Served, wait_until

from faregate.identity.keys import generate_key

CONFIGURATION = """
version: 1
providers:
  - {{name: one, vendor: openai, base_url: "{address}/v1", proxy: none, api_key: "{vendor}"}}
  - {{name: two, vendor: anthropic, base_url: "{address}/v1", proxy: none, api_key: "{vendor}"}}
  - {{name: three, vendor: gemini, base_url: "{address}/v1beta", proxy: none, api_key: "{vendor}"}}
models:
  - {{name: gpt, provider: one, upstream_model: "sim:text=from-one"}}
  - {{name: claude, provider: two, upstream_model: "sim:text=from-two"}}
  - {{name: gemini, provider: three, upstream_model: "sim:text=from-three"}}
  - {{name: slow, provider: one, upstream_model: "sim:text=slowly,latency_ms=300"}}
  - {{name: hidden, provider: one}}
  - {{name: paid, provider: one, upstream_model: "sim:tokens=5"}}
  - {{name: dear, provider: one, upstream_model: "sim:tokens=5,latency_ms=400"}}
applications:
  - name: shop
  - name: other
  - {{name: payer, wallet: purse}}
wallets:
  - name: purse
    grants: [{{amount: "{credit}", name: first}}]
prices:
  - {{model: paid, input: 0, output: 0, request: "0.01"}}
  - {{model: dear, input: 0, output: 0, request: "0.01"}}
keys:
  - {{name: mine, application: shop, secret: "${{env:TEST_KEY}}",
      models: [gpt, claude, gemini, slow, paid]}}
  - {{name: ours, application: shop, secret: "${{env:TEST_OURS}}"}}
  - {{name: theirs, application: other, secret: "${{env:TEST_THEIRS}}"}}
  - {{name: paying, application: payer, secret: "${{env:TEST_PAYING}}"}}
settings:
  batches: {{window_s: {window_s}}}
"""
KEYS = {name: generate_key() for name in ("TEST_KEY", "TEST_OURS", "TEST_THEIRS", "TEST_PAYING")}
ENVIRONMENT = KEYS | {"TEST_VENDOR": "sk-vendor-key"}
DONE = ("completed", "failed", "expired", "cancelled")


def configure(folder: Path, base_url: str, *, credit: str = "0.10", window_s: int = 600) -> str:
    """Write the configuration; gives its path."""
    path = folder / "faregate.yaml"
    address = base_url.removesuffix("/v1")
    path.write_text(
        CONFIGURATION.format(
            address=address, credit=credit, window_s=window_s, vendor="${env:TEST_VENDOR}"
        )
    )
    return str(path)


def openai_client(served: Served, key: str = "TEST_KEY", retries: int = 0) -> openai.OpenAI:
    """OpenAI's own client with one of the keys."""
    url = f"{served.url}/v1"
    return openai.OpenAI(base_url=url, api_key=KEYS[key], max_retries=retries)


def anthropic_client(served: Served, key: str = "TEST_KEY") -> anthropic.Anthropic:
    """Anthropic's own client with one of the keys."""
    return anthropic.Anthropic(base_url=served.url, api_key=KEYS[key], max_retries=0)


def line(custom_id: str, model: str, **more: Any) -> dict[str, Any]:
    """A line of a batch of chats."""
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], **more}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}


def upload(client: openai.OpenAI, lines: list[dict[str, Any]]) -> str:
    """Upload an input file; gives its id."""
    data = "\n".join(json.dumps(one) for one in lines).encode()
    return client.files.create(file=("input.jsonl", data), purpose="batch").id


def start(client: openai.OpenAI, lines: list[dict[str, Any]], **more: Any) -> str:
    """Begin a batch of chats; gives its id."""
    file_id = upload(client, lines)
    return client.batches.create(
        input_file_id=file_id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        **more,
    ).id


def done(client: openai.OpenAI, batch_id: str, seconds: float = 20.0) -> Any:
    """The batch once it has ended."""
    wait_until(lambda: client.batches.retrieve(batch_id).status in DONE, seconds)
    return client.batches.retrieve(batch_id)


def rows(client: openai.OpenAI, file_id: str | None) -> dict[str, Any]:
    """The lines of an output file by their custom ids."""
    if file_id is None:
        return {}
    text = client.files.content(file_id).text
    found = [json.loads(row) for row in text.splitlines()]
    assert len({row["custom_id"] for row in found}) == len(found)
    return {row["custom_id"]: row for row in found}


def said(row: dict[str, Any]) -> str:
    """The words of a chat's answer."""
    assert row["response"]["status_code"] == 200
    return str(row["response"]["body"]["choices"][0]["message"]["content"])
