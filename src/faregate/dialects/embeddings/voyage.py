"""Voyage AI's embeddings, as a target; the replies are as OpenAI's.

Source: Voyage AI API reference, "Text embedding models"; voyageai 0.3.5, `api_resources`.
"""

from typing import Final

import msgspec

from faregate.dialects.embeddings import openai
from faregate.dialects.embeddings.neutral import (
    EmbedReply,
    EmbedRequest,
    as_text_alone,
    carry_others,
    tell_unknown,
)
from faregate.dialects.shapes import Object
from faregate.dialects.translation import Lost, TargetFacts, Written

NAME: Final = "voyage_embeddings"
_ASKING: Final = frozenset({"query", "question_answering", "fact_verification", "code_query"})


def _write(request: EmbedRequest, target: TargetFacts) -> Written:
    lost: list[Lost] = []
    texts = [as_text_alone(one, at, lost) for at, one in enumerate(request.inputs)]
    body: Object = {"model": target.model, "input": texts}
    if request.purpose in _ASKING:
        body["input_type"] = "query"
    elif request.purpose == "document":
        body["input_type"] = "document"
    if request.truncate == "start":
        lost.append(Lost("truncate", "Voyage leaves out the end of what is too long."))
    elif request.truncate is not None:
        body["truncation"] = request.truncate == "end"
    if request.dimensions is not None:
        body["output_dimension"] = request.dimensions
    kinds = dict.fromkeys("float" if kind == "base64" else kind for kind in request.kinds)
    kind = next(iter(kinds))
    if kind != "float":
        body["output_dtype"] = kind
    if len(kinds) > 1:
        lost.append(Lost("kinds", "Voyage gives one form of vectors a call."))
    tell_unknown(request, lost, "title", "user")
    if request.normalize is False:
        lost.append(Lost("normalize", "Voyage's vectors are normalized."))
    carry_others(request, NAME, body, lost)
    return Written(msgspec.json.encode(body), tuple(lost))


class VoyageEmbeddings:
    """What is sent to Voyage, and read of it."""

    name = NAME

    def write_request(self, request: EmbedRequest, target: TargetFacts) -> Written:
        """A request for a target."""
        return _write(request, target)

    def read_reply(self, body: bytes) -> EmbedReply:
        """A vendor's reply; raises `MalformedReplyError`."""
        return openai.read_reply(body)


DIALECT: Final = VoyageEmbeddings()
