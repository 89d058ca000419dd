"""Tokens that a credential is exchanged for: request and answer.

Without I/O but for RS256, which is left to `cryptography`. Google: a service account's JWT, or an
authorized user's refresh token. IBM Cloud: an API key.

Sources: Google, "Using OAuth 2.0 for Server to Server Applications" (JWT bearer grant, RFC 7523),
google-auth's `oauth2/_client.py` (refresh tokens, `universe_domain`); IBM Cloud, "Generating an
IBM Cloud IAM token by using an API key".
"""

import base64
from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import urlencode

import msgspec

from faregate.core.errors import FaregateError

TOKEN_BODY_BYTES_MAX: Final = 64 * 1024
CREDENTIAL_BYTES_MAX: Final = 64 * 1024
GOOGLE_TOKEN_URL: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_IBM_GRANT: Final = "urn:ibm:params:oauth:grant-type:apikey"
_ASSERTION_S: Final = 3_600
_LIFE_S_USUAL: Final = 3_600.0
_LIFE_S_MAX: Final = 86_400.0
_SAID_CHARACTERS_MAX: Final = 200
# What begins so is a token itself: Google's, and any JWT.
_TOKENS_BEGIN: Final[dict[str, str]] = {"google_oauth": "ya29.", "ibm_iam": "eyJ"}

UnprovenKind = Literal["auth", "unreachable", "timeout", "failed"]


class UnprovenError(FaregateError):
    """What lets us in at a vendor can't be had; `kind` is a trouble's."""

    def __init__(self, message: str, kind: UnprovenKind = "auth", *, fix: str | None = None):
        super().__init__(message, fix=fix)
        self.kind: UnprovenKind = kind


class TokenRequest(msgspec.Struct, frozen=True):
    """A POST of a form; its body is a secret."""

    url: str
    body: bytes


class Token(msgspec.Struct, frozen=True):
    """What the answer gives; it is good for `life_s`."""

    text: str
    life_s: float


def is_token(auth: str, credential: str) -> bool:
    """Whether a credential is a token itself, which is sent as it is."""
    begin = _TOKENS_BEGIN.get(auth)
    return begin is not None and credential.startswith(begin)


def token_request(
    auth: str, credential: str, options: Mapping[str, str], now_s: float
) -> TokenRequest:
    """What to ask for a token.

    `credential` is an API key, or the JSON of Google's file; `now_s` is seconds since 1970.
    Raises `UnprovenError`, which repeats nothing of it.
    """
    if auth == "ibm_iam":
        return _posted(options["token_url"], grant_type=_IBM_GRANT, apikey=credential)
    facts = _google_facts(credential)
    url = _text(facts, "token_uri", GOOGLE_TOKEN_URL)
    if not url.startswith(("https://", "http://")):
        raise UnprovenError("its credential names a token_uri that is no address")
    kind = facts.get("type")
    if kind == "service_account":
        return _posted(url, grant_type=_JWT_GRANT, assertion=_assertion(facts, url, int(now_s)))
    if kind == "authorized_user":
        names = ("client_id", "client_secret", "refresh_token")
        parts = {name: _text(facts, name) for name in names}
        return _posted(url, grant_type="refresh_token", **parts)
    raise UnprovenError(
        "its credential is neither a service account's nor an authorized user's",
        fix="make a key of a service account, and give its JSON file",
    )


def read_token(status: int, body: bytes) -> Token:
    """The token in an answer; raises `UnprovenError` where there is none."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = None
    facts: dict[str, Any] = document if isinstance(document, dict) else {}
    text = facts.get("access_token")
    if status == 200 and isinstance(text, str) and text.isascii() and text.isprintable() and text:
        life_s = facts.get("expires_in")
        if isinstance(life_s, bool) or not isinstance(life_s, int | float) or life_s <= 0:
            life_s = _LIFE_S_USUAL
        return Token(text, min(float(life_s), _LIFE_S_MAX))
    kind: UnprovenKind = "auth" if 400 <= status < 500 and status not in (408, 429) else "failed"
    said = [
        str(facts[name])
        for name in ("error", "error_description", "errorCode", "errorMessage")
        if isinstance(facts.get(name), str)
    ]
    words = " ".join(" ".join(said).split())[:_SAID_CHARACTERS_MAX]
    told = f": {words}" if words else ""
    raise UnprovenError(f"its token was refused with status {status}{told}", kind)


def _posted(url: str, **form: str) -> TokenRequest:
    return TokenRequest(url, urlencode(form).encode())


def _google_facts(credential: str) -> dict[str, Any]:
    try:
        facts = msgspec.json.decode(credential)
    except (msgspec.DecodeError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise UnprovenError(
            "its credential is not the JSON of a service account",
            fix="give the file's text, or its path",
        )
    return facts


def _text(facts: dict[str, Any], name: str, default: str | None = None) -> str:
    value = facts.get(name, default)
    if not isinstance(value, str) or not value:
        raise UnprovenError(f"its credential has no {name}")
    return value


def _assertion(facts: dict[str, Any], audience: str, now: int) -> str:
    """A JWT, signed by the account's own key."""
    head = {"alg": "RS256", "typ": "JWT"}
    if isinstance(facts.get("private_key_id"), str):
        head["kid"] = facts["private_key_id"]
    claims = {
        "iss": _text(facts, "client_email"),
        "scope": SCOPE,
        "aud": audience,
        "iat": now,
        "exp": now + _ASSERTION_S,
    }
    signed = b".".join(_encoded(msgspec.json.encode(part)) for part in (head, claims))
    signature = _encoded(_signature(_text(facts, "private_key"), signed))
    return b".".join((signed, signature)).decode()


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _signature(private_key: str, signed: bytes) -> bytes:
    # Here, for only accounts at Google need it.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(private_key.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UnprovenError("its credential's private_key is no RSA key in PEM")
    return key.sign(signed, padding.PKCS1v15(), SHA256())
