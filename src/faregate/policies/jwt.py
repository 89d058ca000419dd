"""Identifies callers by JWTs of the organisation's identity provider.

A token is verified once and remembered by its hash, until it ends and for five minutes at most;
what it rests on is then looked at again. Whoever can't prove anything is told nothing: which check
failed is said where the signature is right, and to the operator always. Fails closed.

Sources: RFC 7519 (claims), RFC 7515 (signatures), RFC 8725 (algorithms by issuer, typ), RFC 9068
§4 (typ, scope, aud).
"""

import base64
import binascii
import hashlib
import math
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from faregate.configuration.callers import JwtIssuer
from faregate.configuration.commerce import Application
from faregate.configuration.names import within
from faregate.core import bounds
from faregate.core.clock import Clock
from faregate.core.refusals import Refusal, refuse
from faregate.identity.keys import KeyRecord
from faregate.policies.identified import Identified, caller_record
from faregate.policies.key_sets import KeySet, PublicKey

TOKEN_BYTES_MAX: Final = 16 * bounds.KIB
TOKENS_KEPT_MAX: Final = 50_000  # half a kilobyte each
KEPT_S: Final = 300  # until a token's signature and key are looked at again
_KEYS_TRIED_MAX: Final = 8  # of a token that names none
_SHOWN: Final = 200
_NS: Final = 1_000_000_000
_SECONDS_MAX: Final = 2**53

_INVALID: Final = "The token that was sent is not taken here."


class _Token(NamedTuple):
    """A token in its parts, none of them verified."""

    head: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


class _Issuer(NamedTuple):
    rules: JwtIssuer
    keys: KeySet


class _UnreadableError(ValueError):
    """The text says what is wrong, for the operator."""


_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


def looks_like_jwt(text: bytes) -> bool:
    """Whether it has a token's three parts."""
    return text.count(b".") == 2


