"""OpenAI's requests, as far as they are read, and its replies.

Everything in a reply follows from the request and the script, also its id and its date, so that
the same request gets the same bytes.

Source: OpenAI's API reference: chat, completions, embeddings, models.
"""

import base64
import itertools
import random
import struct
import zlib
from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from faregate.simulator.script import Script

Route = Literal["chat", "completions", "embeddings"]

CREATED: Final = 1_700_000_000
TOKENS_DEFAULT: Final = 16
CHOICES_MAX: Final = 16
EMBEDDING_DIMENSIONS_DEFAULT: Final = 256
EMBEDDING_DIMENSIONS_MAX: Final = 4_096
EMBEDDING_INPUTS_MAX: Final = 2_048
# A token of English is about four characters; exactness is not the point, sameness is.
BYTES_PER_TOKEN: Final = 4
FINGERPRINT: Final = "fp_simulator"

_TEXT: Final = (
    "the gate opens when fare is paid and every call that goes through it leaves a line "
    "in one journal so nothing lost counted twice or sent without credit to cover"
)
_WORDS: Final = _TEXT.split()

encode: Final = msgspec.json.encode


class StreamOptions(msgspec.Struct, frozen=True):
    """What a caller asks of a stream."""

    include_usage: bool | None = None


class Request(msgspec.Struct, frozen=True):
    """The fields of a request that change the reply; others are ignored."""

    model: str = ""
    messages: msgspec.Raw = msgspec.Raw()
    prompt: msgspec.Raw = msgspec.Raw()
    input: msgspec.Raw = msgspec.Raw()
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = None
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] | None = None


decode_request: Final = msgspec.json.Decoder(Request).decode


