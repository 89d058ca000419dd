"""The service tier that a request asks for, for what is held before it is sent.

OpenAI names it in `service_tier` ("Chat completions", "Responses"); Anthropic's `speed` ("Fast
mode") is one too.
"""

from typing import Final

import msgspec

from faregate.dialects.usage import Usage


class _Asked(msgspec.Struct, gc=False):
    service_tier: object = None
    speed: object = None


_decode: Final = msgspec.json.Decoder(_Asked).decode


def asked(body: bytes) -> Usage | None:
    """The tier as a usage without tokens, as `Tariff.bound` takes it; None: none is named.

    A tier without a price of its own, such as auto, costs as usual.
    """
    if b'"service_tier"' not in body and b'"speed"' not in body and b"\\u" not in body:
        return None
    try:
        found = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    tier = found.speed if found.speed == "fast" else found.service_tier
    return Usage(service_tier=tier) if isinstance(tier, str) else None
