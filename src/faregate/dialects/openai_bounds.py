"""How many input tokens a request can be: bounds and a fair guess.

A byte-level tokenizer never makes more tokens than there are bytes, and the JSON around a message
is longer than the template tokens that stand for it, so the length of a body and a little more
is a bound. It is cheap but far too high where media travel in a body as base64: those are taken
out and counted by formulas. Where a model names its tokenizer and the extra `tokens` is
installed, texts are counted exactly.

Whatever can't be read is counted by its bytes: a bound may be too high, never too low. A member
that stands twice counts twice, for readers disagree which one counts.

Sources: OpenAI Cookbook, "How to count tokens with tiktoken" (messages, tools); OpenAI,
"Images and vision", "PDF files" (100 pages a request); Google, "Understand and count tokens"
(32 tokens for a second of audio); Anthropic, "Tool use" (the words that tools add).
"""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from faregate.dialects.media_tally import PREFIX_TOKENS, Tally, plain

# What a model's chat template says on its own, such as the date: gpt-oss takes 75 tokens.
TEMPLATE_TOKENS: Final = 128
# What it says on top where there are tools or a schema to answer in: Anthropic's up to 530.
TOOLS_TOKENS: Final = 640
# Around each message: 3 by OpenAI's formula and 1 for a name; others take up to 10.
_MESSAGE_TOKENS: Final = 4
_MESSAGE_TOKENS_MAX: Final = 16
_REPLY_TOKENS: Final = 3  # each reply is primed with them
# Around each string of JSON: OpenAI's formula for tools takes at most 3.
_AROUND_TOKENS: Final = 3
# Audio of 4 kbit/s, which is less than any that is used, at 32 tokens for a second.
_AUDIO_BYTES_PER_TOKEN: Final = 16
# A file or a video counts as so many images, for what is in it can't be seen here.
_PAGES_MAX: Final = 100
# Texts that are counted exactly. The worst, letters without a space, take 10 ms, in which a worker
# does nothing else; the time grows faster than the text.
EXACT_CHARACTERS_MAX: Final = 128 * 1024
_BATCH_MIN: Final = 32  # a batch costs as much as so many texts one by one
_ANY_NUMBER: Final = 2**31

# For the guess: an image of 1024 x 1024 pixels in detail, audio of 32 kbit/s at 10 tokens a second.
_IMAGE_TOKENS_TYPICAL: Final = 765
_AUDIO_BYTES_PER_TOKEN_TYPICAL: Final = 400
_BYTES_PER_TOKEN_TYPICAL: Final = 4

_TOOLS: Final = frozenset(
    {"tools", "functions", "responseformat", "format", "text", "outputformat", "outputconfig"}
)
_TOLD: Final = frozenset({"inputtype", "task", "tasktype"})  # what an input is for
# What only bodies have in which something isn't text or more is put in, and what only those with
# media have; by dialects, for whoever writes another's members has them passed over.
_Signs = tuple[tuple[bytes, ...], tuple[bytes, ...]]
_CHAT_SIGNS: Final[_Signs] = ((b'"type"', b'"audio"'), (b'_url"', b'audio"', b'"file"'))
_SIGNS: Final[dict[str, _Signs]] = {
    "openai_chat": _CHAT_SIGNS,
    "openai_completions": _CHAT_SIGNS,
    "openai_responses": (
        (b'"type"',),
        (b'_url"', b'image"', b'file_data"', b'file_id"', b'image_generation_call"'),
    ),
    "anthropic": ((b'"type"',), (b'"image"', b'"document"', b'file_id"')),
    "gemini": ((b'data"', b'"tools"', b'schema"'), (b'data"',)),
    "ollama": ((b'"images"', b'"tools"', b'"format"'), (b'"images"',)),
}
_ALL_SIGNS: Final[_Signs] = (
    (
        b'type"', b'audio"', b'image"', b'images"', b'data"', b'"documents"', b'"tools"',
        b'schema"', b'"format"', b'"task"',
    ),
    (
        b'url"', b'audio"', b'image"', b'images"', b'data"', b'"file', b'"document', b'file_id"',
        b'fileid"', b'image_generation_call"',
    ),
)  # fmt: skip
_TOLD_TEXTS: Final = re.compile(rb'"(?:input_?type|task|task_?type)"')
_TOOLS_TEXTS: Final = (
    b'"tools"', b'"functions"', b'"response_format"', b'schema"', b'"format"', b'"output_',
)  # fmt: skip
_ESCAPED_ASCII: Final = b"\\u00"  # may spell any of those names otherwise

