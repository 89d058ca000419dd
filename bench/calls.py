"""The calls that are made: bytes as an OpenAI SDK sends them, sixty-four of a kind.

Bodies differ in text and in length (mean 250 bytes), so that nothing can be learnt from one.
The same bytes go to every candidate; only the port in `Host` and the key differ.
"""

import json
import random
from dataclasses import dataclass
from typing import Literal

MODEL_ALIAS = "bench-alias"
MODEL_STREAMED = "bench-stream"
MODEL_SLOW = "bench-slow"
MODEL_UPSTREAM = "bench-model"
MODEL_ANTHROPIC = "bench-anthropic"
MODEL_GEMINI = "bench-gemini"
MODEL_ROUTED = "bench-routed"
MODEL_UNKNOWN = "no-such-model"

VARIANTS = 64
BODY_BYTES_MEAN = 250
BODY_BYTES_SPREAD = 100

_VOCABULARY = (
    "station", "gate", "fare", "ticket", "train", "platform", "night", "morning", "passenger",
    "timetable", "arrival", "departure", "why", "how", "when", "where", "which", "the", "a", "is",
    "are", "of", "in", "on", "and", "or", "does", "explain", "compare", "list", "briefly",
)  # fmt: skip


# Whose key: one whose calls pass, one that nobody made, one whose wallet is empty, one whose
# limit is used up.
Caller = Literal["paying", "unknown", "unpaid", "limited"]


@dataclass(frozen=True)
class Kind:
    """What is asked, by whom, and which status is the right answer."""

    name: str
    model: str = MODEL_ALIAS
    stream: bool = False
    caller: Caller = "paying"
    status: int = 200


CALL = Kind("call")
STREAM = Kind("stream", model=MODEL_STREAMED, stream=True)
SLOW_STREAM = Kind("slow-stream", model=MODEL_SLOW, stream=True)
# The same of callers, while the target speaks another dialect or is chosen among three.
CALL_ANTHROPIC = Kind("call-anthropic", model=MODEL_ANTHROPIC)
CALL_GEMINI = Kind("call-gemini", model=MODEL_GEMINI)
CALL_ROUTED = Kind("call-routed", model=MODEL_ROUTED)
STREAM_ANTHROPIC = Kind("stream-anthropic", model=MODEL_ANTHROPIC, stream=True)
STREAM_GEMINI = Kind("stream-gemini", model=MODEL_GEMINI, stream=True)
CALLS_ELSEWHERE = (CALL_ANTHROPIC, CALL_GEMINI, CALL_ROUTED)
STREAMS_ELSEWHERE = (STREAM_ANTHROPIC, STREAM_GEMINI)
UNKNOWN_MODEL = Kind("unknown-model", model=MODEL_UNKNOWN, status=404)
UNKNOWN_KEY = Kind("unknown-key", caller="unknown", status=401)
UNPAID = Kind("unpaid", caller="unpaid", status=402)
LIMITED = Kind("limited", caller="limited", status=429)
REFUSALS = (UNKNOWN_MODEL, UNKNOWN_KEY, UNPAID, LIMITED)


def _text(random_: random.Random, length: int) -> str:
    words = ""
    while len(words) < length:
        words += random_.choice(_VOCABULARY) + " "
    return words[: length - 1] + "?"


def body(kind: Kind, length: int, random_: random.Random) -> bytes:
    """A request body of `length` bytes, as the SDK encodes it: no spaces."""
    question = {"role": "user", "content": ""}
    asked: dict[str, object] = {
        "messages": [
            {"role": "system", "content": "You answer travellers in one sentence."},
            question,
        ],
        "model": kind.model,
        "temperature": 0.7,
    }
    if kind.stream:
        asked["stream"] = True
    missing = length - len(json.dumps(asked, separators=(",", ":")))
    question["content"] = _text(random_, max(missing, 8))
    return json.dumps(asked, separators=(",", ":")).encode()


def request(
    kind: Kind, port: int, key: str, content: bytes, more_headers: tuple[str, ...] = ()
) -> bytes:
    """One whole request."""
    head = (
        "POST /v1/chat/completions HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Accept-Encoding: gzip, deflate",
        "Connection: keep-alive",
        "Accept: application/json",
        "Content-Type: application/json",
        "User-Agent: OpenAI/Python 2.8.0",
        "X-Stainless-Lang: python",
        "X-Stainless-Package-Version: 2.8.0",
        "X-Stainless-Runtime: CPython",
        "x-stainless-retry-count: 0",
        f"Authorization: Bearer {key}",
        *more_headers,
        f"Content-Length: {len(content)}",
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + content


def requests(
    kind: Kind, port: int, key: str, more_headers: tuple[str, ...] = ()
) -> tuple[bytes, ...]:
    """All variants of a kind, in a fixed order."""
    random_ = random.Random(kind.name)
    spread = BODY_BYTES_SPREAD
    lengths = [
        BODY_BYTES_MEAN - spread + round(2 * spread * index / (VARIANTS - 1))
        for index in range(VARIANTS)
    ]
    random_.shuffle(lengths)
    return tuple(
        request(kind, port, key, body(kind, length, random_), more_headers) for length in lengths
    )
