"""Logs people in with an identity provider.

OpenID Connect Core 1.0, code flow with PKCE.

What the browser carries between start and callback is sealed with the master key, so the callback
needs no memory, and any process may answer it. A sealed state is bound to the browser by a cookie
and holds for ten minutes.
"""

import hmac
import secrets
import threading
import time
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import msgspec
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from faregate.configuration.single_sign_on import SingleSignOn
from faregate.configuration.single_sign_on_rules import is_safe_address
from faregate.control.problems import ProblemError
from faregate.core.clock import Clock
from faregate.core.errors import FaregateError
from faregate.identity.roles import RoleGrant
from faregate.storage.external_logins import ExternalLogin
from faregate.storage.secrets import SecretBox

STATE_S: Final = 600
CALL_S_MAX: Final = 10.0
METADATA_S: Final = 3_600.0
LEEWAY_S: Final = 60
_REPLY_BYTES_MAX: Final = 1024 * 1024
_GROUPS_MAX: Final = 1_000
_PLACE: Final = "single-sign-on state"
_ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)


class Begun(msgspec.Struct, frozen=True):
    """A login that was begun.

    Where to send the browser, and what it must bring back.
    """

    address: str
    cookie: str


class _State(msgspec.Struct, frozen=True):
    provider: str
    state: str
    nonce: str
    verifier: str
    return_to: str
    redirect_uri: str
    until_s: int


