"""A request for embeddings and its reply, in no vendor's words.

A vector stays as its vendor wrote it, as numbers or as base64 of 32-bit floats (little endian),
until somebody wants the other form. Base64 to numbers loses nothing; numbers to base64 rounds
each to the nearest 32-bit float, as vendors do.

Sources: OpenAI API reference, "Embeddings"; Cohere API v2 reference, "Embed".
"""

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from faregate.dialects import openai_bounds
from faregate.dialects.translation import Lost, MalformedReplyError
from faregate.dialects.usage import Usage

# What a vector is for. Models that make no difference take any of them.
Purpose = Literal[
    "query",
    "document",
    "similarity",
    "classification",
    "clustering",
    "question_answering",
    "fact_verification",
    "code_query",
    "image",
]
# The forms of a vector's numbers: floats as numbers, the same as base64, and rounded ones.
Truncation = Literal["none", "start", "end"]
Kind = Literal["float", "base64", "int8", "uint8", "binary", "ubinary"]
KINDS: Final = frozenset({"float", "base64", "int8", "uint8", "binary", "ubinary"})
Vector = Sequence[float] | str  # a str is base64 of floats


# Members that change how a call is served and not its result: nothing is lost without them.
_IMMATERIAL: Final = frozenset({"keep_alive", "priority"})


class Image(msgspec.Struct, frozen=True, tag=True):
    """An image by its address, which may be a data URI."""

    url: str


class Tokens(msgspec.Struct, frozen=True, tag=True):
    """A text that is already tokens of the model's own."""

    ids: tuple[int, ...]


class Mixed(msgspec.Struct, frozen=True, tag=True):
    """Texts and images that get one vector together."""

    parts: tuple[str | Image, ...]


Input = str | Tokens | Mixed


class EmbedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What shall be embedded.

    `truncate` says which end of an input that is too long may be left out; None: as the vendor
    likes. `others` are members that only dialects like `origin` know.
    """

    model: str
    origin: str
    inputs: tuple[Input, ...]
    dimensions: int | None = None
    kinds: tuple[Kind, ...] = ("float",)
    purpose: Purpose | None = None
    title: str | None = None
    truncate: Truncation | None = None
    normalize: bool | None = None
    user: str | None = None
    others: dict[str, Any] = {}


class EmbedReply(msgspec.Struct, frozen=True, kw_only=True):
    """The vectors of each kind, in the order of the inputs.

    Whoever reads a list of numbers can't know what they are rounded to, so a reply that doesn't
    say has them as `float`.
    """

    vectors: dict[Kind, tuple[Vector, ...]]
    model: str | None = None
    id: str | None = None
    usage: Usage | None = None


def as_numbers(vector: Vector) -> Sequence[float]:
    """A vector as numbers; raises `MalformedReplyError`."""
    if not isinstance(vector, str):
        return vector
    try:
        numbers = array("f", base64.b64decode(vector, validate=True))
    except (binascii.Error, ValueError) as error:
        raise MalformedReplyError(f"a vector is no base64 of floats: {error}") from None
    if sys.byteorder == "big":
        numbers.byteswap()
    if not all(map(math.isfinite, numbers)):
        raise MalformedReplyError("a vector has a number that isn't finite")
    return numbers.tolist()


def as_base64(vector: Vector) -> str:
    """A vector as base64 of 32-bit floats."""
    if isinstance(vector, str):
        return vector
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode("ascii")


def vectors_of(reply: EmbedReply, kind: Kind) -> tuple[Vector, ...]:
    """The vectors of one kind, made from another where that is possible.

    Raises `MalformedReplyError` where the vendor sent none of them.
    """
    if kind in reply.vectors:
        return reply.vectors[kind]
    if kind == "float" and "base64" in reply.vectors:
        return tuple(as_numbers(one) for one in reply.vectors["base64"])
    if "float" in reply.vectors:
        found = reply.vectors["float"]
        return tuple(as_base64(one) for one in found) if kind == "base64" else found
    raise MalformedReplyError(f"the reply has no vectors of the kind {kind}")


def carry_others(request: EmbedRequest, name: str, body: dict[str, Any], lost: list[Lost]) -> None:
    """Give a dialect's own members back to it; another's are told as lost."""
    for member, value in request.others.items():
        if request.origin == name:
            body[member] = value
        elif member not in _IMMATERIAL:
            lost.append(Lost(f"others.{member}", f"The embeddings of {name} don't know it."))


def tell_unknown(request: EmbedRequest, lost: list[Lost], *names: str) -> None:
    """Tell those of these members that the request has as lost."""
    lost.extend(
        Lost(name, f"The target's embeddings take no {name}.")
        for name in names
        if getattr(request, name) is not None
    )


def tell_kinds(request: EmbedRequest, lost: list[Lost]) -> None:
    """Tell that only floats are given, where more was asked for."""
    if set(request.kinds) - {"float", "base64"}:
        lost.append(Lost("kinds", "The target gives vectors of floats, not of rounded numbers."))


def as_text_alone(one: Input, at: int, lost: list[Lost]) -> str:
    """An input for targets that embed texts alone.

    What is no text is told, and stands empty.
    """
    if isinstance(one, str):
        return one
    name = "inputs.tokens" if isinstance(one, Tokens) else "inputs.image"
    parts = one.parts if isinstance(one, Mixed) else ()
    texts = [part for part in parts if isinstance(part, str)]
    if not parts or len(texts) < len(parts):
        lost.append(Lost(name, f"Input {at} is no text, and the target embeds texts alone."))
    return "\n".join(texts)


def likely_tokens(request: EmbedRequest, tokenizer: str | None) -> int:
    """A fair guess of what is embedded, for vendors that don't tell."""
    texts: list[str] = []
    images: list[str] = []
    tokens = 0
    for one in request.inputs:
        if isinstance(one, Tokens):
            tokens += len(one.ids)
            continue
        for part in (one,) if isinstance(one, str) else one.parts:
            if isinstance(part, str):
                texts.append(part)
            else:
                images.append(part.url)
    body = msgspec.json.encode({"input": texts, "images": images})
    return tokens + openai_bounds.estimate_input(body, tokenizer)
