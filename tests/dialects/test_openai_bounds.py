"""No request has more input tokens than its bounds say, and media don't count as their bytes."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import toktok
from hypothesis import given
from hypothesis import strategies as st

from faregate.dialects import openai_bounds
from faregate.dialects.openai_bounds import (
    EXACT_CHARACTERS_MAX,
    TEMPLATE_TOKENS,
    TOOLS_TOKENS,
    cheap_bound,
    closer_bound,
    count_prompts,
    estimate_input,
    prepare,
)

TOKENIZERS = ["cl100k_base", "o200k_base"]
for each in (*TOKENIZERS, "qwen3.5"):
    toktok.batch_count([""], each)  # takes half a second, the first time
IMAGE = 1_000
Bound = Callable[[bytes, int, str | None], int]
BOUNDS: list[Bound] = [lambda body, image, tokenizer: cheap_bound(body, image), closer_bound]


def tokens(text: str, tokenizer: str, *, with_special: bool = False) -> int:
    return sum(toktok.batch_count([text], tokenizer, 1, with_special))


def written(request: object) -> bytes:
    return json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode()


def chat(*messages: object, **more: object) -> bytes:
    return written({"model": "m", "messages": messages} | more)


# -- text -----------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200) | st.sampled_from(
    ["<|im_start|>user\n", "<|endoftext|>" * 20, "\n" * 90, "a" * 500, "🧠" * 40, "\x00" * 50]
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant"]), "content": TEXTS},
        optional={"name": st.text(st.sampled_from("abz_"), min_size=1, max_size=20)},
    ),
    max_size=8,
)


def cookbook(messages: list[dict[str, str]], tokenizer: str) -> int:
    """OpenAI Cookbook, "How to count tokens with tiktoken", for all models since gpt-4-0314."""
    count = 3
    for message in messages:
        count += 3 + sum(tokens(value, tokenizer) for value in message.values())
        count += 1 if "name" in message else 0
    return count


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@given(MESSAGES, st.booleans())
def test_a_chat_is_bounded(
    tokenizer: str, messages: list[dict[str, str]], ascii_only: bool
) -> None:
    body = json.dumps({"model": "m", "messages": messages}, ensure_ascii=ascii_only).encode()
    exact = cookbook(messages, tokenizer)
    for bound in BOUNDS:
        assert bound(body, IMAGE, tokenizer) >= exact
    # A counted text is near to it: nothing is held in vain.
    room = TEMPLATE_TOKENS + 2 * len(messages) + 40
    assert closer_bound(body, IMAGE, tokenizer) <= exact + room


@pytest.mark.parametrize("tokenizer", [*TOKENIZERS, "qwen3.5"])
@given(MESSAGES)
def test_a_chat_template_is_bounded(tokenizer: str, messages: list[dict[str, str]]) -> None:
    """ChatML as it is put in, its marks being special tokens, with a system prompt of its own."""
    marks = [f"<|im_start|>{one['role']}\n{one['content']}<|im_end|>\n" for one in messages]
    own = "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    text = own + "<|im_end|>\n" + "".join(marks) + "<|im_start|>assistant\n<think>\n"
    assert cheap_bound(chat(*messages), IMAGE) >= tokens(text, tokenizer)


@given(TEXTS)
def test_no_text_has_more_tokens_than_bytes(text: str) -> None:
    for tokenizer in TOKENIZERS:
        assert tokens(text, tokenizer) <= len(text.encode())


# -- tools ----------------------------------------------------------------------------------------

NAMES = st.text(st.sampled_from("abcxyz_"), min_size=1, max_size=12)
PROPERTIES = st.dictionaries(
    NAMES,
    st.fixed_dictionaries(
        {"type": st.sampled_from(["string", "number"]), "description": TEXTS},
        optional={"enum": st.lists(NAMES, max_size=6)},
    ),
    max_size=4,
)
TOOLS = st.lists(
    st.builds(
        lambda name, text, properties: {
            "type": "function",
            "function": {
                "name": name,
                "description": text,
                "parameters": {"type": "object", "properties": properties},
            },
        },
        NAMES,
        TEXTS,
        PROPERTIES,
    ),
    min_size=1,
    max_size=4,
)


def cookbook_tools(tools: list[dict[str, Any]], tokenizer: str) -> int:
    """OpenAI Cookbook, "Counting tokens for chat completions API calls with tool calls"."""
    start = 10 if tokenizer == "cl100k_base" else 7
    count = 12
    for tool in tools:
        function = tool["function"]
        count += start + tokens(f"{function['name']}:{function['description']}", tokenizer)
        properties = function["parameters"]["properties"]
        count += 3 if properties else 0
        for name, one in properties.items():
            count += 3
            if "enum" in one:
                count += -3 + sum(3 + tokens(item, tokenizer) for item in one["enum"])
            count += tokens(f"{name}:{one['type']}:{one['description']}", tokenizer)
    return count


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@given(TOOLS, MESSAGES)
def test_tools_are_bounded(
    tokenizer: str, tools: list[dict[str, Any]], messages: list[dict[str, str]]
) -> None:
    body = chat(*messages, tools=tools)
    exact = cookbook(messages, tokenizer) + cookbook_tools(tools, tokenizer)
    # Others put the JSON in, indented, after some words on how to call a function.
    put_in = tokens(json.dumps(tools, ensure_ascii=False, indent=4), tokenizer)
    for bound in BOUNDS:
        assert bound(body, IMAGE, tokenizer) >= exact
        assert bound(body, IMAGE, tokenizer) >= put_in + 200


def test_a_schema_to_answer_in_counts() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    plain, bound = chat(), chat(response_format=schema)
    for tokenizer in (None, "o200k_base"):
        more = closer_bound(bound, 0, tokenizer) - closer_bound(plain, 0, tokenizer)
        assert more >= TOOLS_TOKENS + 10


# -- media ----------------------------------------------------------------------------------------


def image(url: str, **more: str) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": url} | more}


PIXELS = "data:image/png;base64," + "A" * 1_000_000
TEXT_PART = {"type": "text", "text": "What is this?"}
AUDIO = {"type": "input_audio", "input_audio": {"data": "A" * 400_000, "format": "mp3"}}
PDF = {"type": "file", "file": {"file_data": "data:application/pdf;base64," + "A" * 50_000}}
PLAIN_FILE = {"type": "file", "file": {"file_data": "data:text/plain;base64," + "A" * 4_000_000}}


@pytest.mark.parametrize(
    ("parts", "least", "most"),
    [
        ([TEXT_PART, image(PIXELS)], IMAGE, IMAGE + 200),
        ([TEXT_PART, image(PIXELS, detail="low"), image(PIXELS)], 2 * IMAGE, 2 * IMAGE + 300),
        ([image("https://example.com/a.png")], IMAGE + 10, IMAGE + 200),
        ([{"type": "image_url", "image_url": PIXELS}], IMAGE, IMAGE + 200),
        ([{"Type": "Image_URL", "Image_URL": {"url": PIXELS}}], IMAGE, IMAGE + 200),
        # 300 kB of mp3 at 8 kbit/s are 300 s, or 9,600 tokens at 32 a second
        ([AUDIO], 9_600, 19_200),
        ([PDF], 100 * IMAGE, 101 * IMAGE),
        ([{"type": "file", "file": {"file_id": "file-1"}}], 100 * IMAGE, 101 * IMAGE),
        ([PLAIN_FILE], 3_000_000, 3_101_000),
        ([{"type": "video_url", "video_url": {"url": "https://example.com/a"}}], 100 * IMAGE, None),
        ([[[image(PIXELS)]]], IMAGE, IMAGE + 200),
    ],
)
@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("role", ["user", "tool"])
def test_media_count_by_formulas(
    parts: list[object], least: int, most: int | None, bound: Bound, role: str
) -> None:
    body = chat({"role": role, "content": parts})
    for tokenizer in (None, "o200k_base"):
        found = bound(body, IMAGE, tokenizer)
        assert found >= least
        assert most is None or found <= most + TEMPLATE_TOKENS


def test_a_spoken_answer_of_before_counts_as_an_image() -> None:
    before = {"role": "assistant", "audio": {"id": "audio_1"}}
    for bound in BOUNDS:
        assert IMAGE < bound(chat(before), IMAGE, None) < IMAGE + 400


def test_what_only_looks_like_media_counts_in_full() -> None:
    text = "word " * 5_000
    tools = [{"type": "function", "function": {"name": "x", "parameters": {"image_url": text}}}]
    hidden = {"type": "text", "text": "data:image/png;base64," + text}
    for body in (chat(tools=tools), chat({"role": "user", "content": [hidden]})):
        assert cheap_bound(body, 0) >= len(text)
        assert closer_bound(body, 0, "o200k_base") >= 5_000


# -- prompts and inputs ---------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["prompt", "input"])
@pytest.mark.parametrize(
    ("value", "exact", "prompts"),
    [
        ("a fine day", 3, 1),
        (["a fine day", "a day"], 5, 2),
        ([15_339, 11_579, 2_938], 3, 1),
        ([[15_339, 11_579], [1]], 3, 2),
        ([], 0, 1),
        (None, 0, 1),
        ({"x": "a"}, 0, 1),
        ([["a fine day"]], 3, 1),
    ],
)
def test_prompts_are_bounded(member: str, value: object, exact: int, prompts: int) -> None:
    body = written({"model": "m", member: value})
    assert exact <= cheap_bound(body, 0) <= len(body) + TEMPLATE_TOKENS
    assert exact <= closer_bound(body, 0, "o200k_base") <= exact + TEMPLATE_TOKENS + 45
    assert count_prompts(body) == (prompts if member == "prompt" else 1)


def test_many_numbers_are_as_many_tokens() -> None:
    body = written({"model": "m", "input": [[100_000] * 500] * 4})
    assert 2_000 <= closer_bound(body, 0, "cl100k_base") <= 2_000 + TEMPLATE_TOKENS + 50
    assert 2_000 <= estimate_input(body) <= 2_020


# -- what is not as it should be ------------------------------------------------------------------

DEEP = b'{"model":"m","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
NESTED = b'{"model":"m","messages":' + b"[" * 900 + b"]" * 900 + b"}"
TWICE = b'{"messages":[{"role":"user","content":"%b"}],"messages":[]}' % (b"word " * 1_000)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"model":"m","messages":"\xff"}',
        b'{"type":1,"messages":[{"image_url":"\\ud800","content":"\\ud800"}]}',
        b'{"messages":1,"type":"image_url"}',
        b'{"messages":{"content":{"image_url":[1,null,true]}}}',
        b'{"messages":[1,null,[{"content":[1,[2]]}]],"x":"image_url"}',
        b'{"n":' + b"9" * 10_000 + b',"type":"image_url"}',
        b'{"n":NaN,"m":-Infinity,"type":"image_url"}',
        b'{"n":1e999999,"type":"image_url"}',
        DEEP,
        b'{"type":"image_url",' + DEEP[1:],
        NESTED,
        b'{"type":"image_url",' + NESTED[1:],
    ],
)
@pytest.mark.parametrize("bound", BOUNDS)
def test_nonsense_is_bounded_by_its_length(body: bytes, bound: Bound) -> None:
    for tokenizer in (None, "o200k_base", "another"):
        assert 0 < bound(body, 0, tokenizer) <= 7 * len(body) + 1_000
    assert 0 <= estimate_input(body) <= 7 * len(body) + 800
    assert count_prompts(body) == 1


@given(st.binary(max_size=100))
def test_no_bytes_make_it_fail(body: bytes) -> None:
    for bound in BOUNDS:
        assert bound(body, 0, "o200k_base") > 0
    assert estimate_input(body) >= 0


@pytest.mark.parametrize(
    "body",
    [
        TWICE,
        TWICE.replace(b'"messages":[]', b'"\\u006dessages":[]'),
        TWICE.replace(b'"messages":[]', b'"Messages":[]'),
        b'{"messages":[{"content":"%b","content":""}]}' % (b"word " * 1_000),
        b'{"messages":[{"content":[{"type":"text","text":"%b","text":""}]}]}' % (b"word " * 1_000),
        b'{"Messages":[{"Content":"%b"}]}' % (b"word " * 1_000),
        b'{"m\\u0065ssages":[{"content":"%b"}]}' % (b"word " * 1_000),
    ],
)
def test_what_stands_twice_counts_twice(body: bytes) -> None:
    assert closer_bound(body, 0, "o200k_base") >= 1_000
    assert cheap_bound(body, 0) >= 5_000


def test_a_name_that_is_spelled_otherwise_is_found() -> None:
    body = chat({"role": "user", "content": [image("https://example.com/a.png")]})
    spelled = body.replace(b"image_url", b"im\\u0061ge_url").replace(b"type", b"t\\u0079pe")
    for bound in BOUNDS:
        assert bound(spelled, IMAGE, None) > IMAGE


def test_a_huge_text_is_not_counted_exactly() -> None:
    text = "word " * EXACT_CHARACTERS_MAX
    body = chat({"role": "user", "content": text})
    assert len(text) < closer_bound(body, 0, "o200k_base") < len(body) + 200
    assert estimate_input(body) == pytest.approx(len(text) / 4, abs=20)


# -- with and without the tokenizer ---------------------------------------------------------------

HELLO = chat({"role": "user", "content": "Hello, world! " * 10})


def test_a_guess_is_fair(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = cookbook([{"role": "user", "content": "Hello, world! " * 10}], "o200k_base")
    assert exact <= estimate_input(HELLO, "o200k_base") <= exact + 1
    with_image = chat({"role": "user", "content": [TEXT_PART, image(PIXELS)]})
    assert 765 < estimate_input(with_image, "o200k_base") < 800
    monkeypatch.setattr(openai_bounds, "_counter", lambda: None)
    assert estimate_input(HELLO, "o200k_base") == estimate_input(HELLO)
    assert estimate_input(HELLO) == 3 + 4 + -(-(140 + 4) // 4)


def test_without_the_tokenizer_bytes_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = closer_bound(HELLO, 0, "o200k_base")
    assert prepare("o200k_base")
    assert not prepare("another")
    monkeypatch.setattr(openai_bounds, "_counter", lambda: None)
    assert closer_bound(HELLO, 0, "o200k_base") == cheap_bound(HELLO, 0) > counted
    assert not prepare("o200k_base")


def test_a_tokenizer_that_is_not_known_counts_bytes() -> None:
    assert closer_bound(HELLO, 0, "another") >= 140
