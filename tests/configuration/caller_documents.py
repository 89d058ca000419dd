"""How callers identify themselves, for documents of property tests."""

import msgspec
from hypothesis import strategies as st

from faregate.configuration.callers import (
    CallerPolicy,
    Callers,
    HmacCredential,
    JwtClaims,
    JwtIssuer,
    OAuth2,
)
from faregate.configuration.document import Document

ENVIRONMENT = {"A_SECRET": "sk-hidden-" * 4, "B_SECRET": "sk-hidden=" * 4}


def with_callers(draw: st.DrawFn, document: Document) -> Document:
    """`document` with callers of its applications; as it is where it has none."""
    known = [one.name for one in document.applications]
    if not known or not draw(st.booleans()):
        return document
    applications = st.sampled_from(known)
    issuer = JwtIssuer(
        name="corp",
        issuer="https://login.example/",
        audiences=("faregate",),
        jwks_url=draw(st.sampled_from(["https://login.example/keys?v=2", "http://localhost/k"])),
        leeway_s=draw(st.floats(0, 300)),
        required_claims=draw(st.sampled_from([{}, {"azp": ("a", "b")}])),
        claims=JwtClaims(application="client"),
        applications=draw(st.dictionaries(st.sampled_from(["x", "y: z"]), applications)),
        application=draw(st.none() | applications),
    )
    shared = JwtIssuer(
        name="old",
        issuer="old",
        audiences=("a",),
        algorithms=("HS256",),
        secret="${env:A_SECRET}",
        application=draw(applications),
    )
    callers = Callers(
        jwt_issuers=draw(st.sampled_from([(issuer,), (shared, issuer)])),
        oauth2=OAuth2(enabled=draw(st.booleans())),
        hmac=(HmacCredential(name="a", secret="${env:B_SECRET}", application=draw(applications)),),
        policies=draw(
            st.sampled_from(
                [
                    (),
                    (
                        CallerPolicy(name="f", paths=("/v1/files*",), all_of=("key", "hmac")),
                        CallerPolicy(name="rest", any_of=("jwt",)),
                    ),
                ]
            )
        ),
    )
    return msgspec.structs.replace(document, callers=callers)
