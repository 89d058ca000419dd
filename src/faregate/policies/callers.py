"""Identifies callers in all the ways that are configured, beside keys.

Where no policy says otherwise every configured method is taken: `Callers` is what a `KeyCheck`
asks about whatever is no key, so that calls with keys pay nothing for it. `RouteCheck` stands in
the place of the `KeyCheck` on paths that have a policy. What proves itself is remembered with the
head of its requests. Fails closed.
"""

import inspect
from collections.abc import Awaitable, Iterable
from typing import Any, Final, NamedTuple

from faregate.configuration.callers import METHODS, CallerPolicy, Method
from faregate.core.clock import Clock
from faregate.core.refusals import Refusal, refuse
from faregate.identity.keys import KEY_LENGTH, KeyRecord, hash_key, is_well_formed
from faregate.identity.operator import OPERATOR_PREFIX
from faregate.policies.certificates import MISSING as CERTIFICATE_MISSING
from faregate.policies.certificates import CertificateCheck
from faregate.policies.hmac_signatures import SignatureCheck
from faregate.policies.identified import Identified, method_of, read_caller_id
from faregate.policies.jwt import JwtCheck, looks_like_jwt
from faregate.policies.keys import (
    KEY_FIELDS,
    MISSING,
    UNKNOWN,
    KeyCheck,
    KeyEntry,
    Outcome,
    key_in_query,
    presented_value,
)
from faregate.policies.oauth2 import PREFIX as TOKEN_PREFIX
from faregate.policies.oauth2 import AccessTokens

CUSTOMER_FIELD: Final = b"faregate-customer"
_SIGNATURE_FIELD: Final = b"signature-input"
_OPERATOR_PREFIX: Final = OPERATOR_PREFIX.encode()
# Refusals of what may be guessed at; all others are of what has proved itself, or of nothing.
_GUESSES: Final = frozenset(("key_unknown", "token_invalid", "signature_invalid"))
_VALUES_MAX: Final = 6

Proof = KeyEntry | Identified
Found = Identified | Refusal | None


class Presented(NamedTuple):
    """Credentials of a request; `value` is empty where they are not one text."""

    method: Method
    value: bytes = b""


class Checks(NamedTuple):
    """The checks of those methods that are configured."""

    jwt: JwtCheck | None = None
    oauth2: AccessTokens | None = None
    hmac: SignatureCheck | None = None
    mtls: CertificateCheck | None = None


