"""Identifies callers by signed requests: RFC 9421 with hmac-sha256.

A signature covers the method, the path, the query and, where there is a body, its digest
(RFC 9530), and says when it was made and a nonce of its own. It is taken once, within five
minutes. The nonces are this worker's memory: with several workers or nodes, a copy may be taken
once by each within the five minutes, where it comes to another than the first did. What isn't
signed with a known secret learns no more than that. Fails closed.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any, Final, Protocol

from faregate.configuration.callers import HmacCredential
from faregate.core.clock import Clock
from faregate.core.refusals import Refusal, refuse
from faregate.identity.keys import KeyRecord
from faregate.policies.identified import Identified, caller_record
from faregate.wire.http_signatures import (
    Signature,
    SignatureFaultError,
    body_digests,
    read_signatures,
    signature_base,
)
from faregate.wire.request_reader import RequestHead

ALGORITHM: Final = "hmac-sha256"
WINDOW_S: Final = 300  # clocks differ, and requests wait in queues
NONCES_MAX: Final = 200_000  # of both sides of the window; under 200 bytes each
NONCE_CHARACTERS_MIN: Final = 16
NONCE_CHARACTERS_MAX: Final = 128
_NS: Final = 1_000_000_000
_DIGESTS: Final = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
_NOBODY: Final = b"\0" * 32  # the secret of a keyid that isn't known: the same work as for another
_COVERS: Final = (
    '("@method" "@path" "@query" "content-digest");created;keyid="NAME";nonce;alg="hmac-sha256"'
)
# RFC 9421 §5.1: what a signature should be like.
_WANTED: Final = (("accept-signature", f"sig={_COVERS}"),)


class SignedCall(Protocol):
    """What is read of a call."""

    head: RequestHead


class SignedHead:
    """Keeps with a request's head that its body is still to be compared."""

    __slots__ = ("algorithm", "digest")

    def __init__(self, algorithm: str, digest: bytes) -> None:
        self.algorithm = algorithm
        self.digest = digest


class Nonces:
    """Nonces that were used, until their time is over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._used: dict[tuple[str, str], float] = {}

    def take(self, keyid: str, nonce: str) -> bool | None:
        """Whether it is used for the first time; None: there is no room."""
        now = self._clock.monotonic()
        used, place = self._used, (keyid, nonce)
        if place in used and now < used[place]:
            return False
        while used:
            oldest = next(iter(used))
            if now < used[oldest]:
                break
            del used[oldest]
        if len(used) >= NONCES_MAX:
            return None
        used.pop(place, None)
        used[place] = now + 2 * WINDOW_S
        return True


class SignatureCheck:
    """Finds whose call a signed request is. `secure`: it came over TLS."""

    def __init__(
        self, credentials: Iterable[HmacCredential], nonces: Nonces, clock: Clock, *, secure: bool
    ) -> None:
        self._credentials = {
            one.name: (
                one.secret.encode(),
                Identified("hmac", caller_record("hmac", one.name, one.application)),
            )
            for one in credentials
        }
        self._nonces = nonces
        self._clock = clock
        self._scheme = "https" if secure else "http"

    def named(self, name: str, application: str) -> KeyRecord | None:
        """The record of a credential's callers."""
        found = self._credentials.get(name)
        record = None if found is None else found[1].record
        return record if record is not None and record.application == application else None

    def __call__(self, call: SignedCall, *, dry: bool = False) -> Identified | Refusal:
        """Whose call it is; `dry`: the nonce is left for the real call."""
        head = call.head
        try:
            signature = _chosen(read_signatures(head.fields))
            base = signature_base(signature, head, self._scheme)
        except SignatureFaultError as error:
            return _invalid(f"{error}")
        keyid = signature.parameters["keyid"]
        secret, known = self._credentials.get(str(keyid), (_NOBODY, None))
        right = hmac.compare_digest(
            hmac.new(secret, base, hashlib.sha256).digest(), signature.value
        )
        if known is None:
            return _invalid(f"No credential in callers.hmac has the name {str(keyid)[:100]!r}.")
        if not right:
            return _invalid(f"It is not made with the secret of {keyid!r} over this request.")
        refusal = self._check(signature, head, dry=dry)
        return known if refusal is None else refusal

    def _check(self, signature: Signature, head: RequestHead, *, dry: bool) -> Refusal | None:
        """What a right signature must be as well."""
        refusal = _check_cover(signature, head) or self._check_times(signature)
        if refusal is not None:
            return refusal
        nonce = str(signature.parameters["nonce"])
        if not NONCE_CHARACTERS_MIN <= len(nonce) <= NONCE_CHARACTERS_MAX:
            return _wrong(
                f"Its nonce has not {NONCE_CHARACTERS_MIN} to {NONCE_CHARACTERS_MAX} characters."
            )
        if b"content-digest" in head.fields and "content-digest" in signature.components:
            digest = _digest(head.fields[b"content-digest"])
            if isinstance(digest, Refusal):
                return digest
            head.identity = digest
        if dry:
            return None
        first = self._nonces.take(str(signature.parameters["keyid"]), nonce)
        if first is None:
            detail = "This worker remembers as many nonces of signed requests as it may."
            return refuse("gate_overloaded", detail, scope="gate", retry_after_s=WINDOW_S)
        if not first:
            detail = "The nonce of this signature was used before."
            return refuse("signature_replayed", detail, scope="key", param="signature-input")
        return None

    def _check_times(self, signature: Signature) -> Refusal | None:
        now_s = self._clock.wall_ns() // _NS
        created, expires = signature.parameters["created"], signature.parameters.get("expires")
        if type(created) is not int or (expires is not None and type(expires) is not int):
            return _wrong("Its times 'created' and 'expires' are not whole seconds.")
        off_s = created - now_s
        if abs(off_s) > WINDOW_S:
            direction = "ahead of" if off_s > 0 else "behind"
            return _late(f"It was made {abs(off_s)} s {direction} this gateway's clock.")
        if expires is not None and now_s >= expires:
            return _late("Its own time 'expires' is over.")
        return None


