"""What a rerank costs: search units or tokens, and the most of units.

A search unit is a query with up to 100 documents, where a document that is longer than 500
tokens, the query counted in, is several. No text has more tokens than bytes, so the pieces of a
document are at most its bytes by what the query leaves of 500, and that is taken as at least 100.

Source: Cohere, "How does Cohere's pricing work" (rerank).
"""

from typing import Any, Final

import msgspec

from faregate.dialects import cohere_units, plain_usage
from faregate.dialects.usage import Usage

_PIECE_TOKENS: Final = 500
_PIECE_TOKENS_MIN: Final = 100
_DOCUMENTS_A_UNIT: Final = 100


class _Request(msgspec.Struct, gc=False):
    query: msgspec.Raw = msgspec.Raw(b'""')
    documents: list[msgspec.Raw] | None = None


class _Reply(msgspec.Struct, gc=False):
    meta: Any = None


_decode = msgspec.json.Decoder(_Request).decode
_decode_reply = msgspec.json.Decoder(_Reply).decode


def most(body: bytes) -> Usage | None:
    """The most search units that a request can cost."""
    try:
        request = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    # JSON has no fewer bytes than the text in it: escapes are longer than what they stand for.
    room = max(_PIECE_TOKENS - len(bytes(request.query)), _PIECE_TOKENS_MIN)
    pieces = sum(-(-len(bytes(one)) // room) for one in request.documents or ())
    return Usage(search_units=max(-(-pieces // _DOCUMENTS_A_UNIT), 1))


def likely(body: bytes) -> Usage | None:
    """The search units of a request whose documents are short."""
    try:
        request = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return Usage(search_units=max(-(-len(request.documents or ()) // _DOCUMENTS_A_UNIT), 1))


def read_usage(body: bytes) -> Usage | None:
    """The units of Cohere's kind of reply, or the tokens of the others'."""
    usage = cohere_units.read_usage(body) or plain_usage.read_usage(body)
    if usage is not None:
        return usage
    try:
        meta = _decode_reply(body).meta
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    # SiliconFlow, "Create rerank": meta.tokens
    return plain_usage.from_object(meta.get("tokens")) if isinstance(meta, dict) else None


def read_usage_in_part(part: bytes) -> Usage | None:
    """The same in the start or the end of a reply too long to be kept whole."""
    return cohere_units.read_usage_in_part(part) or plain_usage.read_usage_in_part(part)