class Callers:
    """The checks of one configuration; `KeyCheck.others`."""

    def __init__(self, checks: Checks, key_check: KeyCheck, clock: Clock) -> None:
        self._checks = checks
        self._keys = key_check
        self._clock = clock
        beside = [method for method in METHODS if getattr(checks, method, None) is not None]
        self.methods: tuple[Method, ...] = ("key", *beside)
        self.with_body = checks.hmac is not None

    def __call__(self, call: Any, value: bytes | None) -> Outcome:
        """Identify who shows no key; `value` is what was sent in a key's place."""
        presented = self._only(call, value)
        if presented is None:
            return MISSING
        if presented.method not in self.methods or presented.method == "key":
            return self._keys.refuse_guess(call)
        found = self.find(call, presented)
        if inspect.isawaitable(found):
            return self._later(call, found)
        return self._take(call, found)

    def knows(self, call: Any, entry: object) -> bool:
        """Set `call.key` by what was kept with the head, if that still holds."""
        if type(entry) is not Identified or entry.owner is not self:
            return False
        if not entry.holds(self._clock.wall_ns()):
            return False
        call.key = entry.record
        return True

    def _only(self, call: Any, value: bytes | None) -> Presented | None:
        """What of the request counts: a token, else a signature, else a certificate."""
        if value is not None:
            return Presented(_kind(value), value)
        if self._checks.hmac is not None and _SIGNATURE_FIELD in call.head.fields:
            return Presented("hmac")
        if self._checks.mtls is not None and call.connection.certificate is not None:
            return Presented("mtls")
        return None

    async def _later(self, call: Any, found: Awaitable[Found]) -> Refusal | None:
        outcome = self._take(call, await found)
        return await outcome if inspect.isawaitable(outcome) else outcome

    def _take(self, call: Any, found: Found) -> Outcome:
        if found is None:
            return CERTIFICATE_MISSING
        if isinstance(found, Refusal):
            return self.refuse(call, found)
        take_customer(call, found.customer)
        call.key = found.record
        if found.method in ("jwt", "oauth2"):
            found.owner = self
            call.head.identity = found
        return None

    def refuse(self, call: Any, refusal: Refusal) -> Outcome:
        """Refuse; what may be guessed at is counted."""
        if refusal.kind.code in _GUESSES:
            return self._keys.refuse_guess(call, refusal)
        return refusal

    def find(
        self, call: Any, presented: Presented, *, dry: bool = False
    ) -> Found | Awaitable[Found]:
        """Whom credentials that are no key stand for.

        None for a certificate that isn't there.
        """
        checks, (method, value) = self._checks, presented
        if method == "jwt" and checks.jwt is not None:
            return checks.jwt(value)
        if method == "oauth2" and checks.oauth2 is not None:
            return checks.oauth2(value)
        if method == "hmac" and checks.hmac is not None:
            return checks.hmac(call, dry=dry)
        if method == "mtls" and checks.mtls is not None:
            return checks.mtls(call.connection)
        return UNKNOWN

    async def prove(
        self, call: Any, presented: Presented, *, dry: bool = False
    ) -> Proof | Refusal | None:
        """The same, for keys as well."""
        if presented.method != "key":
            found = self.find(call, presented, dry=dry)
            return await found if inspect.isawaitable(found) else found
        text = presented.value.decode("latin-1")
        if not is_well_formed(text):
            return UNKNOWN
        entry = await self._keys.find(hash_key(text))
        if isinstance(entry, Refusal):
            return entry
        return self._keys.judge(entry.record) or entry

    def presented(self, call: Any) -> list[Presented]:
        """All credentials of a request."""
        head = call.head
        values = [presented_value(head.fields), *map(head.fields.get, KEY_FIELDS)]
        values.append(key_in_query(head.query))
        found = [Presented(_kind(value), value) for value in dict.fromkeys(values) if value]
        if _SIGNATURE_FIELD in head.fields:
            found.append(Presented("hmac"))
        if call.connection.certificate is not None:
            found.append(Presented("mtls"))
        return found[:_VALUES_MAX]

    def step_for(self, policies: tuple[CallerPolicy, ...], route: str) -> "KeyCheck | RouteCheck":
        """The step that identifies the callers of a route, as /v1/models/{id}."""
        policy = policy_for(policies, route)
        if policy is None:
            return self._keys
        return RouteCheck(policy, self, self._keys, self._clock)

    @property
    def takes_tokens(self) -> bool:
        """Whether JWTs are among what is taken."""
        return self._checks.jwt is not None

    def watch(self) -> None:
        """Be told of keys that identity providers withdraw."""
        if self._checks.jwt is not None:
            self._checks.jwt.watch()

    def named(self, key_id: str) -> KeyRecord | None:
        """The record of callers by its id, as jwt:corp:shop.

        None where there are none such.
        """
        read = read_caller_id(key_id)
        if read is None:
            return None
        method, credential, application = read
        check = getattr(self._checks, method)
        record: KeyRecord | None = None
        if check is not None:
            record = check.named(credential, application)
        return record


def _kind(value: bytes) -> Method:
    if value.startswith(TOKEN_PREFIX):
        return "oauth2"
    return "jwt" if len(value) != KEY_LENGTH and looks_like_jwt(value) else "key"


def take_customer(call: Any, customer: str) -> None:
    """Let credentials say whose customer it is, in the header's place."""
    head = call.head
    if customer:
        head.fields[CUSTOMER_FIELD] = customer.encode()
        head.subjects = None
        return
    before = head.identity
    if type(before) in (Identified, Proven) and before.customer:
        head.fields.pop(CUSTOMER_FIELD, None)
        head.subjects = None


class Proven:
    """What a policy found of a request's head; `owner` is its check."""

    __slots__ = ("customer", "owner", "proofs", "record")

    def __init__(self, owner: "RouteCheck", proofs: tuple[Proof, ...], customer: str) -> None:
        self.owner = owner
        self.proofs = proofs
        self.record = proofs[0].record
        self.customer = customer

    def holds(self, now_ns: int) -> bool:
        """Whether all that was proven still is."""
        return all(
            one.holds(now_ns)
            if isinstance(one, Identified)
            else one.live and one.record.state(now_ns) == "active"
            for one in self.proofs
        )