_Counter = Callable[[list[str], str], int]


def cheap_bound(body: bytes, image_tokens_max: int, dialect: str = "") -> int:
    """The most input tokens that `body` can be, by its length.

    Media count by formulas. A microsecond for a short body without media in one of the chats'
    dialects; two for others, and where `dialect` isn't said.
    """
    lowered = body.lower()
    if b"\\" in lowered and _ESCAPED_ASCII in lowered:
        return _bound(body, image_tokens_max, None)
    signs, media = _SIGNS.get(dialect, _ALL_SIGNS)
    for text in signs:
        if text in lowered:
            break
    else:
        return len(body) + TEMPLATE_TOKENS
    for text in media:
        if text in lowered:
            return _bound(body, image_tokens_max, None)
    bound = len(body) + TEMPLATE_TOKENS
    if dialect not in _SIGNS and _TOLD_TEXTS.search(lowered) is not None:
        bound += lowered.count(b'"') // 2 * PREFIX_TOKENS
    for text in _TOOLS_TEXTS:
        if text in lowered:
            return bound + TOOLS_TOKENS
    return bound


def closer_bound(
    body: bytes, image_tokens_max: int, tokenizer: str | None = None, dialect: str = ""
) -> int:
    """The same, with texts counted exactly where `tokenizer` is known here."""
    if tokenizer is None or _counter() is None:
        return cheap_bound(body, image_tokens_max, dialect)
    return _bound(body, image_tokens_max, tokenizer)


_ESCAPED_LETTER: Final = re.compile(rb"\\u00(?:[46][1-9a-f]|[57][0-9af])")
# What the vendor itself puts in: a conversation, prompt or cache that it keeps, what its own tools
# find. A gate can't see it.
_ELSEWHERE: Final = re.compile(
    rb'"(?:previous_response_id|conversation|item_reference|cached_?content|mcp_servers|container'
    rb"|web_search[a-z0-9_]*|web_fetch[a-z0-9_]*|file_search|code_interpreter|code_execution[0-9_]*"
    rb"|mcp|google_?search|google_?search_?retrieval|url_?context|computer[a-z0-9_]*"
    rb'|web_search_options|connectors)"|"prompt"[ \t\r\n]*:[ \t\r\n]*\{'
)


def refers_elsewhere(body: bytes) -> bool:
    """Whether the input may have what isn't in `body`.

    Then its bound is the model's context. Too often rather than too seldom: who names a tool of
    its own so is taken at its word.
    """
    lowered = body.lower()
    if _ELSEWHERE.search(lowered) is not None:
        return True
    return b"\\" in lowered and _ESCAPED_LETTER.search(lowered) is not None


