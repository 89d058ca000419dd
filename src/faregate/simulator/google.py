"""What Google's platforms serve beside generateContent.

Sources: the Gemini API reference: embedContent, batchEmbedContents, models; Vertex AI's "Text
embeddings API" and "Use Anthropic's Claude models"; "Using OAuth 2.0 for server to server
applications".
"""

import base64
import time
import zlib
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from faregate.simulator.answer import encode, tokens_of
from faregate.simulator.anthropic import Messages, read_hosted
from faregate.simulator.embeddings import unit_vector
from faregate.simulator.errors import ErrorKind, RefusedError, Voice, kinds
from faregate.simulator.exchange import Document, Exchange, Message
from faregate.simulator.gemini import camels
from faregate.simulator.keys import TOKEN_PREFIX
from faregate.simulator.script import Script

TOKEN_SECONDS: Final = 3_599
ASSERTION_SECONDS_MAX: Final = 3_600
JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DIMENSIONS_DEFAULT: Final = 256


class Embedded(Exchange):
    """Vectors of texts, in one of three forms."""

    def __init__(self, model: str, form: str, asked: list[tuple[str, int]]) -> None:
        self.model = model
        self._form = form
        self._asked = asked

    def whole(self, script: Script) -> bytes:
        """The body of the answer."""
        vectors = [unit_vector(text.encode(), size, script.seed) for text, size in self._asked]
        if self._form == "embedContent":
            return encode({"embedding": {"values": vectors[0]}})
        if self._form == "batchEmbedContents":
            return encode({"embeddings": [{"values": vector} for vector in vectors]})
        rows = []
        for (text, _), vector in zip(self._asked, vectors, strict=True):
            statistics = {"truncated": False, "token_count": tokens_of(text)}
            rows.append({"embeddings": {"values": vector, "statistics": statistics}})
        return encode({"predictions": rows})


def read_embedded(message: Message) -> Exchange:
    """embedContent, batchEmbedContents, or Vertex AI's predict."""
    action = message.names["action"]
    document = camels(msgspec.json.decode(message.body))
    if action == "embedContent":
        asked = [_text_and_size(document)]
    elif action == "batchEmbedContents":
        asked = [_text_and_size(camels(row)) for row in document.get("requests") or []]
    else:
        size = camels(document.get("parameters") or {}).get("outputDimensionality")
        rows = document.get("instances") or []
        asked = [(str(camels(row)["content"]), size or DIMENSIONS_DEFAULT) for row in rows]
    if not asked:
        raise RefusedError(f"* {action}.requests: at least one request is required\n")
    return Embedded(message.names["model"], action, asked)


def _text_and_size(row: dict[str, Any]) -> tuple[str, int]:
    content = row.get("content")
    if content is None:
        raise RefusedError("* EmbedContentRequest.content: contents is not specified\n")
    if not isinstance(content, dict):
        raise RefusedError("Invalid value at 'content' (type.googleapis.com/Content).")
    text = "".join(str(part.get("text", "")) for part in content.get("parts") or [])
    return text, row.get("outputDimensionality") or DIMENSIONS_DEFAULT


def model_row(name: str) -> dict[str, Any]:
    """One model, as Gemini's list shows it."""
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens", "embedContent"],
    }


def read_claude(message: Message) -> Messages:
    """Anthropic's messages on Vertex AI."""
    streamed = message.names["action"] == "streamRawPredict"
    return read_hosted(message.body, message.names["model"], streamed=streamed)


# -- Tokens ---------------------------------------------------------------------------------------


def _oauth_document(kind: ErrorKind) -> bytes:
    return encode({"error": kind.type, "error_description": kind.message})


OAUTH: Final = Voice(
    kinds(
        ("invalid_request", 400, "invalid_grant", "Invalid JWT.", None),
        ("context_length", 400, "invalid_request", "Request too large.", None),
        ("content_policy", 400, "invalid_request", "Refused.", None),
        ("auth", 401, "invalid_client", "The OAuth client was not found.", None),
        ("permission", 403, "access_denied", "Account restricted.", None),
        ("not_found", 400, "invalid_grant", "Invalid grant: account not found", None),
        ("rate_limit", 429, "rate_limit_exceeded", "Rate limit exceeded.", None),
        ("quota", 429, "quota_exceeded", "Quota exceeded.", None),
        ("server_error", 500, "internal_failure", "Internal error.", None),
        ("overloaded", 503, "temporarily_unavailable", "Try again later.", None),
    ),
    _oauth_document,
)


def read_token(message: Message) -> Exchange:
    """An access token for an assertion; `?expires_in=` shortens its life.

    The assertion's form and claims are checked, not its signature: nobody told its key.
    """
    form = dict(parse_qsl(message.body.decode("latin-1")))
    grant = form.get("grant_type")
    if grant == JWT_GRANT:
        claims = _claims(form.get("assertion", ""))
        seed = encode(claims)
    elif grant == "refresh_token" and form.get("refresh_token"):
        seed = form["refresh_token"].encode()
    else:
        raise RefusedError(f"Invalid grant_type: {grant}")
    lasts = int(message.query.get("expires_in", TOKEN_SECONDS))
    token = f"{TOKEN_PREFIX}{zlib.crc32(seed):08x}"
    return Document(
        encode({"access_token": token, "expires_in": lasts, "token_type": "Bearer"})
    )  # fmt: skip


def _claims(assertion: str) -> dict[str, Any]:
    parts = assertion.split(".")
    if len(parts) != 3 or not all(parts):
        raise RefusedError("Invalid JWT: must have three parts.")
    head, claims = (_decoded(part) for part in parts[:2])
    if head.get("alg") != "RS256":
        raise RefusedError("Invalid JWT: alg must be RS256.")
    missing = [name for name in ("iss", "aud", "iat", "exp") if name not in claims]
    if missing or not (claims.get("scope") or claims.get("target_audience")):
        raise RefusedError(f"Invalid JWT: missing {', '.join(missing) or 'scope'}.")
    now = time.time()
    if claims["exp"] <= now or claims["exp"] - claims["iat"] > ASSERTION_SECONDS_MAX:
        raise RefusedError(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
            "timeframe. Check your iat and exp values in the JWT claim."
        )
    return claims


def _decoded(part: str) -> dict[str, Any]:
    try:
        text = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        found = msgspec.json.decode(text)
    except (ValueError, msgspec.DecodeError):
        found = None
    if not isinstance(found, dict):
        raise RefusedError("Invalid JWT: its parts must be JSON objects in base64url.")
    return found