class JwtCheck:
    """Finds whose call a token makes.

    `key_sets` are by the issuer's name. `applications` are those of the document.
    """

    def __init__(
        self,
        issuers: Iterable[JwtIssuer],
        key_sets: Mapping[str, KeySet],
        applications: Iterable[Application],
        clock: Clock,
    ) -> None:
        self._issuers = {one.issuer: _Issuer(one, key_sets[one.name]) for one in issuers}
        self._applications = {one.name: one.team for one in applications}
        self._clock = clock
        self._records: dict[tuple[str, str], KeyRecord] = {}
        self._known: dict[bytes, Identified] = {}

    def watch(self) -> None:
        """Be told of keys that are withdrawn.

        Of all checks that share them the last one is told.
        """
        for issuer in self._issuers.values():
            issuer.keys.changed = self.forget

    def forget(self) -> None:
        """Keys were withdrawn: verify every token anew."""
        for known in self._known.values():
            known.live = False
        self._known.clear()

    def __call__(self, text: bytes) -> Identified | Refusal | Awaitable["Identified | Refusal"]:
        """Whom the token stands for; awaitable where its key must be fetched."""
        digest = hashlib.sha256(text).digest()
        known = self._known.get(digest)
        if known is not None and known.holds(self._clock.wall_ns()):
            return known
        try:
            token = _read(text)
        except _UnreadableError as error:
            return _invalid(f"It can't be read: {error}.")
        issuer = self._issuers.get(_text(token.claims.get("iss")))
        if issuer is None:
            named = _text(token.claims.get("iss"))[:_SHOWN]
            return _invalid(f"No issuer in callers.jwt_issuers has the iss {named!r}.")
        algorithm, kid = token.head.get("alg"), token.head.get("kid")
        if algorithm not in issuer.rules.algorithms:
            taken = ", ".join(issuer.rules.algorithms)
            shown = _text(algorithm)[:_SHOWN]
            return _invalid(f"Its algorithm is {shown!r}; {issuer.rules.name} takes {taken}.")
        if kid is not None and not isinstance(kid, str):
            return _invalid("Its kid is not a text.")
        keys = issuer.keys.find(kid, algorithm)
        if keys:
            return self._verify(token, issuer, keys, digest)
        return self._fetched(token, issuer, digest)

    async def _fetched(self, token: _Token, issuer: _Issuer, digest: bytes) -> Identified | Refusal:
        kid, algorithm = token.head.get("kid"), token.head["alg"]
        keys = await issuer.keys.ask(kid, algorithm)
        if isinstance(keys, Refusal):
            return keys
        if not keys:
            return _invalid(
                f"The keys of {issuer.rules.name} have none with the kid {_text(kid)[:_SHOWN]!r} "
                f"for {algorithm}."
            )
        return self._verify(token, issuer, keys, digest)

    def _verify(
        self, token: _Token, issuer: _Issuer, keys: list[PublicKey], digest: bytes
    ) -> Identified | Refusal:
        if not _is_signed(token, keys):
            return _invalid(f"Its signature is not one of {issuer.rules.name}'s keys.")
        rules, now_ns = issuer.rules, self._clock.wall_ns()
        until_ns = _check_times(token.claims, rules, now_ns)
        if isinstance(until_ns, Refusal):
            return until_ns
        refusal = _check_claims(token, rules)
        if refusal is not None:
            return refusal
        application = self._application(token.claims, rules)
        if isinstance(application, Refusal):
            return application
        customer = _customer(token.claims, rules)
        if isinstance(customer, Refusal):
            return customer
        place = (rules.name, application)
        record = self._records.get(place)
        if record is None:
            record = self._records[place] = caller_record("jwt", *place)
        found = Identified("jwt", record, min(until_ns, now_ns + KEPT_S * _NS), customer)
        self._keep(digest, found)
        return found

    def _keep(self, digest: bytes, found: Identified) -> None:
        self._known.pop(digest, None)
        if len(self._known) >= TOKENS_KEPT_MAX:
            del self._known[next(iter(self._known))]
        self._known[digest] = found

    def named(self, issuer: str, application: str) -> KeyRecord | None:
        """The record of an issuer's callers; None where there are none such."""
        rules = next(
            (one.rules for one in self._issuers.values() if one.rules.name == issuer), None
        )
        if rules is None or application not in self._applications:
            return None
        place = (issuer, application)
        record = self._records.get(place)
        if record is None:
            record = self._records[place] = caller_record("jwt", *place)
        return record

    # -- whose call it is ----------------------------------------------------------------------

    def _application(self, claims: dict[str, Any], rules: JwtIssuer) -> str | Refusal:
        name = rules.application
        claim = rules.claims.application
        said = None if claim is None else _claim(claims, claim)
        if said is not None:
            values = [_text(one) for one in (said if isinstance(said, list) else [said])]
            if rules.applications:
                mapped = (to for value, to in rules.applications.items() if value in values)
                name = next(mapped, name)
            elif len(values) == 1 and values[0]:
                name = values[0]
        if name is None:
            shown = f"the claim {claim!r} is {_text(said)[:_SHOWN]!r}"
            return _not_mapped(f"Nothing says which application it is: {shown}.")
        if rules.claims.team is None:
            if name in self._applications:
                return name
            return _not_mapped(f"There is no application {name[:_SHOWN]!r}.")
        team = _text(_claim(claims, rules.claims.team))
        if not team:
            return _not_mapped(f"The claim {rules.claims.team!r} names no team.")
        whole = within(team, name)
        for candidate in (whole, name):
            if self._applications.get(candidate) == team:
                return candidate
        return _not_mapped(f"The team {team[:_SHOWN]!r} has no application {name[:_SHOWN]!r}.")


def _customer(claims: dict[str, Any], rules: JwtIssuer) -> str | Refusal:
    if rules.claims.customer is None:
        return ""
    customer = _text(_claim(claims, rules.claims.customer))
    if not customer:
        return _not_mapped(f"The claim {rules.claims.customer!r} names no customer.")
    if len(customer) > bounds.SUBJECT_CHARACTERS_MAX or not customer.isprintable():
        most = bounds.SUBJECT_CHARACTERS_MAX
        return _not_mapped(f"The customer is not a text of at most {most} characters.")
    return customer


# -- reading and verifying -------------------------------------------------------------------------


def _read(text: bytes) -> _Token:
    if len(text) > TOKEN_BYTES_MAX:
        raise _UnreadableError(f"it has more than {TOKEN_BYTES_MAX} bytes")
    parts = text.split(b".")
    if len(parts) != 3:
        raise _UnreadableError("it has not three parts")
    try:
        head, claims = _decode(_decoded(parts[0])), _decode(_decoded(parts[1]))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _UnreadableError("a part is no JSON object") from None
    if "crit" in head or head.get("b64") is False:
        raise _UnreadableError("its head asks for an extension that is not known here")
    return _Token(head, claims, parts[0] + b"." + parts[1], _decoded(parts[2]))


