"""Every address is served in its dialect, with refusals in its shape."""

import json
from typing import Any

import pytest
from tests.gate.running import Place

from faregate.core.refusals import Refusal, refuse
from faregate.dialects.renderers import RENDERERS
from faregate.gate.operations import Operation
from faregate.gate.served import OPERATIONS
from faregate.gate.translators import translator
from faregate.providers.vendors import DIALECTS, VENDORS

EACH = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))
# What a request needs beside its model, by the beginning of its address.
BODY: dict[str, Any] = {
    "messages": [{"role": "user", "content": "hello"}], "prompt": "hello", "input": "hello",
    "contents": [{"parts": [{"text": "hello"}]}], "max_tokens": 9, "query": "q",
    "documents": ["a"], "texts": ["a"], "input_type": "classification", "voice": "alloy",
}  # fmt: skip


@EACH
def test_an_address_is_named_as_vendors_name_it(operation: Operation) -> None:
    assert operation.name in DIALECTS
    assert operation.path.startswith("/")
    assert (operation.path.count("{model}") == 1) is ("/models/" in operation.path)
    assert OPERATIONS[operation.path] is operation
    assert operation.route == operation.path.partition("?")[0]


@EACH
def test_somebody_serves_it(operation: Operation) -> None:
    """A vendor speaks its dialect, or one that it can be translated to."""
    spoken = {
        dialect
        for row in VENDORS.values()
        for name, dialects in row.dialects.items()
        if name in (operation.name, "generate")
        for dialect in dialects
    }
    native = operation.dialect in spoken
    translated = operation.translator is not None and any(
        translator(operation.name, dialect) is not None for dialect in spoken
    )
    assert native or translated


@EACH
def test_its_bytes_can_be_peeked_at_and_spliced(operation: Operation) -> None:
    in_path = "{model}" in operation.path
    body = json.dumps(BODY if in_path else BODY | {"model": "asked"}).encode()
    asked = "asked" if in_path else None
    peeked = operation.native.peek(body, asked, stream=bool(operation.streams))
    assert not isinstance(peeked, Refusal), peeked
    assert peeked.model == "asked"
    spliced = operation.native.splice_model(body, "asked", "served")
    assert not isinstance(spliced, Refusal)
    assert (b"served" in spliced) is not in_path
    assert b"asked" not in spliced


@EACH
def test_only_what_is_free_needs_no_credit(operation: Operation) -> None:
    assert operation.is_free is (operation.name == "count_tokens")
    assert operation.makes_output is (operation.name in ("generate", "completions"))


@EACH
def test_a_stream_ends_in_the_dialects_own_error(operation: Operation) -> None:
    refusal = refuse("provider_failed", "It broke.", scope="provider")
    event = operation.refusals.render_event(refusal, "call_1")
    assert b"provider_failed" in event or b"failed" in event.lower()
    assert operation.refusals in RENDERERS.values()


@EACH
async def test_an_unknown_model_is_refused_in_its_shape(place: Place, operation: Operation) -> None:
    path = operation.path.replace("{model}", "nowhere")
    reply = await place.post(BODY | {"model": "nowhere"}, path)
    assert reply.status == 404, reply.body
    told = reply.json
    shape = operation.refusals
    if shape is RENDERERS["anthropic"]:
        assert (told["type"], told["error"]["type"]) == ("error", "not_found_error")
    elif shape in (RENDERERS["gemini"], RENDERERS["gemini_array"]):
        error = told[0]["error"] if isinstance(told, list) else told["error"]
        assert (error["code"], error["status"]) == (404, "NOT_FOUND")
    elif shape is RENDERERS["ollama"]:
        assert told["error"].endswith("(model_unknown)")
    elif shape is RENDERERS["cohere"]:
        assert told["details"]["code"] == "model_unknown"
    else:
        assert told["error"]["code"] == "model_unknown"
    assert place.sim.requests == []


@EACH
async def test_it_needs_a_key_and_a_body(place: Place, operation: Operation) -> None:
    path = operation.path.replace("{model}", "sim")
    assert (await place.post(BODY, path, authorization="")).status == 401
    async with place.client() as client:
        client.ask(None, path)
        assert (await client.reply()).status == 411
    async with place.client() as client:
        assert (await client.get(path)).status in (404, 405)
    assert place.sim.requests == []
