"""What Cohere bills of embeddings and rerank: `meta.billed_units`.

A search unit is a query with up to 100 documents; a document of more than 500 tokens, the query
counted in, is cut into several.

Sources: Cohere API v2 reference, "Embed", "Rerank" (meta); Cohere, "How does Cohere's pricing
work" (rerank).
"""

import re
from typing import Any, Final

import msgspec

from faregate.dialects.plain_usage import count
from faregate.dialects.shapes import Object
from faregate.dialects.usage import Usage


class _Meta(msgspec.Struct, gc=False):
    billed_units: dict[str, Any] | None = None


class _Reply(msgspec.Struct, gc=False):
    meta: _Meta | None = None


_decode = msgspec.json.Decoder(_Reply).decode
_BILLED: Final = re.compile(rb'"billed_units"[ \t\r\n]*:[ \t\r\n]*(\{[^{}]*\})')


def _usage(billed: Object) -> Usage | None:
    texts = count(billed, "input_tokens", "text_tokens")
    images = count(billed, "image_tokens")
    whole = texts
    if images:  # embed-v4 counts them beside the texts
        whole = (texts or 0) + images
    usage = Usage(
        input_tokens=whole,
        output_tokens=count(billed, "output_tokens"),
        image_input_tokens=images,
        search_units=count(billed, "search_units"),
    )
    return None if usage == Usage() else usage


def read_usage(body: bytes) -> Usage | None:
    """The units that a whole reply states."""
    try:
        meta = _decode(body).meta
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return _usage(meta.billed_units) if meta is not None and meta.billed_units else None


def read_usage_in_part(part: bytes) -> Usage | None:
    """The units in the start or the end of a reply too long to be kept whole."""
    for match in _BILLED.finditer(part):
        usage = read_usage(b'{"meta":{"billed_units":%b}}' % match.group(1))
        if usage is not None:
            return usage
    return None


def written(usage: Usage | None) -> Object:
    """The members of `meta` that say the same."""
    if usage is None:
        return {}
    billed: Object = {}
    images = usage.image_input_tokens or 0
    if usage.input_tokens is not None:
        billed["input_tokens"] = max(usage.input_tokens - images, 0)
    if images:
        billed["image_tokens"] = images
    if usage.search_units is not None:
        billed["search_units"] = usage.search_units
    return {"billed_units": billed} if billed else {}