def input_tokens(request: Request) -> int:
    """Tokens of what was asked: a quarter of its bytes of JSON, at least one."""
    asked = len(request.messages) + len(request.prompt) + len(request.input)
    return max(1, (asked + BYTES_PER_TOKEN - 1) // BYTES_PER_TOKEN)


def output_tokens(request: Request, script: Script) -> tuple[list[str], str]:
    """The tokens of one choice, and why it ends.

    That is "stop", or "length" at the caller's limit.
    """
    if script.text is not None:
        words = [f" {word}" for word in script.text.split(" ")] or [" "]
        words[0] = words[0][1:]
        count = len(words) if script.tokens is None else script.tokens
    else:
        count = TOKENS_DEFAULT if script.tokens is None else script.tokens
        start = script.seed * 7919 % len(_WORDS)
        turned = _WORDS[start:] + _WORDS[:start]
        step = 1 + 2 * (script.seed % 7)  # 31 words: every odd step below it visits them all
        words = [" " + turned[index * step % len(turned)] for index in range(len(turned))]
        words[0] = words[0][1:].capitalize()
    limit = request.max_completion_tokens or request.max_tokens
    finish = "stop"
    if limit is not None and limit < count:
        count, finish = limit, "length"
    tokens = list(itertools.islice(itertools.cycle(words), count))
    return tokens, finish


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    """The usage of a chat or a completion."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def reply_id(prefix: str, request: Request, script: Script) -> str:
    """An id that follows from the question."""
    asked = bytes(request.messages) + bytes(request.prompt)
    return f"{prefix}-{zlib.crc32(asked, script.seed & 0xFFFFFFFF):08x}{script.seed:04x}sim"


def _head(route: Route, request: Request, script: Script, *, streamed: bool) -> dict[str, Any]:
    if route == "chat":
        kind = "chat.completion.chunk" if streamed else "chat.completion"
        identifier = reply_id("chatcmpl", request, script)
    else:
        kind, identifier = "text_completion", reply_id("cmpl", request, script)
    return {"id": identifier, "object": kind, "created": CREATED, "model": request.model}


def _choice(route: Route, index: int, text: str, finish: str | None) -> dict[str, Any]:
    if route == "completions":
        return {"text": text, "index": index, "logprobs": None, "finish_reason": finish}
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text,
        "refusal": None,
        "annotations": [],
    }
    return {"index": index, "message": message, "logprobs": None, "finish_reason": finish}


def completion_body(route: Route, request: Request, script: Script, text: str = "") -> bytes:
    """A whole chat or completion.

    `text` replaces the words that the script gives.
    """
    tokens, finish = output_tokens(request, script)
    words = text or "".join(tokens)
    choices = request.n or 1
    body = _head(route, request, script, streamed=False)
    body["choices"] = [_choice(route, index, words, finish) for index in range(choices)]
    if not script.no_usage:
        body["usage"] = usage(input_tokens(request), len(tokens) * choices)
    if route == "chat":
        body["service_tier"] = "default"
    body["system_fingerprint"] = FINGERPRINT
    return encode(body)


def event(document: object) -> bytes:
    """One server-sent event."""
    return b"data: " + encode(document) + b"\n\n"


DONE_EVENT: Final = b"data: [DONE]\n\n"


class Events:
    """The events of one stream: its opening, its tokens, its closing."""

    def __init__(self, route: Route, request: Request, script: Script) -> None:
        self._route = route
        self._request = request
        self._script = script
        self._base = _head(route, request, script, streamed=True)
        if route == "chat":
            self._base["service_tier"] = "default"
        self._base["system_fingerprint"] = FINGERPRINT
        options = request.stream_options
        # With include_usage every event has a usage, null in all but the last.
        self._asked = bool(options and options.include_usage) and not script.no_usage

    def opening(self) -> Iterator[bytes]:
        """The event that names the role; a completion has none."""
        if self._route == "chat":
            delta = {"role": "assistant", "content": "", "refusal": None}
            yield from self._deltas(delta, None)

    def token(self, text: str) -> bytes:
        """The event (one for each choice) of one token."""
        return b"".join(self._deltas({"content": text}, None, text))

    def closing(self, completion_tokens: int, finish: str) -> Iterator[bytes]:
        """The events after the last token."""
        request, choices = self._request, self._request.n or 1
        total = usage(input_tokens(request), completion_tokens * choices)
        inline = total if self._script.usage_in_last_chunk else None
        yield from self._deltas({}, finish, "", inline)
        if self._asked and inline is None:
            yield event({**self._base, "choices": [], "usage": total})
        yield DONE_EVENT

    def _deltas(
        self,
        delta: dict[str, Any],
        finish: str | None,
        text: str = "",
        total: dict[str, Any] | None = None,
    ) -> Iterator[bytes]:
        for index in range(self._request.n or 1):
            if self._route == "chat":
                choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
            else:
                choice = _choice("completions", index, text, finish)
            document = {**self._base, "choices": [choice]}
            if self._asked or total is not None:
                document["usage"] = total
            yield event(document)


def embeddings_body(request: Request, script: Script) -> bytes:
    """Unit vectors that follow from each input.

    Raises `ValueError` on an input of no such form.
    """
    inputs = _embedding_inputs(request.input)
    dimensions = request.dimensions or EMBEDDING_DIMENSIONS_DEFAULT
    if not 1 <= dimensions <= EMBEDDING_DIMENSIONS_MAX:
        raise ValueError(f"Dimensions must be from 1 to {EMBEDDING_DIMENSIONS_MAX}.")
    data = []
    for index, raw in enumerate(inputs):
        numbers = random.Random(zlib.crc32(raw, script.seed))  # noqa: S311 - not a secret
        vector = [numbers.gauss(0.0, 1.0) for _ in range(dimensions)]
        length = sum(number * number for number in vector) ** 0.5 or 1.0
        unit = [number / length for number in vector]
        shown: object = unit
        if request.encoding_format == "base64":
            shown = base64.b64encode(struct.pack(f"<{dimensions}f", *unit)).decode()
        data.append({"object": "embedding", "index": index, "embedding": shown})
    body: dict[str, Any] = {"object": "list", "data": data, "model": request.model}
    if not script.no_usage:
        tokens = input_tokens(request)
        body["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
    return encode(body)


def _embedding_inputs(raw: msgspec.Raw) -> list[bytes]:
    document = msgspec.json.decode(raw)
    if isinstance(document, str):
        return [document.encode()]
    if not isinstance(document, list) or not document or len(document) > EMBEDDING_INPUTS_MAX:
        raise ValueError(f"Input must be a string or a list of 1 to {EMBEDDING_INPUTS_MAX}.")
    if all(isinstance(item, int) for item in document):
        return [encode(document)]
    if not all(isinstance(item, str | list) for item in document):
        raise ValueError("Input must be text, tokens, or a list of them.")
    return [encode(item) for item in document]


def model_document(name: str) -> dict[str, Any]:
    """One model, as /v1/models shows it."""
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "faregate-simulator"}


def models_body(names: list[str]) -> bytes:
    """The list of models."""
    return encode({"object": "list", "data": [model_document(name) for name in names]})
