"""Rules over how callers identify themselves.

What stands in the file must not be a secret; what is named must be there; and nothing may be
taken that anybody could make.
"""

from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlsplit

from faregate.configuration.account_rules import ENVIRONMENT_FIX
from faregate.configuration.addresses import bad_api_url
from faregate.configuration.callers import Callers, JwtIssuer, configured_methods
from faregate.configuration.document import Document
from faregate.configuration.problems import Path, Problem, twice, unknown
from faregate.configuration.references import is_reference, is_sealed
from faregate.identity.certificates import read_fingerprint, read_san, read_subject

SECRET_BYTES_MIN: Final = 32  # as long as what it signs with: RFC 7518 §3.2
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def check_written(document: Document) -> Iterator[Problem]:
    """Secrets that stand in the document itself; never repeated."""
    for path, secret in _secrets(document.callers):
        if not is_reference(secret):
            yield Problem(path, "a secret must not stand in the file", ENVIRONMENT_FIX)


def check(document: Document) -> Iterator[Problem]:
    """What can't be honoured in `callers`, and of client certificates."""
    callers = document.callers
    tls = document.settings.gate.tls
    if tls is not None and tls.client_ca_file is None and tls.client_certificates == "optional":
        yield Problem(
            ("settings", "gate", "tls", "client_certificates"),
            "without client_ca_file no client certificate can be verified",
            "name the authorities in client_ca_file",
        )
    for path, secret in _secrets(callers):
        if not is_sealed(secret) and len(secret.encode()) < SECRET_BYTES_MIN:
            yield Problem(
                path,
                f"the secret is shorter than {SECRET_BYTES_MIN} bytes",
                "make one with: openssl rand -base64 32",
            )
    secrets = [(path, secret) for path, secret in _secrets(callers) if not is_sealed(secret)]
    yield from twice(secrets, None)
    yield from _issuers(document)
    yield from _applications(document)
    yield from _oauth2(callers)
    yield from _certificates(document)
    yield from _policies(callers)


def _secrets(callers: Callers) -> Iterator[tuple[Path, str]]:
    for at, issuer in enumerate(callers.jwt_issuers):
        if issuer.secret is not None:
            yield ("callers", "jwt_issuers", at, "secret"), issuer.secret
    for at, credential in enumerate(callers.hmac):
        yield ("callers", "hmac", at, "secret"), credential.secret


# -- issuers of JWTs -------------------------------------------------------------------------------


def _issuers(document: Document) -> Iterator[Problem]:
    issuers = document.callers.jwt_issuers
    root: Path = ("callers", "jwt_issuers")
    yield from twice(
        (((*root, at, "name"), one.name) for at, one in enumerate(issuers)), "an issuer"
    )
    yield from twice(
        (
            ((*root, at, "issuer"), one.issuer)
            for at, one in enumerate(issuers)
            if not is_sealed(one.issuer)
        ),
        "the issuer",
    )
    for at, issuer in enumerate(issuers):
        path: Path = (*root, at)
        if not issuer.issuer:
            yield Problem((*path, "issuer"), "the issuer is empty", "write its iss")
        if not issuer.audiences or "" in issuer.audiences:
            yield Problem(
                (*path, "audiences"),
                "without an audience, tokens made for others would be taken",
                "name the audience that your identity provider writes into tokens for Faregate",
            )
        yield from _keys(issuer, path)
        if not (issuer.application or issuer.claims.application or issuer.applications):
            yield Problem(
                path,
                "nothing says which application its calls belong to",
                "add 'application: NAME', or 'claims: {application: CLAIM}'",
            )
        if issuer.applications and issuer.claims.application is None:
            yield Problem(
                (*path, "applications"),
                "no claim is looked up in this table",
                "add 'claims: {application: CLAIM}'",
            )
        for claim, values in issuer.required_claims.items():
            if not values:
                yield Problem(
                    (*path, "required_claims", claim),
                    "no value is taken, so no token would pass",
                    "name the values that are taken",
                )


def _keys(issuer: JwtIssuer, path: Path) -> Iterator[Problem]:
    """Where its keys come from, and that they suit its algorithms."""
    symmetric = [name.startswith("HS") for name in issuer.algorithms]
    sources = [issuer.jwks_url, issuer.jwks_file, issuer.secret]
    if not issuer.algorithms:
        yield Problem((*path, "algorithms"), "no algorithm is taken", "leave the field out")
    elif any(symmetric) and not all(symmetric):
        yield Problem(
            (*path, "algorithms"),
            "algorithms with a shared secret and with public keys don't go together",
            "keep one kind; a second issuer may have the other",
        )
    elif any(symmetric) and issuer.secret is None:
        yield Problem(
            (*path, "algorithms"), "HS256, HS384 and HS512 need the secret", "add 'secret: ...'"
        )
    elif issuer.secret is not None and not any(symmetric):
        yield Problem(
            (*path, "secret"),
            "a secret verifies HS256, HS384 and HS512 alone",
            "add 'algorithms: [HS256]', or leave the secret out",
        )
    if sum(source is not None for source in sources) != 1:
        yield Problem(
            path,
            "its keys come from one place: jwks_url, jwks_file or secret",
            "give exactly one of the three",
        )
    url = issuer.jwks_url
    if url is not None and not is_sealed(url):
        yield from _address(url, (*path, "jwks_url"))
    if issuer.jwks_file == "" or issuer.ca_file == "":
        field = "jwks_file" if issuer.jwks_file == "" else "ca_file"
        yield Problem((*path, field), "the file has no name", "leave the field out")


