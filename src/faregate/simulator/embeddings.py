"""Embeddings as OpenAI shapes them, and vectors for every dialect.

Sources: OpenAI's API reference: embeddings; Voyage AI's "Text embeddings".
"""

import base64
import random
import struct
import zlib
from typing import Any, Final, Literal

import msgspec

from faregate.simulator.answer import encode, identifier_of, tokens_of
from faregate.simulator.errors import RefusedError
from faregate.simulator.exchange import Exchange, Message
from faregate.simulator.replies import needs
from faregate.simulator.script import Script

DIMENSIONS_DEFAULT: Final = 256
DIMENSIONS_MAX: Final = 4_096
INPUTS_MAX: Final = 2_048


class EmbeddingRequest(msgspec.Struct, frozen=True):
    """The fields of a request that change the reply."""

    model: str = ""
    input: msgspec.Raw = msgspec.Raw()
    dimensions: int | None = None
    output_dimension: int | None = None
    encoding_format: Literal["float", "base64"] | None = None


_decode: Final = msgspec.json.Decoder(EmbeddingRequest).decode


def unit_vector(raw: bytes, dimensions: int, seed: int = 0) -> list[float]:
    """A vector of length 1 that follows from `raw`.

    Raises `RefusedError` where the dimensions are out of bounds.
    """
    if not 1 <= dimensions <= DIMENSIONS_MAX:
        raise RefusedError(f"Dimensions must be from 1 to {DIMENSIONS_MAX}.", param="dimensions")
    numbers = random.Random(zlib.crc32(raw, seed & 0xFFFFFFFF))  # noqa: S311 - not a secret
    vector = [numbers.gauss(0.0, 1.0) for _ in range(dimensions)]
    length = sum(number * number for number in vector) ** 0.5 or 1.0
    return [number / length for number in vector]


def packed(vector: list[float]) -> str:
    """A vector as base64 of little-endian floats."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


class Embeddings(Exchange):
    """One call of /v1/embeddings."""

    def __init__(self, request: EmbeddingRequest, vendor: str = "") -> None:
        self.request = request
        self.model = request.model
        self.vendor = vendor
        self._inputs = _inputs(request.input)

    def whole(self, script: Script) -> bytes:
        """The body of the answer."""
        request, data = self.request, []
        dimensions = request.dimensions or request.output_dimension or DIMENSIONS_DEFAULT
        for index, raw in enumerate(self._inputs):
            unit = unit_vector(raw, dimensions, script.seed)
            shown = packed(unit) if request.encoding_format == "base64" else unit
            data.append({"object": "embedding", "index": index, "embedding": shown})
        body: dict[str, Any] = {"object": "list", "data": data, "model": request.model}
        if not script.no_usage:
            tokens = tokens_of(bytes(request.input)) if script.input is None else script.input
            body["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
        vendor = script.vendor or self.vendor
        if vendor == "voyage" and "usage" in body:
            del body["usage"]["prompt_tokens"]
        if vendor == "mistral":
            body["id"] = f"embd-{identifier_of(bytes(request.input), script.seed)}"
        return encode(body)


def read_embeddings(message: Message) -> Embeddings:
    """A call of /v1/embeddings."""
    request = _decode(message.body)
    if deployment := message.names.get("deployment"):
        request = msgspec.structs.replace(request, model=deployment)
    needs(request.model, "input", len(request.input))
    return Embeddings(request, message.vendor)


def _inputs(raw: msgspec.Raw) -> list[bytes]:
    document = msgspec.json.decode(raw)
    if isinstance(document, str):
        return [document.encode()]
    if not isinstance(document, list) or not document or len(document) > INPUTS_MAX:
        raise RefusedError(f"Input must be a string or a list of 1 to {INPUTS_MAX}.", param="input")
    if all(isinstance(item, int) for item in document):
        return [encode(document)]
    if not all(isinstance(item, str | list) for item in document):
        raise RefusedError("Input must be text, tokens, or a list of them.", param="input")
    return [encode(item) for item in document]