def estimate_input(body: bytes, tokenizer: str | None = None) -> int:
    """A fair guess of the input tokens where nobody stated a usage. No bound.

    Exact where a `tokenizer` is named, which `prepare` has loaded: a call must not wait for that.
    """
    request = _decode(body)
    if request is None:
        return -(-len(body) // _BYTES_PER_TOKEN_TYPICAL)
    tally = Tally(_IMAGE_TOKENS_TYPICAL, 1, _MESSAGE_TOKENS, _AUDIO_BYTES_PER_TOKEN_TYPICAL, 1)
    for name, value in request.items():
        known = plain(name)
        if known == "documents" and "query" in request:
            tally.json(request["query"])
            tally.documents(value, request["query"])
        elif tally.known(known, value):
            tally.tokens += _REPLY_TOKENS if known == "messages" else 0
        elif known in ("tools", "functions", "responseformat", "documents"):
            tally.json(value)
    exact = _exact(tally.texts, tokenizer) if tokenizer is not None else None
    if exact is None:
        exact = -(-_bytes(tally.texts) // _BYTES_PER_TOKEN_TYPICAL)
    return tally.tokens + exact


def count_prompts(body: bytes) -> int:
    """How many prompts a request for completions has; at least 1.

    Each is answered on its own.
    """
    request = _decode(body)
    prompts = request.get("prompt") if request is not None else None
    if not isinstance(prompts, list) or not prompts:
        return 1
    # A list of numbers is one prompt, written in tokens.
    return 1 if all(isinstance(one, int) for one in prompts) else len(prompts)


def _bound(body: bytes, image_tokens_max: int, tokenizer: str | None) -> int:
    request = _decode(body)
    if request is None:  # no reader takes it, so nothing is put in; its length, to be sure
        return len(body) + TEMPLATE_TOKENS + TOOLS_TOKENS
    around = _MESSAGE_TOKENS_MAX if tokenizer is None else _MESSAGE_TOKENS
    tally = Tally(image_tokens_max, _AROUND_TOKENS, around, _AUDIO_BYTES_PER_TOKEN, _PAGES_MAX)
    tally.tokens = TEMPLATE_TOKENS + _REPLY_TOKENS
    has_tools = False
    try:
        for name, value in request.items():
            known = plain(name)
            if known == "documents":
                tally.documents(value, request.get("query", request.get("Query")))
            elif not tally.known(known, value):
                has_tools = has_tools or known in _TOOLS or _has_schema(value)
                tally.json({name: value})
    except RecursionError:
        return len(body) + TEMPLATE_TOKENS + TOOLS_TOKENS
    if any(plain(name) in _TOLD for name in request):
        tally.tokens += len(tally.texts) * PREFIX_TOKENS
    if has_tools:
        tally.tokens += TOOLS_TOKENS
    exact = None if tokenizer is None else _exact(tally.texts, tokenizer)
    return tally.tokens + (_bytes(tally.texts) if exact is None else exact)


def _has_schema(value: object) -> bool:
    """Whether Gemini's settings have a schema to answer in."""
    return isinstance(value, dict) and any(plain(name).endswith("schema") for name in value)


def _decode(body: bytes) -> dict[str, object] | None:
    try:
        request: object = _decode_json(body.decode())
    except (ValueError, RecursionError):
        return None
    return request if isinstance(request, dict) else None


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object's members; one that stands more than once has all of its values."""
    members = dict(pairs)
    if len(members) < len(pairs):
        for name in members:
            values = [value for other, value in pairs if other == name]
            members[name] = values if len(values) > 1 else values[0]
    return members


# Numbers are read as the lengths of their texts: none is too long, and no more is asked of them.
_decode_json: Final = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=len, parse_float=len, parse_constant=len
).decode


def _bytes(texts: list[str]) -> int:
    return sum(
        len(text) if text.isascii() else len(text.encode(errors="surrogatepass")) for text in texts
    )


def _exact(texts: list[str], tokenizer: str) -> int | None:
    """Tokens of `texts`, each on its own; None where they can't be counted here."""
    count = _counter()
    if count is None or sum(map(len, texts)) > EXACT_CHARACTERS_MAX:
        return None
    try:
        return count(texts, tokenizer)
    except (KeyError, UnicodeError):  # another tokenizer; half of a character
        return None


def prepare(tokenizer: str) -> bool:
    """Load a tokenizer, which takes half a second; whether it can count here."""
    return _exact([""], tokenizer) is not None


@lru_cache(maxsize=1)
def _counter() -> _Counter | None:
    """What adds up the tokens of texts; None: it isn't installed."""
    try:
        from toktok import batch_count, truncate
    except ImportError:
        return None

    def count(texts: list[str], tokenizer: str) -> int:
        if len(texts) < _BATCH_MIN:
            return sum(truncate(text, _ANY_NUMBER, tokenizer)[1] for text in texts)
        # One thread: the other cores are other workers'.
        return sum(batch_count(texts, tokenizer, 1))

    return count
