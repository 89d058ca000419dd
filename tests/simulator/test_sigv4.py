"""A signature is verified as AWS does."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from faregate.simulator.errors import RefusedError
from faregate.simulator.sigv4 import access_key, verify

NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TARGET = "/model/anthropic.claude%3A0/converse?b=2&a=1%202"
BODY = b'{"messages":[]}'


def signed(secret=SECRET, canonical_path="/model/anthropic.claude%253A0/converse"):
    """Headers with a signature that is made step by step as the guide says."""
    headers = {
        "host": "bedrock.example",
        "x-amz-date": "20261122T030000Z",
        "content-type": "application/json",
    }
    names = "content-type;host;x-amz-date"
    fields = "".join(f"{name}:{headers[name]}\n" for name in names.split(";"))
    payload = hashlib.sha256(BODY).hexdigest()
    request = f"POST\n{canonical_path}\na=1%202&b=2\n{fields}\n{names}\n{payload}"
    scope = "20261122/us-east-1/bedrock/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n20261122T030000Z\n{scope}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential=AKID/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


def check(headers, target=TARGET, body=BODY, now=NOW):
    secrets = {"AKID": SECRET}
    verify("POST", target, headers, body, secrets.get, now)


def test_a_right_signature():
    assert check(signed()) is None
    assert access_key(signed()["authorization"]) == "AKID"
    assert access_key("Bearer x") is None


@pytest.mark.parametrize(
    ("headers", "changed", "error_type"),
    [
        (signed("wrong"), {}, "InvalidSignatureException"),
        (signed(), {"body": b"{}"}, "InvalidSignatureException"),
        (signed(), {"target": "/model/other/converse?b=2&a=1%202"}, "InvalidSignatureException"),
        (signed(), {"target": TARGET + "&c=3"}, "InvalidSignatureException"),
        (signed(), {"now": NOW + timedelta(minutes=6)}, "InvalidSignatureException"),
        ({}, {}, "MissingAuthenticationTokenException"),
        ({**signed(), "x-amz-date": "x"}, {}, "IncompleteSignatureException"),
        ({**signed(), "x-amz-date": "20261123T030000Z"}, {}, "InvalidSignatureException"),
        ({**signed(), "content-type": "text/plain"}, {}, "InvalidSignatureException"),
        ({**signed(), "x-amz-content-sha256": "0"}, {}, "InvalidSignatureException"),
        (
            {**signed(), "authorization": signed()["authorization"].replace("AKID", "OTHER")},
            {},
            "UnrecognizedClientException",
        ),
    ],
    ids=range(11),
)
def test_wrong_signatures(headers, changed, error_type):
    with pytest.raises(RefusedError) as caught:
        check(headers, **changed)
    assert caught.value.code == error_type