class _Metadata(msgspec.Struct, frozen=True):
    """Of OpenID Connect Discovery 1.0, section 3, what is needed."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    id_token_signing_alg_values_supported: list[str] = []


class Returned(msgspec.Struct, frozen=True):
    """Who came back, and where the browser wanted to go."""

    login: ExternalLogin
    return_to: str


class IdentityProviders:
    """The identity providers of one installation.

    What they publish is kept for an hour.
    """

    def __init__(self, box: SecretBox, clock: Clock) -> None:
        self._box = box
        self._clock = clock
        self._lock = threading.Lock()
        self._metadata: dict[str, tuple[float, _Metadata]] = {}
        self._keys: dict[str, KeySet] = {}

    def begin(self, provider: SingleSignOn, redirect_uri: str, return_to: str) -> Begun:
        """Begin a login. Raises `ProblemError`.

        503 where the provider can't be reached.
        """
        metadata = self._discover(provider)
        state = _State(
            provider=provider.name,
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            return_to=return_to,
            redirect_uri=redirect_uri,
            until_s=self._now_s() + STATE_S,
        )
        with self._client(provider, redirect_uri) as client:
            address, _ = client.create_authorization_url(
                metadata.authorization_endpoint,
                state=state.state,
                code_verifier=state.verifier,
                nonce=state.nonce,
            )
        sealed = self._box.seal(msgspec.json.encode(state).decode(), _PLACE)
        return Begun(address, sealed)

    def finish(self, provider: SingleSignOn, cookie: str | None, query: dict[str, str]) -> Returned:
        """Who came back with `query`. Raises `ProblemError`: 401 or 503."""
        state = self._opened(provider, cookie, query.get("state", ""))
        if query.get("iss", provider.issuer) != provider.issuer:  # RFC 9207
            raise refused("another identity provider answered")
        if "error" in query:
            said = query.get("error_description") or query["error"]
            raise refused(f"the identity provider said: {said[:300]}")
        if not query.get("code"):
            raise refused("the identity provider gave no code")
        metadata = self._discover(provider)
        tokens = self._redeem(provider, metadata, state, query["code"])
        claims = self._verified(provider, metadata, tokens, state.nonce)
        groups = _groups(claims, provider.groups_claim)
        if (groups is None or "email" not in claims) and metadata.userinfo_endpoint:
            more = self._ask_userinfo(metadata.userinfo_endpoint, tokens)
            if more.get("sub") != claims["sub"]:
                raise refused("userinfo is of somebody else")
            claims = {**more, **claims}
            groups = _groups(claims, provider.groups_claim)
        return Returned(_login(provider, claims, groups or []), state.return_to)

    def _now_s(self) -> int:
        return self._clock.wall_ns() // 1_000_000_000

    def _client(self, provider: SingleSignOn, redirect_uri: str) -> Any:
        public = provider.client_secret is None
        return OAuth2Client(
            client_id=provider.client_id,
            client_secret=provider.client_secret,
            token_endpoint_auth_method="none" if public else provider.client_authentication,
            scope=" ".join(provider.scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=CALL_S_MAX,
            follow_redirects=False,
        )

    def _opened(self, provider: SingleSignOn, cookie: str | None, state: str) -> _State:
        """The state that this browser began with."""
        try:
            sealed = self._box.open(cookie or "", _PLACE)
            begun = msgspec.json.decode(sealed, type=_State)
        except (FaregateError, msgspec.MsgspecError, ValueError):
            raise refused("this browser began no login, or too long ago") from None
        same = hmac.compare_digest(begun.state.encode(), state.encode())
        if not same or begun.provider != provider.name or begun.until_s < self._now_s():
            raise refused("this browser began another login, or too long ago")
        return begun

    def _discover(self, provider: SingleSignOn) -> _Metadata:
        with self._lock:
            kept = self._metadata.get(provider.issuer)
        if kept is not None and time.monotonic() - kept[0] < METADATA_S:
            return kept[1]
        raw = _get(provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
        try:
            metadata = msgspec.json.decode(raw, type=_Metadata)
        except msgspec.MsgspecError as error:
            raise unavailable(f"its configuration can't be read: {error}") from None
        if metadata.issuer != provider.issuer:
            raise unavailable(f"it calls itself {metadata.issuer[:200]!r}, not {provider.issuer!r}")
        for address in (
            metadata.authorization_endpoint,
            metadata.token_endpoint,
            metadata.jwks_uri,
            metadata.userinfo_endpoint or metadata.token_endpoint,
        ):
            # The browser is sent to the first with a query of our own behind it.
            if not is_safe_address(urlsplit(address)._replace(query="").geturl()):
                raise unavailable(f"{address[:200]!r} is not an https address")
        with self._lock:
            self._metadata[provider.issuer] = (time.monotonic(), metadata)
        return metadata

    def _redeem(
        self, provider: SingleSignOn, metadata: _Metadata, state: _State, code: str
    ) -> dict[str, Any]:
        try:
            with self._client(provider, state.redirect_uri) as client:
                tokens: dict[str, Any] = client.fetch_token(
                    metadata.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=state.verifier,
                )
        except AuthlibBaseError as error:
            raise refused(f"the code was not taken: {str(error)[:300]}") from None
        except (httpx2.HTTPError, ValueError) as error:
            raise unavailable(f"its token endpoint does not answer: {error}") from None
        if not isinstance(tokens.get("id_token"), str):
            raise refused("the identity provider gave no ID token")
        return tokens

    def _verified(
        self, provider: SingleSignOn, metadata: _Metadata, tokens: dict[str, Any], nonce: str
    ) -> dict[str, Any]:
        """The claims of the ID token, checked as Core 1.0, section 3.1.3.7, says."""
        told = metadata.id_token_signing_alg_values_supported or ["RS256"]
        algorithms = [name for name in told if name in _ALGORITHMS]
        try:
            claims = self._decoded(metadata, tokens["id_token"], algorithms)
            jwt.JWTClaimsRegistry(
                now=self._now_s(),
                leeway=LEEWAY_S,
                iss={"essential": True, "value": provider.issuer},
                aud={"essential": True, "value": provider.client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise refused(f"the ID token does not hold: {error}") from None
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != provider.client_id:
            raise refused("the ID token is for another client")
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
            raise refused("the ID token names nobody")
        return claims

    def _decoded(self, metadata: _Metadata, token: str, algorithms: list[str]) -> dict[str, Any]:
        with self._lock:
            keys = self._keys.get(metadata.jwks_uri)
        if keys is not None:
            try:
                return dict(jwt.decode(token, keys, algorithms=algorithms).claims)
            except (JoseError, ValueError):
                pass  # the provider may have new keys
        keys = KeySet.import_key_set(msgspec.json.decode(_get(metadata.jwks_uri)))
        claims = dict(jwt.decode(token, keys, algorithms=algorithms).claims)
        with self._lock:
            self._keys[metadata.jwks_uri] = keys
        return claims

    def _ask_userinfo(self, address: str, tokens: dict[str, Any]) -> dict[str, Any]:
        token = tokens.get("access_token")
        if not isinstance(token, str):
            return {}
        raw = _get(address, {"Authorization": f"Bearer {token}"})
        try:
            return msgspec.json.decode(raw, type=dict[str, Any])
        except msgspec.MsgspecError:
            raise unavailable("its userinfo is no JSON") from None


def _login(provider: SingleSignOn, claims: dict[str, Any], groups: list[str]) -> ExternalLogin:
    email = claims.get("email")
    if not isinstance(email, str) or email.count("@") != 1:
        raise refused("the identity provider tells no e-mail address (scope email)")
    domains = [one.lower() for one in provider.email_domains]
    if domains and email.rpartition("@")[2].lower() not in domains:
        raise refused(f"addresses of {email.rpartition('@')[2][:200]} may not log in here")
    name = claims.get("name")
    return ExternalLogin(
        method=f"sso:{provider.name}",
        issuer=provider.issuer,
        subject=claims["sub"],
        email=email,
        name=name if isinstance(name, str) else email.partition("@")[0],
        roles=tuple(
            RoleGrant(given.role, given.team, "sso")
            for given in provider.roles
            if given.group in groups
        ),
        create=provider.create_users,
        link=provider.link_by_email and claims.get("email_verified") is True,
    )


def _groups(claims: dict[str, Any], claim: str) -> list[str] | None:
    """The groups in a claim; None where it isn't there. A path may lead inside: realm.roles."""
    value: Any = claims.get(claim)
    if value is None and "." in claim:
        value = claims
        for step in claim.split("."):
            value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        return None
    return [one for one in value[:_GROUPS_MAX] if isinstance(one, str)]


def _get(address: str, headers: dict[str, str] | None = None) -> bytes:
    try:
        with (
            httpx2.Client(timeout=CALL_S_MAX, follow_redirects=False) as client,
            client.stream("GET", address, headers=headers or {}) as response,
        ):
            if response.status_code != 200:
                raise unavailable(f"{address} answers {response.status_code}")
            parts, size = [], 0
            for part in response.iter_bytes():
                size += len(part)
                if size > _REPLY_BYTES_MAX:
                    raise unavailable(f"{address} answers too much")
                parts.append(part)
            return b"".join(parts)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise unavailable(f"{address} does not answer: {error}") from None


def refused(why: str) -> ProblemError:
    """401: the login did not come about."""
    return ProblemError(
        401,
        "single_sign_on_failed",
        f"The login did not come about: {why}.",
        fix="begin it again; if it stays so, tell whoever runs this installation",
    )


def unavailable(why: str) -> ProblemError:
    """503: the identity provider can't be used now."""
    return ProblemError(
        503,
        "identity_provider_unavailable",
        f"The identity provider can't be used: {why}.",
        fix="try again in a moment, or log in with a password",
    )