def _decoded(part: bytes) -> bytes:
    """Base64url without padding; one writing of the same bytes only."""
    try:
        data = base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _UnreadableError("a part is not base64url") from None
    if base64.urlsafe_b64encode(data).rstrip(b"=") != part:
        raise _UnreadableError("a part is not written as base64url is")
    return data


def _is_signed(token: _Token, keys: list[PublicKey]) -> bool:
    from joserfc.jws import JWSRegistry  # slow to load, and only for those who take tokens

    algorithm = JWSRegistry.algorithms[token.head["alg"]]
    for one in keys[:_KEYS_TRIED_MAX]:
        try:
            if algorithm.verify(token.signed, token.signature, one.key):
                return True
        except Exception:  # noqa: S112 - whatever is said of bytes from outside: not signed
            continue
    return False


def _check_times(claims: dict[str, Any], rules: JwtIssuer, now_ns: int) -> int | Refusal:
    """When it ends, in ns with the leeway; or what is wrong with its times."""
    leeway_ns = int(rules.leeway_s * _NS)
    times: dict[str, int | None] = {}
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name)
        if value is None:
            times[name] = None
        elif isinstance(value, bool) or not isinstance(value, int | float):
            return _wrong_claim(f"Its claim {name} is not a number.")
        elif not math.isfinite(value) or abs(value) > _SECONDS_MAX:
            return _wrong_claim(f"Its claim {name} is out of bounds.")
        else:
            times[name] = int(value * _NS)
    exp, nbf, iat = times["exp"], times["nbf"], times["iat"]
    if exp is None:
        return _wrong_claim("It has no claim exp; tokens that never end are not taken.")
    if now_ns >= exp + leeway_ns:
        ago_s = (now_ns - exp) // _NS
        detail = "The token has expired."
        reason = f"It expired {ago_s} s ago; {rules.leeway_s:g} s are allowed."
        return refuse("token_expired", detail, scope="key", param="authorization", reason=reason)
    if nbf is not None and now_ns < nbf - leeway_ns:
        return _wrong_claim("It is not good yet: see its claim nbf, and the clocks.")
    if iat is not None and now_ns < iat - leeway_ns:
        return _wrong_claim("It was made in the future: see its claim iat, and the clocks.")
    return exp + leeway_ns


def _check_claims(token: _Token, rules: JwtIssuer) -> Refusal | None:
    claims = token.claims
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if not any(isinstance(one, str) and one in rules.audiences for one in named):
        shown = ", ".join(_text(one) for one in named)[:_SHOWN]
        return _wrong_claim(
            "Its audience (aud) is not this gateway.",
            f"Its aud is {shown!r}; {rules.name} takes {', '.join(rules.audiences)}.",
        )
    kind = _text(token.head.get("typ")).lower().removeprefix("application/")
    types = [one.lower().removeprefix("application/") for one in rules.types]
    if types and kind not in types:
        return _wrong_claim(
            "Its type (typ) is not taken.", f"Its typ is {kind[:_SHOWN]!r}, not {rules.types}."
        )
    for name, taken in rules.required_claims.items():
        said = _claim(claims, name)
        values = [_text(one) for one in (said if isinstance(said, list) else [said])]
        if not any(value in taken for value in values):
            return _wrong_claim(
                f"Its claim {name} is not one that is taken.",
                f"Its {name} is {_text(said)[:_SHOWN]!r}; {', '.join(taken)} would be taken.",
            )
    missing = set(rules.required_scopes) - _scopes(claims)
    if missing:
        return _wrong_claim(f"It lacks the scope {', '.join(sorted(missing))}.")
    return None


def _scopes(claims: dict[str, Any]) -> set[str]:
    """Scopes as RFC 8693 writes them, or a list as some providers do."""
    found: set[str] = set()
    for name in ("scope", "scp"):
        said = claims.get(name)
        if isinstance(said, str):
            found.update(said.split())
        elif isinstance(said, list):
            found.update(one for one in said if isinstance(one, str))
    return found


def _claim(claims: dict[str, Any], name: str) -> Any:
    """A claim by its whole name, or a part of one by the names on the way."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for step in name.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _invalid(reason: str) -> Refusal:
    return refuse("token_invalid", _INVALID, scope="key", param="authorization", reason=reason)


def _wrong_claim(detail: str, reason: str = "") -> Refusal:
    return refuse("token_invalid", detail, scope="key", param="authorization", reason=reason)


def _not_mapped(reason: str) -> Refusal:
    detail = "The token is right, and stands for no application of this gateway."
    return refuse("caller_not_mapped", detail, scope="key", param="authorization", reason=reason)
