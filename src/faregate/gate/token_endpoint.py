"""`POST /oauth2/token`: an access token for a key; and its metadata.

The client's id is the key's, and its secret the key. What is wrong with them is never told apart:
the key is looked up by its hash alone, so that an id that exists and one that doesn't take the
same way.

Sources: RFC 6749 §2.3.1 (client authentication), §4.4 (grant), §5 (answers and errors); RFC 8414.
"""

import base64
import binascii
import hmac
import inspect
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

import msgspec

from faregate.configuration.callers import OAuth2
from faregate.core.refusals import KINDS, Refusal
from faregate.gate.answers import Answer, say_methods
from faregate.gate.phases import Phase, PhasedStep, Plan, decode_body, require_length
from faregate.gate.state import CallState
from faregate.identity.keys import KeyRecord, hash_key, is_well_formed
from faregate.policies.keys import UNKNOWN, KeyCheck
from faregate.policies.oauth2 import AccessTokens

TOKEN_PATH: Final = "/oauth2/token"  # noqa: S105 - an address
METADATA_PATH: Final = "/.well-known/oauth-authorization-server"
_BODY_BYTES_MAX: Final = 8 * 1024
_FIELDS_MAX: Final = 16
_BAD: Final = 400
_UNAUTHORIZED: Final = KINDS["key_unknown"].status
_FORM: Final = b"application/x-www-form-urlencoded"
_BASIC: Final = b"basic "
_NOT_KEPT: Final = (("cache-control", "no-store"), ("pragma", "no-cache"))
_CHALLENGE: Final = (("www-authenticate", 'Basic realm="faregate", charset="UTF-8"'),)

_encode = msgspec.json.Encoder().encode


class _TokenError(Exception):
    """An error of RFC 6749 §5.2."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description

    def answer(self) -> Answer:
        body = _encode({"error": self.error, "error_description": self.description})
        if self.error == "invalid_client":
            fields = (*_NOT_KEPT, *_CHALLENGE)
            return Answer(_UNAUTHORIZED, "application/json", body, fields)
        return Answer(_BAD, "application/json", body, _NOT_KEPT)


class IssueToken:
    """The step that answers it."""

    def __init__(self, tokens: AccessTokens, key_check: KeyCheck, settings: OAuth2) -> None:
        self._tokens = tokens
        self._keys = key_check
        self._settings = settings

    async def __call__(self, call: CallState) -> Answer | Refusal:
        """A token, an error of OAuth2, or a refusal where keys can't be looked up."""
        try:
            form = _read_form(call)
            client_id, secret = _client(call, form)
            found = await self._client_record(call, client_id, secret)
            if isinstance(found, Refusal):
                return found
            _check_grant(form)
        except _TokenError as error:
            return error.answer()
        call.key = found
        token, expires_in = self._tokens.issue(found, self._settings.token_lifetime_s)
        told = {"access_token": token, "token_type": "Bearer", "expires_in": expires_in}
        return Answer(200, "application/json", _encode(told), _NOT_KEPT)

    async def _client_record(
        self, call: CallState, client_id: str, secret: str
    ) -> KeyRecord | Refusal:
        """The key of a client that proves itself; raises `_TokenError`."""
        found = await self._keys.find(hash_key(secret)) if is_well_formed(secret) else UNKNOWN
        if isinstance(found, Refusal):
            if found is not UNKNOWN:
                return found
            raise await self._unknown(call)
        record = found.record
        if not hmac.compare_digest(record.key_id.encode(), client_id.encode()):
            raise await self._unknown(call)
        if self._keys.judge(record) is not None:
            raise await self._unknown(call)
        return record

    async def _unknown(self, call: CallState) -> _TokenError:
        """What is said of all who don't prove themselves; guesses wait for it."""
        outcome = self._keys.refuse_guess(call)
        if inspect.isawaitable(outcome):
            await outcome
        description = "The client is not known, or its secret is not right."
        return _TokenError("invalid_client", description)


