"""Credentials become requests for tokens; what is wrong with one is said, and never repeated."""

import base64
from urllib.parse import parse_qs

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from faregate.providers.tokens import (
    GOOGLE_TOKEN_URL,
    Token,
    UnprovenError,
    is_token,
    read_token,
    token_request,
)

KEY = rsa.generate_private_key(65537, 2048)


def pem(key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


ACCOUNT = {
    "type": "service_account",
    "client_email": "gate@p.iam.gserviceaccount.com",
    "private_key": pem(KEY),
    "private_key_id": "k1",
    "token_uri": "https://oauth2.googleapis.com/token",
}


def written(**changes) -> str:
    return msgspec.json.encode({**ACCOUNT, **changes}).decode()


def opened(part: str):
    return msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_a_service_account_signs_for_itself():
    asked = token_request("google_oauth", written(), {}, 1_700_000_000.5)
    form = parse_qs(asked.body.decode())
    assert asked.url == GOOGLE_TOKEN_URL
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    head, claims, signature = form["assertion"][0].split(".")
    assert opened(head) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert opened(claims) == {
        "iss": "gate@p.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "aud": "https://oauth2.googleapis.com/token",
        "iat": 1_700_000_000,
        "exp": 1_700_003_600,
    }
    made = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    signed = f"{head}.{claims}".encode()
    KEY.public_key().verify(made, signed, padding.PKCS1v15(), hashes.SHA256())


def test_a_user_refreshes():
    facts = {
        "type": "authorized_user",
        "client_id": "c",
        "client_secret": "s&",
        "refresh_token": "r",
    }
    asked = token_request("google_oauth", msgspec.json.encode(facts).decode(), {}, 0)
    assert asked.url == GOOGLE_TOKEN_URL
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["refresh_token"],
        "client_id": ["c"],
        "client_secret": ["s&"],
        "refresh_token": ["r"],
    }


def test_ibm_takes_the_key():
    asked = token_request("ibm_iam", "key+1", {"token_url": "https://iam.test/x"}, 0)
    assert asked.url == "https://iam.test/x"
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["urn:ibm:params:oauth:grant-type:apikey"],
        "apikey": ["key+1"],
    }


@pytest.mark.parametrize(
    ("credential", "words"),
    [
        ("secret-no-json", "not the JSON"),
        ("[1]", "not the JSON"),
        ("{" * 5_000, "not the JSON"),
        (written(type="external_account"), "neither"),
        (written(client_email=7), "no client_email"),
        (written(private_key="secret-no-pem"), "no RSA key"),
        (written(private_key=pem(ec.generate_private_key(ec.SECP256R1()))), "no RSA key"),
        (written(token_uri="file:///secret"), "no address"),
    ],
)
def test_what_is_wrong_is_said(credential, words):
    with pytest.raises(UnprovenError, match=words) as raised:
        token_request("google_oauth", credential, {}, 0)
    assert "secret" not in str(raised.value)
    assert raised.value.kind == "auth"


def test_answers():
    assert read_token(200, b'{"access_token":"t","expires_in":60}') == Token("t", 60.0)
    assert read_token(200, b'{"access_token":"t","expires_in":true}').life_s == 3_600
    assert read_token(200, b'{"access_token":"t","expires_in":1e99}').life_s == 86_400


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (
            400,
            b'{"error":"invalid_grant","error_description":"no\\nsuch"}',
            "auth",
            "grant no such",
        ),
        (400, b'{"errorCode":"BXNIM0415E","errorMessage":"x"}', "auth", "BXNIM0415E x"),
        (429, b"", "failed", "429"),
        (503, b"<html>", "failed", "503"),
        (200, b'{"access_token":"a\\r\\nb: c"}', "failed", "200"),
        (200, b'{"access_token":""}', "failed", "200"),
        (200, b"[" * 9_000, "failed", "200"),
    ],
)
def test_answers_without_a_token(status, body, kind, words):
    with pytest.raises(UnprovenError, match=words) as raised:
        read_token(status, body)
    assert raised.value.kind == kind


def test_tokens_that_are_given():
    assert is_token("google_oauth", "ya29.x")
    assert is_token("ibm_iam", "eyJhbGciOi")
    assert not is_token("google_oauth", "{")
    assert not is_token("header", "ya29.x")
