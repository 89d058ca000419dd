"""Embeddings by Bedrock's InvokeModel: Titan's bodies, and Cohere's.

Cohere's replies there state no usage: Bedrock tells the tokens in a header,
x-amzn-bedrock-input-token-count.

Source: Amazon Bedrock user guide, "Amazon Titan Text Embeddings", "Amazon Titan Multimodal
Embeddings G1", "Cohere Embed and Cohere Embed v4".
"""

import re
from typing import Final

import msgspec

from faregate.dialects.embeddings import cohere
from faregate.dialects.embeddings.neutral import (
    EmbedReply,
    EmbedRequest,
    Image,
    Input,
    Mixed,
    as_text_alone,
    carry_others,
    tell_kinds,
    tell_unknown,
)
from faregate.dialects.embeddings.openai import read_numbers
from faregate.dialects.plain_usage import count
from faregate.dialects.shapes import Object, ShapeError, decode_reply
from faregate.dialects.translation import Lost, MalformedReplyError, TargetFacts, Written
from faregate.dialects.usage import Usage

NAME: Final = "bedrock_invoke"
# A model's id may have a region in front (us., global.) and a version behind; an ARN ends in it.
_COHERE: Final = re.compile(r"(?:^|[./])cohere\.embed-")
_TITAN_IMAGE: Final = re.compile(r"(?:^|[./])amazon\.titan-embed-image-")
_TITAN_V1: Final = re.compile(r"(?:^|[./])amazon\.titan-embed-(?:text-v1|g1-text)")


def _pixels(one: Mixed, lost: list[Lost]) -> Object:
    """Titan's multimodal input: at most one text and one image, the image as bare base64."""
    body: Object = {}
    texts = [part for part in one.parts if isinstance(part, str)]
    images = [part.url for part in one.parts if isinstance(part, Image)]
    if texts:
        body["inputText"] = "\n".join(texts)
    head, comma, data = images[0].partition(",") if images else ("", "", "")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        body["inputImage"] = data
    if len(images) > ("inputImage" in body):
        lost.append(Lost("inputs.image", "Titan embeds one image a call, given as base64."))
    return body


def _input(one: Input, target: TargetFacts, lost: list[Lost]) -> Object:
    if isinstance(one, Mixed) and _TITAN_IMAGE.search(target.model):
        return _pixels(one, lost)
    return {"inputText": as_text_alone(one, 0, lost)}


def _titan(request: EmbedRequest, target: TargetFacts) -> Written:
    lost: list[Lost] = []
    if len(request.inputs) != 1:
        lost.append(Lost("inputs", "Titan embeds one input a call."))
    body: Object = _input(request.inputs[0], target, lost) if request.inputs else {"inputText": ""}
    is_first = _TITAN_V1.search(target.model) is not None
    if request.dimensions is not None:
        if _TITAN_IMAGE.search(target.model):
            body["embeddingConfig"] = {"outputEmbeddingLength": request.dimensions}
        elif is_first:
            lost.append(Lost("dimensions", "Titan's first model has vectors of one length."))
        else:
            body["dimensions"] = request.dimensions
    if request.normalize is not None:
        if is_first or _TITAN_IMAGE.search(target.model):
            lost.append(Lost("normalize", "This model of Titan can't be told."))
        else:
            body["normalize"] = request.normalize
    if request.truncate is not None:
        lost.append(Lost("truncate", "Titan refuses inputs that are too long."))
    tell_kinds(request, lost)
    tell_unknown(request, lost, "title", "user")
    carry_others(request, NAME, body, lost)
    return Written(msgspec.json.encode(body), tuple(lost))


def _read(body: bytes) -> EmbedReply:
    try:
        reply = decode_reply(body)
        if "embedding" not in reply:
            return cohere.read_reply(body)
        vector = read_numbers(reply["embedding"], "embedding")
    except ShapeError as error:
        raise MalformedReplyError(str(error)) from None
    tokens = count(reply, "inputTextTokenCount")
    return EmbedReply(
        vectors={"float": (vector,)}, usage=None if tokens is None else Usage(input_tokens=tokens)
    )


class BedrockEmbeddings:
    """What is sent to Bedrock, and read of it; the model is the path's."""

    name = NAME

    def write_request(self, request: EmbedRequest, target: TargetFacts) -> Written:
        """A request for a target."""
        if _COHERE.search(target.model):
            lost: list[Lost] = []
            body = cohere.write_body(request, lost)
            return Written(msgspec.json.encode(body), tuple(lost))
        return _titan(request, target)

    def read_reply(self, body: bytes) -> EmbedReply:
        """A vendor's reply; raises `MalformedReplyError`."""
        return _read(body)


DIALECT: Final = BedrockEmbeddings()