def _address(url: str, path: Path) -> Iterator[Problem]:
    reason = bad_api_url(url.partition("?")[0])
    if reason:
        yield Problem(path, f"this is not an address: {reason}", "write https://...")
        return
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        yield Problem(
            path,
            "keys must not come over plain HTTP: whoever is in between could give others",
            "write https://...",
        )


# -- applications, certificates, policies ----------------------------------------------------------


def _applications(document: Document) -> Iterator[Problem]:
    """Applications that are named and not there."""
    known = [one.name for one in document.applications]
    for path, name in _named(document.callers):
        if name not in known:
            yield Problem(
                path, unknown("application", name, known), "name an application that is there"
            )
    callers = document.callers
    for kind, names in (
        ("hmac", [one.name for one in callers.hmac]),
        ("certificates", [one.name for one in callers.certificates]),
        ("policies", [one.name for one in callers.policies]),
    ):
        places = ((("callers", kind, at, "name"), name) for at, name in enumerate(names))
        yield from twice(places, "the name")


def _named(callers: Callers) -> Iterator[tuple[Path, str]]:
    for at, issuer in enumerate(callers.jwt_issuers):
        path: Path = ("callers", "jwt_issuers", at)
        if issuer.claims.team is not None:
            continue  # names are then looked for within the team that the token names
        if issuer.application is not None:
            yield (*path, "application"), issuer.application
        for value, name in issuer.applications.items():
            yield (*path, "applications", value), name
    for at, credential in enumerate(callers.hmac):
        yield ("callers", "hmac", at, "application"), credential.application
    for at, certificate in enumerate(callers.certificates):
        yield ("callers", "certificates", at, "application"), certificate.application


def _oauth2(callers: Callers) -> Iterator[Problem]:
    issuer = callers.oauth2.issuer
    if issuer is None or is_sealed(issuer):
        return
    reason = bad_api_url(issuer)
    if reason or issuer.endswith("/"):
        yield Problem(
            ("callers", "oauth2", "issuer"),
            f"this is not the address of a gate: {reason or 'it ends with /'}",
            "write https://gate.example.com",
        )


def _certificates(document: Document) -> Iterator[Problem]:
    certificates = document.callers.certificates
    tls = document.settings.gate.tls
    if certificates and (tls is None or tls.client_ca_file is None):
        yield Problem(
            ("callers", "certificates"),
            "the gate asks for no client certificates",
            "set settings.gate.tls with client_ca_file",
        )
    readers: tuple[tuple[str, Callable[[str], object]], ...] = (
        ("fingerprint", read_fingerprint),
        ("subject", read_subject),
        ("san", read_san),
    )
    for at, certificate in enumerate(certificates):
        path: Path = ("callers", "certificates", at)
        said = [(name, getattr(certificate, name), read) for name, read in readers]
        if all(text is None for _, text, _ in said):
            yield Problem(
                path,
                "nothing says which certificate it is",
                "add fingerprint, subject or san",
            )
        for name, text, read in said:
            if text is None or is_sealed(text):
                continue
            try:
                read(text)
            except ValueError as error:
                yield Problem((*path, name), f"this can't be read: {error}")


def _policies(callers: Callers) -> Iterator[Problem]:
    there = configured_methods(callers)
    taken: dict[str, str] = {}
    for at, policy in enumerate(callers.policies):
        path: Path = ("callers", "policies", at)
        if not (policy.any_of or policy.all_of):
            yield Problem(path, "no method is taken", "add 'any_of: [key]'")
        for field, methods in (("any_of", policy.any_of), ("all_of", policy.all_of)):
            named = [((*path, field, no), method) for no, method in enumerate(methods)]
            yield from twice(((place, str(method)) for place, method in named), "the method")
            for place, method in named:
                if method not in there:
                    yield Problem(
                        place,
                        f"nothing is configured for {method!r}",
                        f"configured are {', '.join(there)}",
                    )
        for no, route in enumerate(policy.paths or ("*",)):
            if policy.paths and not route.startswith("/"):
                yield Problem(
                    (*path, "paths", no),
                    "a path begins with '/'",
                    "write it as /v1/embeddings, or /v1/files* for all that begin so",
                )
            if route in taken:
                yield Problem(
                    (*path, "paths", no) if policy.paths else path,
                    f"the policy {taken[route]!r} says it of this path already",
                    "keep one of the two",
                )
            taken.setdefault(route, policy.name)
