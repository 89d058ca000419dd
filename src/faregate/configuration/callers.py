"""How callers identify themselves beside keys, and where.

JWTs of identity providers, access tokens that Faregate issues, signed requests and client
certificates. Each stands for an application, as a key does. Rules over several parts of it are in
`configuration.caller_rules`.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from faregate.configuration.names import Name, OwnedName
from faregate.configuration.settings import Section

Method = Literal["key", "jwt", "oauth2", "hmac", "mtls"]
Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
    "EdDSA", "Ed25519", "HS256", "HS384", "HS512",
]  # fmt: skip

METHODS: Final[tuple[Method, ...]] = ("key", "jwt", "oauth2", "hmac", "mtls")
ASYMMETRIC: Final[tuple[Algorithm, ...]] = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
    "EdDSA", "Ed25519",
)  # fmt: skip


class JwtClaims(Section, frozen=True, kw_only=True):
    """Claims that say whose call it is; a part of one as realm.client."""

    # Claim that names the application, or a value of the table applications; none: the fixed
    # application.
    application: str | None = None
    # Claim that names the team: applications are then looked for within it; none: none is
    # asked for.
    team: str | None = None
    # Claim that names the customer, in the place of the header Faregate-Customer; none: the
    # header counts.
    customer: str | None = None


class JwtIssuer(Section, frozen=True, kw_only=True):
    """An identity provider whose JWTs are taken."""

    # Name in this installation; calls are recorded as jwt:NAME:APPLICATION.
    name: Name
    # The value of iss, to the letter.
    issuer: str
    # Values of aud, of which a token must have one.
    audiences: tuple[str, ...]
    # Address of its public keys (a JWK set), https; found again when a token names a key that
    # isn't known.
    jwks_url: str | None = None
    # File with its public keys instead, read again after a minute at most.
    jwks_file: str | None = None
    # PEM file of authorities to trust at jwks_url instead of the system's.
    ca_file: str | None = None
    # The proxy to reach jwks_url by: an address, "environment" or "none".
    proxy: str = "environment"
    # The secret of HS256, HS384 and HS512 instead of public keys, of 32 bytes or more:
    # ${env:NAME}, or ${sealed:...} as an export writes it.
    secret: str | None = None
    # Algorithms that signatures may have; "none" never is one.
    algorithms: tuple[Algorithm, ...] = ASYMMETRIC
    # Seconds by which clocks may differ.
    leeway_s: Annotated[float, Meta(ge=0, le=300)] = 30.0
    # Values of typ in the token's head, of which it must have one, as at+jwt; none: any.
    types: tuple[str, ...] = ()
    # Claims that a token must have, each with the values that are taken, as azp: [shop].
    required_claims: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    # Scopes that a token must have, all of them, in scope or scp.
    required_scopes: tuple[str, ...] = ()
    # Claims that say whose call it is.
    claims: JwtClaims = JwtClaims()
    # Application of tokens whose claims name none.
    application: OwnedName | None = None
    # Applications by the value of the claim; with this table a claim names nothing else.
    applications: dict[str, OwnedName] = msgspec.field(default_factory=dict)


class OAuth2(Section, frozen=True, kw_only=True):
    """Access tokens for keys: POST /oauth2/token.

    The grant is client_credentials; client_id is a key's id and client_secret the key.
    """

    # Whether they are issued and taken.
    enabled: bool = False
    # Seconds that a token is good for; it ends with its key as well.
    token_lifetime_s: Annotated[int, Meta(ge=60, le=86_400)] = 900
    # Address by which callers reach the gate, as https://gate.example.com, for the metadata; none:
    # the address that they used.
    issuer: str | None = None


class HmacCredential(Section, frozen=True, kw_only=True):
    """A secret to sign requests with (RFC 9421, hmac-sha256)."""

    # Name in this installation, and the keyid of signatures; calls are recorded as
    # hmac:NAME:APPLICATION.
    name: Name
    # The secret, of 32 bytes or more: ${env:NAME}, or ${sealed:...} as an export writes it.
    secret: str
    # Application that such calls belong to.
    application: OwnedName


class ClientCertificate(Section, frozen=True, kw_only=True):
    """A client certificate; it must match in all that is said of it."""

    # Name in this installation; calls are recorded as mtls:NAME:APPLICATION.
    name: Name
    # SHA-256 of the certificate, 64 hex digits, with or without colons.
    fingerprint: str | None = None
    # The whole subject, as CN=shop,O=Example; the order doesn't matter.
    subject: str | None = None
    # One of its alternative names, as dns:shop.internal, uri:spiffe://corp/shop, ip:10.0.0.7 or
    # email:shop@example.com.
    san: str | None = None
    # Application that such calls belong to.
    application: OwnedName


class CallerPolicy(Section, frozen=True, kw_only=True):
    """Which ways of identifying oneself paths take."""

    # Name in this installation.
    name: Name
    # Paths, as /v1/embeddings, or what they begin with, as /v1/files*; none: all.
    paths: tuple[str, ...] = ()
    # Methods of which one is enough; none: none beside all_of.
    any_of: tuple[Method, ...] = ()
    # Methods that are all needed, and of one application; the first says whose call it is.
    all_of: tuple[Method, ...] = ()


class Callers(Section, frozen=True, kw_only=True):
    """How callers identify themselves beside keys.

    Where no policy says otherwise, keys are taken everywhere, and so is what is configured here.
    """

    jwt_issuers: tuple[JwtIssuer, ...] = ()
    oauth2: OAuth2 = OAuth2()
    # Secrets for signed requests.
    hmac: tuple[HmacCredential, ...] = ()
    # Client certificates; they need settings.gate.tls.client_ca_file.
    certificates: tuple[ClientCertificate, ...] = ()
    # Which methods a path takes; the first policy that names it counts.
    policies: tuple[CallerPolicy, ...] = ()


def configured_methods(callers: Callers) -> tuple[Method, ...]:
    """What is taken where no policy says otherwise."""
    there = {
        "key": True,
        "jwt": bool(callers.jwt_issuers),
        "oauth2": callers.oauth2.enabled,
        "hmac": bool(callers.hmac),
        "mtls": bool(callers.certificates),
    }
    return tuple(method for method in METHODS if there[method])