def _read_form(call: CallState) -> dict[str, str]:
    media = call.head.fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media != _FORM:
        raise _TokenError("invalid_request", f"Send the body as {_FORM.decode()}.")
    if len(call.body) > _BODY_BYTES_MAX:
        raise _TokenError("invalid_request", f"The body has over {_BODY_BYTES_MAX} bytes.")
    try:
        pairs = parse_qsl(
            call.body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(call.body),
            errors="strict",
            max_num_fields=_FIELDS_MAX,
        )
    except ValueError:
        raise _TokenError("invalid_request", "The body is not a form.") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _TokenError("invalid_request", "A parameter stands in the body twice.")
    return form


def _client(call: CallState, form: dict[str, str]) -> tuple[str, str]:
    """Id and secret, from the header or the body, not from both."""
    header = call.head.fields.get(b"authorization")
    if header is None:
        if not form.get("client_id") or not form.get("client_secret"):
            description = "Send client_id and client_secret, by HTTP Basic or in the body."
            raise _TokenError("invalid_client", description)
        return form["client_id"], form["client_secret"]
    if "client_secret" in form:
        description = "The client identifies itself in two ways at once; use one."
        raise _TokenError("invalid_request", description)
    pair = _basic_pair(header)
    if pair is None:
        raise _TokenError("invalid_client", "Authorization is not HTTP Basic.")
    if form.get("client_id", pair[0]) != pair[0]:
        raise _TokenError("invalid_request", "The two client_id differ.")
    return pair


def _basic_pair(header: bytes) -> tuple[str, str] | None:
    """Id and secret of HTTP Basic, each of them written as in a form."""
    if header[:6].lower() != _BASIC:
        return None
    try:
        text = base64.b64decode(header[6:].strip(), validate=True).decode("utf-8")
    except (ValueError, binascii.Error):
        return None
    name, colon, secret = text.partition(":")
    return (unquote_plus(name), unquote_plus(secret)) if colon else None


def _check_grant(form: dict[str, str]) -> None:
    grant = form.get("grant_type")
    if not grant:
        raise _TokenError("invalid_request", "grant_type is missing: client_credentials.")
    if grant != "client_credentials":
        raise _TokenError("unsupported_grant_type", "The only grant is client_credentials.")
    if form.get("scope"):
        raise _TokenError("invalid_scope", "There are no scopes here: leave scope out.")


class ShowMetadata:
    """The step that answers `GET /.well-known/oauth-authorization-server`."""

    def __init__(self, settings: OAuth2, *, secure: bool) -> None:
        self._issuer = settings.issuer
        self._scheme = "https" if secure else "http"

    def __call__(self, call: CallState) -> Answer:
        """The metadata of RFC 8414."""
        issuer = self._issuer
        if issuer is None:
            host = call.head.fields.get(b"host", b"").decode("latin-1")
            issuer = f"{self._scheme}://{host}"
        told: dict[str, Any] = {
            "issuer": issuer,
            "token_endpoint": issuer + TOKEN_PATH,
            "response_types_supported": [],
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }
        return Answer(200, "application/json", _encode(told), _NOT_KEPT)


def oauth2_routes(
    tokens: AccessTokens, key_check: KeyCheck, settings: OAuth2, *, secure: bool
) -> dict[bytes, dict[bytes, Plan]]:
    """The plans of both addresses, by path and method."""
    steps = [
        PhasedStep(Phase.IDENTIFY, require_length, needs_body=False),
        PhasedStep(Phase.VALIDATE, decode_body),
        PhasedStep(Phase.SEND, IssueToken(tokens, key_check, settings)),
    ]
    metadata = Plan(METADATA_PATH, [PhasedStep(Phase.SEND, ShowMetadata(settings, secure=secure))])
    return {
        TOKEN_PATH.encode(): {
            b"POST": Plan(TOKEN_PATH, steps),
            b"OPTIONS": _say_methods("OPTIONS, POST"),
        },
        METADATA_PATH.encode(): {
            b"GET": metadata,
            b"HEAD": metadata,
            b"OPTIONS": _say_methods("GET, HEAD, OPTIONS"),
        },
    }


def _say_methods(allowed: str) -> Plan:
    answer = say_methods(allowed)
    return Plan("options", [PhasedStep(Phase.SEND, lambda _call: answer)])