class RouteCheck:
    """The step that identifies callers of paths with a policy."""

    def __init__(
        self, policy: CallerPolicy, callers: Callers, key_check: KeyCheck, clock: Clock
    ) -> None:
        self.policy = policy
        self.keys = key_check
        self.accepted = tuple(dict.fromkeys((*policy.all_of, *policy.any_of)))
        self._callers = callers
        self._clock = clock

    def __call__(self, call: Any) -> Outcome:
        """Set `call.key`, or refuse; awaitable where it wasn't identified before."""
        entry = call.head.identity
        if type(entry) is Proven and entry.owner is self and entry.holds(self._clock.wall_ns()):
            call.key = entry.record
            return None
        value = presented_value(call.head.fields)
        if value is not None and value.startswith(_OPERATOR_PREFIX):
            return self.keys(call)  # whoever has the token may act for any caller
        return self._identify(call)

    async def _identify(self, call: Any) -> Refusal | None:
        found = await self.judge(call)
        if isinstance(found, Refusal):
            outcome = self._callers.refuse(call, found)
            return await outcome if inspect.isawaitable(outcome) else outcome
        call.key = found.record
        return None

    async def judge(self, call: Any, *, dry: bool = False) -> Proven | Refusal:
        """What the request proves, or why that isn't enough."""
        presented = self._callers.presented(call)
        proofs: list[Proof] = []
        for method in self.policy.all_of:
            proof = await self._first(call, [one for one in presented if one.method == method], dry)
            if proof is None:
                return await self._not_enough(call, presented, method)
            if isinstance(proof, Refusal):
                return proof
            proofs.append(proof)
        if self.policy.any_of:
            fitting = [one for one in presented if one.method in self.policy.any_of]
            proof = await self._first(call, fitting, dry)
            if proof is None:
                return await self._not_enough(call, presented, None)
            if isinstance(proof, Refusal):
                return proof
            proofs.append(proof)
        if len({one.record.application for one in proofs}) > 1:
            detail = "The credentials of this request are not all of one application."
            told = ", ".join(f"{one.record.name} of {one.record.application}" for one in proofs)
            return refuse("credentials_disagree", detail, scope="key", reason=f"They are {told}.")
        return self._keep(call, tuple(proofs))

    def _keep(self, call: Any, proofs: tuple[Proof, ...]) -> Proven:
        named = [one for one in proofs if isinstance(one, Identified)]
        customer = next((one.customer for one in named if one.customer), "")
        take_customer(call, customer)
        proven = Proven(self, proofs, customer)
        if all(one.method != "hmac" for one in named):  # each of those is signed anew
            call.head.identity = proven
        return proven

    async def _first(
        self, call: Any, presented: list[Presented], dry: bool
    ) -> Proof | Refusal | None:
        """The first that proves itself; else the first refusal; None where there are none."""
        refusal: Refusal | None = None
        for one in presented:
            proof = await self._callers.prove(call, one, dry=dry)
            if proof is not None and not isinstance(proof, Refusal):
                return proof
            refusal = refusal or proof
        return refusal

    async def _not_enough(
        self, call: Any, presented: list[Presented], missing: Method | None
    ) -> Refusal:
        """What is said where accepted credentials are missing.

        Only who is identified is told that its way isn't taken here.
        """
        for one in presented:
            if one.method in self.accepted or one.method not in self._callers.methods:
                continue
            proof = await self._callers.prove(call, one, dry=True)
            if isinstance(proof, Refusal):
                return proof
            if proof is not None:
                return self.not_allowed(one.method)
        return self.missing(missing)

    def not_allowed(self, method: Method) -> Refusal:
        """What is said to a caller that came in another way."""
        return refuse(
            "authentication_method_not_allowed",
            f"The caller is identified by {method}. {self.told()}",
            scope="route",
        )

    def missing(self, method: Method | None) -> Refusal:
        """What is said where `method`, or all of `any_of`, isn't there."""
        if method == "mtls" or self.accepted == ("mtls",):
            return CERTIFICATE_MISSING
        if method == "key" or self.accepted == ("key",):
            return MISSING
        return refuse("credentials_missing", self.told(), scope="key")

    def told(self) -> str:
        """What this path takes, in a sentence."""
        parts = [f"all of {', '.join(self.policy.all_of)}"] if self.policy.all_of else []
        if self.policy.any_of:
            parts.append(f"one of {', '.join(self.policy.any_of)}")
        return f"This address takes {' and '.join(parts)}."

    async def dry(
        self, call: Any, record: KeyRecord, methods: Iterable[str] = ()
    ) -> Refusal | None:
        """What would be said to a caller that is known without its credentials.

        `methods` are those by which it has come, where that is known. A certificate is that of
        the connection; other methods can't be seen.
        """
        proven = {*methods} or {method_of(record)}
        certificate = await self._callers.prove(call, Presented("mtls"), dry=True)
        if isinstance(certificate, Identified):
            proven.add("mtls")
            if certificate.record.application != record.application:
                detail = "The credentials of this request are not all of one application."
                if "mtls" in self.policy.all_of:
                    return refuse("credentials_disagree", detail, scope="key")
        for method in self.policy.all_of:
            if method not in proven:
                return self.missing(method)
        if self.policy.any_of and proven.isdisjoint(self.policy.any_of):
            return self.not_allowed(method_of(record))
        return None


def policy_for(policies: tuple[CallerPolicy, ...], route: str) -> CallerPolicy | None:
    """The first policy that names a route, as /v1/models/{id}."""
    for policy in policies:
        for path in policy.paths or ("/*",):
            if route == path or (path.endswith("*") and route.startswith(path[:-1])):
                return policy
    return None