def check_body(call: Any) -> Refusal | None:
    """Refuse a body that isn't the one that was signed.

    The step behind the body's arrival.
    """
    signed = call.head.identity
    if type(signed) is not SignedHead:
        return None
    digest = _DIGESTS[signed.algorithm](call.body).digest()
    if hmac.compare_digest(digest, signed.digest):
        return None
    return _wrong("The body is not the one of Content-Digest.")


def _chosen(signatures: list[Signature]) -> Signature:
    """The one that is meant for this gateway: with a keyid, and of the right algorithm."""
    fitting = [
        one
        for one in signatures
        if one.parameters.get("alg", ALGORITHM) == ALGORITHM
        and isinstance(one.parameters.get("keyid"), str)
    ]
    if not fitting:
        raise SignatureFaultError(f"there is no signature with a keyid and the alg {ALGORITHM}")
    signature = fitting[0]
    for name in ("created", "nonce"):
        if name not in signature.parameters:
            raise SignatureFaultError(f"the signature has no parameter {name!r}")
    return signature


def _check_cover(signature: Signature, head: RequestHead) -> Refusal | None:
    covered = set(signature.components)
    whole = covered & {"@target-uri", "@request-target"}
    missing = [] if "@method" in covered else ["@method"]
    if not whole and "@path" not in covered:
        missing.append("@path")
    if not whole and head.query and "@query" not in covered:
        missing.append("@query")
    if head.has_body and "content-digest" not in covered:
        missing.append("content-digest")
    return _wrong(f"It does not cover {', '.join(missing)}.") if missing else None


def _digest(value: bytes) -> SignedHead | Refusal:
    try:
        digests = body_digests(value)
    except SignatureFaultError as error:
        return _wrong(f"Content-Digest can't be read: {error}.")
    for name in _DIGESTS:
        if name in digests:
            return SignedHead(name, digests[name])
    return _wrong(f"Content-Digest has none of {', '.join(_DIGESTS)}.")


def _invalid(reason: str) -> Refusal:
    """Of what isn't signed with a known secret."""
    return refuse(
        "signature_invalid",
        "The request's signature is not one that is taken here.",
        scope="key",
        param="signature",
        headers=_WANTED,
        reason=reason,
    )


def _wrong(detail: str) -> Refusal:
    """Of what is signed with a known secret, and not as it must be."""
    return refuse(
        "signature_invalid", detail, scope="key", param="signature-input", headers=_WANTED
    )


def _late(detail: str) -> Refusal:
    return refuse("signature_expired", detail, scope="key", param="signature-input")
