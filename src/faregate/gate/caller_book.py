"""What identifies callers, over a worker's life.

Checks are made anew when their part of the configuration changes. What must outlive that does:
keys of identity providers, nonces of signed requests, the count of guesses.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from faregate.configuration.callers import Callers as CallersSection
from faregate.configuration.callers import JwtIssuer
from faregate.configuration.document import Document
from faregate.core.clock import Clock
from faregate.core.errors import ConfigurationError
from faregate.gate.key_fetching import fetch_keys
from faregate.identity.keys import KeyRecord
from faregate.policies.callers import Callers, Checks
from faregate.policies.certificates import CertificateCheck
from faregate.policies.hmac_signatures import Nonces, SignatureCheck
from faregate.policies.jwt import JwtCheck
from faregate.policies.key_sets import FetchedKeys, KeySet, fixed_key_set
from faregate.policies.keys import KeyCheck
from faregate.policies.oauth2 import AccessTokens

_NOTHING = CallersSection()


class CallerBook:
    """Makes the checks of a document. `token_secret` signs access tokens."""

    def __init__(
        self,
        key_check: KeyCheck,
        clock: Clock,
        token_secret: bytes | None = None,
        fetch: Callable[[JwtIssuer], Awaitable[FetchedKeys]] = fetch_keys,
    ) -> None:
        self._keys = key_check
        self._clock = clock
        self._fetch = fetch
        self._nonces = Nonces(clock)
        # Without the installation's, tokens are this worker's own.
        self.tokens = AccessTokens(token_secret or secrets.token_bytes(32), key_check, clock)
        self._key_sets: dict[tuple[Any, ...], KeySet] = {}
        self._made: tuple[tuple[Any, ...], Callers] | None = None
        self.current: Callers | None = None

    def prepare(self, document: Document) -> Callers | None:
        """The checks of a document; None where keys alone are taken.

        Raises `ConfigurationError`.
        """
        section = document.callers
        if section == _NOTHING:
            return None
        secure = document.settings.gate.tls is not None
        made_of = (section, document.applications, secure)
        if self._made is not None and self._made[0] == made_of:
            return self._made[1]
        try:
            made = Callers(self._checks(document, secure=secure), self._keys, self._clock)
        except ValueError as error:
            raise ConfigurationError(
                f"callers: {error}", fix="mend it as 'faregate config check' says"
            ) from error
        self._made = made_of, made
        return made

    def adopt(self, callers: Callers | None) -> None:
        """Let these checks identify from the next call on."""
        self.current = callers
        self._keys.others = callers
        if callers is not None:
            callers.watch()

    async def find(
        self, name: str, find: Callable[[str], Awaitable[KeyRecord | None]]
    ) -> KeyRecord | None:
        """The record of a key by its name or id, or of other callers by their id."""
        found = self.current.named(name) if self.current is not None else None
        return found if found is not None else await find(name)

    def _checks(self, document: Document, *, secure: bool) -> Checks:
        section, clock = document.callers, self._clock
        jwt = hmac = mtls = None
        if section.jwt_issuers:
            key_sets = {issuer.name: self._key_set(issuer) for issuer in section.jwt_issuers}
            jwt = JwtCheck(section.jwt_issuers, key_sets, document.applications, clock)
        if section.hmac:
            hmac = SignatureCheck(section.hmac, self._nonces, clock, secure=secure)
        if section.certificates:
            mtls = CertificateCheck(section.certificates, clock)
        return Checks(jwt, self.tokens if section.oauth2.enabled else None, hmac, mtls)

    def _key_set(self, issuer: JwtIssuer) -> KeySet:
        """The keys of an issuer; they stay as long as they come from the same place."""
        source = (issuer.jwks_url, issuer.jwks_file, issuer.ca_file, issuer.proxy, issuer.secret)
        place: tuple[Any, ...] = (issuer.name, *source)
        found = self._key_sets.get(place)
        if found is None:
            if issuer.secret is not None:
                found = fixed_key_set(issuer.secret, self._clock)
            else:
                found = KeySet(issuer.name, lambda: self._fetch(issuer), self._clock)
            for old in [one for one in self._key_sets if one[0] == issuer.name]:
                del self._key_sets[old]
            self._key_sets[place] = found
        return found
