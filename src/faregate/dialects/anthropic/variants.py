"""Turns the bytes of a Messages request into those of other services.

Only the members that differ are touched: the model and, for Bedrock, `stream` are in the path
there, the API's version is in the body.

Sources: Google Vertex AI, "Request predictions with Claude models"; Amazon Bedrock user guide,
"Anthropic Claude Messages API"; Anthropic's SDK for Python 2.12 (its Vertex and Bedrock clients).
"""

from typing import Literal

from faregate.core.refusals import Refusal
from faregate.dialects import json_text
from faregate.dialects.anthropic.request_writer import VERSIONS
from faregate.dialects.shapes import ShapeError

_VERSION = "anthropic_version"


def for_service(
    body: bytes, service: Literal["vertex", "bedrock"], betas: tuple[str, ...] = ()
) -> bytes | Refusal:
    """A request of Anthropic's own API as another service takes it.

    `betas` are the values of the caller's `anthropic-beta`, which Bedrock wants in the body.
    """
    names = ("model", "stream", _VERSION) if service == "bedrock" else ("model", _VERSION)
    try:
        for name in names:
            member = json_text.find_member(body, name)
            if member is not None:
                body = json_text.remove_member(body, member)
        if betas and service == "bedrock" and json_text.find_member(body, "anthropic_beta") is None:
            quoted = ",".join(f'"{beta}"' for beta in betas if beta.isascii() and '"' not in beta)
            body = json_text.insert_first(body, b"anthropic_beta", f"[{quoted}]".encode())
    except json_text.DuplicateMemberError as error:
        return ShapeError(str(error), "it stands twice").refusal()
    return json_text.insert_first(body, _VERSION.encode(), b'"%b"' % VERSIONS[service].encode())
