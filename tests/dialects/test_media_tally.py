"""Bounds hold for bodies of every dialect, and media don't count as their bytes."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import toktok
from hypothesis import given
from hypothesis import strategies as st

from faregate.dialects import openai_bounds
from faregate.dialects.media_tally import PREFIX_TOKENS, Tally, plain
from faregate.dialects.openai_bounds import TEMPLATE_TOKENS, TOOLS_TOKENS

IMAGE = 1_000
PAGES = 100
BYTES = 30_000
DATA = base64.b64encode(bytes(BYTES)).decode()
TOKENIZER = "o200k_base"
toktok.batch_count([""], TOKENIZER)  # takes half a second, the first time
Piece = tuple[str, str]
WEB = "https://example.com/a"


def tokens(text: str) -> int:
    return sum(toktok.batch_count([text], TOKENIZER, 1))


# What each piece is at least: a naive count, by the formulas.
LEAST: dict[str, Callable[[str], int]] = {
    "text": tokens,
    "image": lambda _: IMAGE,
    "image url": lambda _: IMAGE,
    "pdf": lambda _: IMAGE * PAGES,
    "pdf url": lambda _: IMAGE * PAGES,
    "audio": lambda _: BYTES // 16,
    "plain": lambda _: BYTES,
}


def anthropic_part(piece: Piece) -> dict[str, Any]:
    kind, text = piece
    sources = {
        "image": {"type": "base64", "media_type": "image/png", "data": DATA},
        "image url": {"type": "url", "url": WEB},
        "pdf": {"type": "base64", "media_type": "application/pdf", "data": DATA},
        "pdf url": {"type": "file", "file_id": "file_1"},
        "plain": {"type": "text", "media_type": "text/plain", "data": "a " * (BYTES)},
    }
    if kind == "text":
        return {"type": "text", "text": text}
    return {"type": "image" if "image" in kind else "document", "source": sources[kind]}


def anthropic(pieces: list[Piece]) -> dict[str, Any]:
    parts = [anthropic_part(piece) for piece in pieces]
    result = {"type": "tool_result", "tool_use_id": "t", "content": parts[1::2]}
    return {
        "system": [one for one in parts[:1] if one["type"] == "text"],
        "messages": [
            {"role": "user", "content": [*parts[::2], {"type": "text", "text": "x"}]},
            {"role": "user", "content": [result]},
        ],
        "max_tokens": 5,
    }


def gemini_part(piece: Piece) -> dict[str, Any]:
    kind, text = piece
    if kind == "text":
        return {"text": text}
    mime = {
        "image": "image/png", "image url": "image/png", "audio": "audio/mp3", "plain": "text/plain",
    }.get(kind, "application/pdf")  # fmt: skip
    if "url" in kind:
        return {"fileData": {"mimeType": mime, "fileUri": "gs://b/a"}}
    if kind == "pdf":
        return {"inline_data": {"mime_type": mime, "data": DATA}}
    return {"inlineData": {"mimeType": mime, "data": DATA}}


def gemini(pieces: list[Piece]) -> dict[str, Any]:
    parts = [gemini_part(piece) for piece in pieces]
    answer = {"name": "f", "response": {"x": 1}, "parts": parts[1::2]}
    return {
        "systemInstruction": {"parts": [{"text": "x"}]},
        "contents": [
            {"role": "user", "parts": parts[::2]},
            {"role": "user", "parts": [{"functionResponse": answer}]},
        ],
    }


def responses_part(piece: Piece) -> dict[str, Any]:
    kind, text = piece
    return {
        "text": {"type": "input_text", "text": text},
        "image": {"type": "input_image", "image_url": f"data:image/png;base64,{DATA}"},
        "image url": {"type": "input_image", "file_id": "file-1"},
        "pdf": {
            "type": "input_file",
            "filename": "a.pdf",
            "file_data": f"data:application/pdf;base64,{DATA}",
        },
        "pdf url": {"type": "input_file", "file_url": WEB},
    }[kind]


def responses(pieces: list[Piece]) -> dict[str, Any]:
    parts = [responses_part(piece) for piece in pieces]
    return {
        "instructions": "x",
        "input": [
            {"role": "user", "content": parts[::2]},
            {"type": "function_call_output", "call_id": "c", "output": parts[1::2]},
        ],
    }


def ollama(pieces: list[Piece]) -> dict[str, Any]:
    texts = [text for kind, text in pieces if kind == "text"]
    images = [DATA for kind, _ in pieces if kind == "image"]
    return {"messages": [{"role": "user", "content": "\n".join(texts), "images": images}]}


def ollama_generate(pieces: list[Piece]) -> dict[str, Any]:
    message = ollama(pieces)["messages"][0]
    return {"prompt": message["content"], "images": message["images"]}


def cohere_embed(pieces: list[Piece]) -> dict[str, Any]:
    parts = [
        {"type": "text", "text": text}
        if kind == "text"
        else {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}}
        for kind, text in pieces
    ]
    return {"inputs": [{"content": parts}], "input_type": "search_document"}


def cohere_images(pieces: list[Piece]) -> dict[str, Any]:
    return {
        "texts": [text for kind, text in pieces if kind == "text"],
        "images": [f"data:image/png;base64,{DATA}" for kind, _ in pieces if kind == "image"],
    }


def jina(pieces: list[Piece]) -> dict[str, Any]:
    return {
        "input": [{"text": text} if kind == "text" else {"image": DATA} for kind, text in pieces]
    }


def gemini_batch(pieces: list[Piece]) -> dict[str, Any]:
    return {"requests": [{"content": {"parts": [gemini_part(one)]}} for one in pieces]}


SHAPES: dict[str, tuple[str, Callable[[list[Piece]], dict[str, Any]], set[str]]] = {
    "anthropic": ("anthropic", anthropic, set(LEAST) - {"audio"}),
    "gemini": ("gemini", gemini, set(LEAST)),
    "responses": ("openai_responses", responses, set(LEAST) - {"audio", "plain"}),
    "ollama": ("ollama", ollama, {"text", "image"}),
    "generate": ("ollama", ollama_generate, {"text", "image"}),
    "cohere embed": ("cohere_embeddings", cohere_embed, {"text", "image"}),
    "cohere images": ("cohere_embeddings", cohere_images, {"text", "image"}),
    "jina": ("openai_embeddings", jina, {"text", "image"}),
    "gemini batch": ("gemini_embeddings", gemini_batch, set(LEAST)),
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.mark.parametrize("shape", SHAPES)
@given(data=st.data())
def test_a_body_is_bounded(shape: str, data: st.DataObject) -> None:
    dialect, made, kinds = SHAPES[shape]
    pieces = data.draw(st.lists(st.tuples(st.sampled_from(sorted(kinds)), TEXTS), max_size=5))
    ascii_only = data.draw(st.booleans())
    body = json.dumps({"model": "m"} | made(pieces), ensure_ascii=ascii_only).encode()
    least = sum(LEAST[kind](text) for kind, text in pieces)
    unseen = body.replace(DATA.encode(), b"")
    for said in (dialect, ""):
        for tokenizer in (None, TOKENIZER):
            bound = openai_bounds.closer_bound(body, IMAGE, tokenizer, said)
            assert bound >= least
            images = sum(kind.startswith(("image", "pdf")) for kind, _ in pieces)
            room = 1_000 + images * IMAGE + (BYTES * 2 if "plain" in dict(pieces) else 0)
            assert bound <= least + 8 * len(unseen) + room


@pytest.mark.parametrize("shape", SHAPES)
def test_a_small_image_is_an_image(shape: str) -> None:
    """A hundred bytes of pixels are more tokens than bytes."""
    dialect, made, _ = SHAPES[shape]
    body = json.dumps(made([("image", "")])).replace(DATA, "AAAA").encode()
    for said in (dialect, ""):
        assert openai_bounds.cheap_bound(body, 5_000, said) >= 5_000
    assert openai_bounds.estimate_input(body) >= 765


QUERY = "What is the capital of the United States of America?"
DOCUMENTS = ["Washington", {"text": "Paris is the capital of France"}, "Rome"]


def test_a_query_is_read_with_each_document() -> None:
    body = json.dumps({"model": "m", "query": QUERY, "documents": DOCUMENTS}).encode()
    least = len(DOCUMENTS) * tokens(QUERY) + 10
    for tokenizer in (None, TOKENIZER):
        assert openai_bounds.closer_bound(body, 0, tokenizer) >= least
    assert openai_bounds.cheap_bound(body, 0) >= 3 * len(QUERY) + 3 * PREFIX_TOKENS
    assert openai_bounds.estimate_input(body) >= least // 2


def test_what_an_input_is_for_is_told_to_the_model() -> None:
    texts = ["a"] * 50
    for told in ({"input_type": "query"}, {"task": "retrieval.query"}, {"taskType": "X"}):
        body = json.dumps({"model": "m", "input": texts} | told).encode()
        for tokenizer in (None, TOKENIZER):
            assert openai_bounds.closer_bound(body, 0, tokenizer) >= 50 * (PREFIX_TOKENS + 1)


@pytest.mark.parametrize(
    ("dialect", "more"),
    [
        ("gemini", {"tools": [{"functionDeclarations": [{"name": "f"}]}]}),
        ("gemini", {"generationConfig": {"responseSchema": {}}}),
        ("anthropic", {"tools": [{"name": "f", "input_schema": {"type": "object"}}]}),
        ("openai_responses", {"text": {"format": {"type": "json_schema", "schema": {}}}}),
        ("ollama", {"format": "json"}),
    ],
)
def test_tools_and_schemas_add_words_of_their_own(dialect: str, more: dict[str, Any]) -> None:
    body = json.dumps(more).encode()
    for said in (dialect, ""):
        for tokenizer in (None, TOKENIZER):
            found = openai_bounds.closer_bound(body, IMAGE, tokenizer, said)
            assert found >= TEMPLATE_TOKENS + TOOLS_TOKENS


@pytest.mark.parametrize(
    "body",
    [
        b'{"previous_response_id":"r"}',
        b'{"tools":[{"type":"web_search_20250305","name":"web_search"}]}',
        b'{"tools":[{"googleSearch":{}}]}',
        b'{"tools":[{"google_search":{}}]}',
        b'{"cachedContent":"c"}',
        b'{"input":[{"type":"item_reference","id":"i"}]}',
        b'{"conv\\u0065rsation":"c"}',
        b'{"prompt": {"id":"pmpt_1"}}',
    ],
)
def test_what_the_vendor_puts_in_is_known(body: bytes) -> None:
    assert openai_bounds.refers_elsewhere(body)
    for own in ("web_search it", "caf\\u00e9 \\u003cb\\u003e \\u0000"):
        chat = '{"messages":[{"content":"' + own + '"}]}'
        assert not openai_bounds.refers_elsewhere(chat.encode())


def test_converse_has_documents_too() -> None:
    document = {"document": {"format": "pdf", "name": "a", "source": {"bytes": "AAAA"}}}
    body = json.dumps({"messages": [{"role": "user", "content": [document]}]}).encode()
    assert openai_bounds.cheap_bound(body, IMAGE) >= IMAGE * PAGES


def test_an_image_that_is_none_counts_as_a_file() -> None:
    url = f"data:text/plain;base64,{DATA}"
    body = json.dumps({"messages": [{"content": [{"type": "image_url", "image_url": url}]}]})
    assert openai_bounds.cheap_bound(body.encode(), IMAGE) >= IMAGE * PAGES + BYTES


@pytest.mark.parametrize("odd", [None, 1, "a", [], [[]], {}, {"type": 1}, {"data": {}}, ["a", {}]])
@pytest.mark.parametrize(
    "name",
    [
        "source",
        "inlineData",
        "fileData",
        "image_url",
        "images",
        "content",
        "parts",
        "input_audio",
        "file",
        "file_id",
        "output",
        "functionResponse",
        "result",
        "audio",
    ],
)
def test_no_shape_makes_it_fail(name: str, odd: object) -> None:
    part = {"type": "image", name: odd}
    for body in (
        {"messages": [{"content": [part]}]},
        {"contents": [part]},
        {"input": [part]},
        part,
    ):
        text = json.dumps(body).encode()
        for tokenizer in (None, TOKENIZER):
            assert openai_bounds.closer_bound(text, 1, tokenizer) > 0
        assert openai_bounds.estimate_input(text) >= 0


def test_names_are_known_however_they_are_spelled() -> None:
    assert plain("inline_Data") == plain("inlineData") == "inlinedata"
    tally = Tally(7, 0, 0, 16, 100)
    assert tally.known("images", ["AAAA", "AAAA"])
    assert not tally.known("temperature", 1)
    assert (tally.tokens, tally.texts) == (14, [])
