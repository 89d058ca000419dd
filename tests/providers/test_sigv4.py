"""Signatures are AWS's own: by its published examples, and by botocore where it is installed."""

import time
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faregate.providers.sigv4 import sign, wire_path

ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
MODEL = "arn:aws:bedrock:us-east-1::inference-profile/us.anthropic.claude-sonnet-4-6:1"
FORM = ("content-type", "application/x-www-form-urlencoded; charset=utf-8")
# AWS's test suite for Signature Version 4, and the example of its IAM guide (ListUsers).
PUBLISHED = {
    "get-vanilla": (
        ("GET", "example.amazonaws.com", "/", [], []),
        "service",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    "post-vanilla": (
        ("POST", "example.amazonaws.com", "/", [], []),
        "service",
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    "get-vanilla-query-order-key-case": (
        ("GET", "example.amazonaws.com", "/", [("Param2", "value2"), ("Param1", "value1")], []),
        "service",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    "list-users": (
        ("GET", "iam.amazonaws.com", "/",
         [("Action", "ListUsers"), ("Version", "2010-05-08")], [FORM]),
        "iam",
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_example(name: str):
    (method, host, path, query, headers), service, signature = PUBLISHED[name]
    added = dict(
        sign(method, host, path, query, headers, b"", ACCESS, SECRET, None,
             "us-east-1", service, NOW)
    )  # fmt: skip
    assert added["x-amz-date"] == "20150830T123600Z"
    assert added["authorization"].endswith(f"Signature={signature}")
    assert (
        f"Credential={ACCESS}/20150830/us-east-1/{service}/aws4_request" in added["authorization"]
    )


def _signed(
    path: str, body: bytes, now: datetime = NOW, token: str | None = None
) -> dict[str, str]:
    headers = [("content-type", "application/json"), ("User-Agent", "x")]
    return dict(
        sign("POST", "bedrock-runtime.us-east-1.amazonaws.com", path, [], headers, body, ACCESS,
             SECRET, token, "us-east-1", "bedrock", now)
    )  # fmt: skip


def test_a_models_id_is_encoded_once_on_the_wire():
    path = wire_path("model", "anthropic.claude-v2:1", "converse")
    assert path == "/model/anthropic.claude-v2%3A1/converse"
    assert wire_path("model", MODEL, "converse").count("/") == 3


def test_a_token_is_signed_and_what_hops_change_is_not():
    added = _signed("/model/m/converse", b"{}", token="session")
    assert added["x-amz-security-token"] == "session"
    assert (
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token"
        in (added["authorization"])
    )


def test_time_zones_are_one_time():
    there = NOW.astimezone(timezone(timedelta(hours=9)))
    assert _signed("/", b"x", there) == _signed("/", b"x")
    assert _signed("/", b"x", NOW + timedelta(days=1)) != _signed("/", b"x")


@settings(max_examples=60, deadline=None)
@given(st.text("abzAZ09:/.~-_ +%é", min_size=1, max_size=30).filter(lambda text: "." not in text),
       st.binary(max_size=40))  # fmt: skip
def test_botocore_signs_the_same(model: str, body: bytes):
    auth = pytest.importorskip("botocore.auth")
    awsrequest = pytest.importorskip("botocore.awsrequest")
    credentials = pytest.importorskip("botocore.credentials")
    path = wire_path("model", model, "converse")
    url = f"https://bedrock-runtime.us-east-1.amazonaws.com{path}"
    request = awsrequest.AWSRequest("POST", url, {"content-type": "application/json"}, body)
    signer = auth.SigV4Auth(credentials.Credentials(ACCESS, SECRET), "bedrock", "us-east-1")
    request.context["timestamp"] = "20150830T123600Z"
    canonical = signer.canonical_request(request)
    assert quote(path, safe="/-_.~") in canonical
    request.headers["X-Amz-Date"] = "20150830T123600Z"
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    assert _signed(path, body)["authorization"].endswith(f"Signature={signature}")


def test_a_signature_costs_microseconds():
    body = b"x" * 1_000
    _signed("/model/m/converse", body)
    begun = time.process_time()
    for _ in range(300):
        _signed("/model/m/converse", body)
    assert (time.process_time() - begun) / 300 < 300e-6
