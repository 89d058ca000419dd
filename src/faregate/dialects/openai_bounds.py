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
from collections.abc import Callable
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Final

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

_PROMPTS: Final = ("prompt", "input")
_TOOLS: Final = ("tools", "functions", "response_format")
_TOOLS_TEXTS: Final = tuple(b'"%b"' % name.encode() for name in _TOOLS)
_IMAGES: Final = frozenset({"image_url"})
_AUDIO: Final = frozenset({"input_audio"})
_UNSEEN: Final = frozenset({"file", "video_url", "audio_url"})
_MEDIA_TEXTS: Final = (b'_url"', b'audio"', b'"file"')  # one of them is in each of those names
_ESCAPED_ASCII: Final = b"\\u00"  # may spell any of those names otherwise

_Counter = Callable[[list[str], str], int]


def cheap_bound(body: bytes, image_tokens_max: int) -> int:
    """The most input tokens that `body` can be, by its length.

    Media count by formulas. A microsecond for a short body without media.
    """
    lowered = body.lower()
    if b"\\" in lowered and _ESCAPED_ASCII in lowered:
        return _bound(body, image_tokens_max, None)
    if b'"type"' not in lowered and b'"audio"' not in lowered:  # neither media nor tools
        return len(body) + TEMPLATE_TOKENS
    for text in _MEDIA_TEXTS:
        if text in lowered:
            return _bound(body, image_tokens_max, None)
    for text in _TOOLS_TEXTS:
        if text in lowered:
            return len(body) + TEMPLATE_TOKENS + TOOLS_TOKENS
    return len(body) + TEMPLATE_TOKENS


def closer_bound(body: bytes, image_tokens_max: int, tokenizer: str | None = None) -> int:
    """The same, with texts counted exactly where `tokenizer` is known here."""
    if tokenizer is None or _counter() is None:
        return cheap_bound(body, image_tokens_max)
    return _bound(body, image_tokens_max, tokenizer)


def estimate_input(body: bytes, tokenizer: str | None = None) -> int:
    """A fair guess of the input tokens where nobody stated a usage. No bound.

    Exact where a `tokenizer` is named, which `prepare` has loaded: a call must not wait for that.
    """
    request = _decode(body)
    if request is None:
        return -(-len(body) // _BYTES_PER_TOKEN_TYPICAL)
    tally = _Tally(_IMAGE_TOKENS_TYPICAL, 1, _MESSAGE_TOKENS, _AUDIO_BYTES_PER_TOKEN_TYPICAL, 1)
    for name, value in request.items():
        if name == "messages":
            tally.messages(value)
            tally.tokens += _REPLY_TOKENS
        elif name in _PROMPTS:
            tally.prompts(value)
        elif name in _TOOLS:
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
    tally = _Tally(image_tokens_max, _AROUND_TOKENS, around, _AUDIO_BYTES_PER_TOKEN, _PAGES_MAX)
    tally.tokens = TEMPLATE_TOKENS + _REPLY_TOKENS
    has_tools = False
    try:
        for name, value in request.items():
            lowered = name.lower()
            if lowered == "messages":
                tally.messages(value)
            elif lowered in _PROMPTS:
                tally.prompts(value)
            else:
                has_tools = has_tools or lowered in _TOOLS
                tally.json({name: value})
    except RecursionError:
        return len(body) + TEMPLATE_TOKENS + TOOLS_TOKENS
    if has_tools:
        tally.tokens += TOOLS_TOKENS
    exact = None if tokenizer is None else _exact(tally.texts, tokenizer)
    return tally.tokens + (_bytes(tally.texts) if exact is None else exact)


class _Tally:
    """Texts that will be tokens, and tokens of all that isn't text."""

    def __init__(self, image: int, around: int, message: int, audio_bytes: int, pages: int) -> None:
        self._image = image
        self._around = around
        self._message = message
        self._audio_bytes = audio_bytes
        self._pages = pages
        self.texts: list[str] = []
        self.tokens = 0

    def messages(self, value: object) -> None:
        """Messages of a chat, or whatever stands in their place."""
        if isinstance(value, list):
            for one in value:
                self.messages(one)
        elif isinstance(value, dict):
            self._one_message(value)
        else:
            self.json(value)

    def prompts(self, value: object) -> None:
        """A text, tokens, or a list of either; a number is a token."""
        waiting = [value]
        while waiting:
            one = waiting.pop()
            if isinstance(one, list):
                self.tokens += sum(isinstance(token, int) for token in one) + self._around
                waiting += [other for other in one if not isinstance(other, int)]
            else:
                self.json(one)

    def json(self, value: object) -> None:
        """Anything, as it stands there; numbers are the lengths of their texts."""
        waiting = [value]
        while waiting:
            one = waiting.pop()
            self.tokens += self._around
            if isinstance(one, str):
                self.texts.append(one)
                # Templates put JSON in as JSON, with its escapes.
                self.tokens += len(encode_basestring(one)) - len(one) - 2
            elif isinstance(one, dict):
                waiting += one
                waiting += one.values()
            elif isinstance(one, list):
                waiting += one
            elif isinstance(one, int):
                self.tokens += max(one, 5)

    def _one_message(self, message: dict[str, object]) -> None:
        self.tokens += self._message
        for name, value in message.items():
            lowered = name.lower()
            if lowered == "content":
                self._content(value)
            elif lowered in ("role", "name") and isinstance(value, str):
                self.texts.append(value)
            else:
                if lowered == "audio":  # an earlier answer, spoken; named by its id
                    self.tokens += self._image
                self.json({name: value})

    def _content(self, value: object) -> None:
        if isinstance(value, str):
            self.texts.append(value)
        elif isinstance(value, list):
            for part in value:
                self._content(part)
        elif isinstance(value, dict):
            for name, member in value.items():
                self._member(name, member)
        elif value is not None:
            self.json(value)

    def _member(self, name: str, value: object) -> None:
        """A member of a part of a message: its text, a medium, or what else there is."""
        lowered = name.lower()
        if lowered in _IMAGES:
            self.tokens += self._image
        elif lowered in _UNSEEN:
            self.tokens += self._image * self._pages
        elif lowered not in _AUDIO:
            self.json({name: value})
            return
        members = value if isinstance(value, dict) else {name: value}
        for name_within, member in members.items():
            if isinstance(member, str) and _is_payload(name_within, member):
                self._payload(lowered, member)
            else:
                self.json({name_within: member})

    def _payload(self, medium: str, payload: str) -> None:
        size = len(payload) * 3 // 4
        if medium in _AUDIO:
            self.tokens += size // self._audio_bytes + 1
        elif medium in _UNSEEN and not payload.startswith("data:application/pdf;"):
            self.tokens += size + 1  # a file of plain text is read as text


def _is_payload(name: str, value: str) -> bool:
    return value.startswith("data:") or name.lower() in ("data", "file_data")


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
