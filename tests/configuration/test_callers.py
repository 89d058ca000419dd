"""What is taken where no policy says otherwise follows from what is configured."""

import pytest

from faregate.configuration.callers import (
    ASYMMETRIC,
    Callers,
    ClientCertificate,
    HmacCredential,
    JwtIssuer,
    OAuth2,
    configured_methods,
)
from faregate.configuration.document import Document
from faregate.configuration.load import load

ISSUER = JwtIssuer(name="corp", issuer="https://i", audiences=("a",))


@pytest.mark.parametrize(
    ("callers", "methods"),
    [
        (Callers(), ("key",)),
        (Callers(jwt_issuers=(ISSUER,)), ("key", "jwt")),
        (Callers(oauth2=OAuth2(enabled=True)), ("key", "oauth2")),
        (
            Callers(
                hmac=(HmacCredential(name="a", secret="s", application="a"),),
                certificates=(ClientCertificate(name="a", application="a"),),
            ),
            ("key", "hmac", "mtls"),
        ),
    ],
)
def test_methods(callers: Callers, methods: tuple[str, ...]):
    assert configured_methods(callers) == methods


def test_a_document_without_the_section_takes_keys_alone():
    assert load("version: 1\n", environment={}).callers == Callers() == Document().callers


def test_shared_secrets_are_never_taken_unasked():
    assert not any(name.startswith("HS") for name in ASYMMETRIC)
    assert ISSUER.algorithms == ASYMMETRIC
