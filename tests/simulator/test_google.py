"""Google's platforms: embeddings, models, tokens for assertions, Claude on Vertex AI."""

import base64
import time
from urllib.parse import urlencode

import msgspec
import pytest
from tests.simulator.asking import ask

from faregate.simulator.routing import Router

VERTEX = "/v1/projects/p/locations/l/publishers"
CLAUDE = {"anthropic_version": "vertex-2023-10-16", "max_tokens": 9}
HELLO = [{"role": "user", "content": "hello"}]


def text(words):
    return {"content": {"parts": [{"text": words}]}, "outputDimensionality": 8}


def test_embeddings():
    one = ask("/v1beta/models/sim:embedContent", text("a")).json["embedding"]["values"]
    rows = {"requests": [text("a"), text("b")]}
    many = ask("/v1beta/models/sim:batchEmbedContents", rows).json["embeddings"]
    assert (len(one), len(many), many[0]["values"]) == (8, 2, one)
    asked = {"instances": [{"content": "a"}], "parameters": {"outputDimensionality": 8}}
    row = ask(f"{VERTEX}/google/models/sim:predict", asked).json["predictions"][0]["embeddings"]
    assert (row["values"], row["statistics"]["token_count"]) == (one, 1)
    assert ask("/v1beta/models/sim:embedContent", {}).status == 400
    assert ask("/v1beta/models/sim:batchEmbedContents", {}).status == 400


def test_models():
    listed = ask("/v1beta/models", method="GET").json["models"]
    assert listed[0]["name"] == "models/sim"
    assert ask("/v1beta/models/x", method="GET").json["name"] == "models/x"


def test_claude():
    path = f"{VERTEX}/anthropic/models/sim:tokens=3"
    found = ask(f"{path}:rawPredict", {**CLAUDE, "messages": HELLO}).json
    assert (found["type"], found["usage"]["output_tokens"]) == ("message", 3)
    body = {**CLAUDE, "messages": HELLO, "stream": True}
    assert ask(f"{path}:streamRawPredict", body).events[-1]["type"] == "message_stop"
    assert ask(f"{path}:rawPredict", {"max_tokens": 9, "messages": HELLO}).status == 400
    assert ask(f"{path}:rawPredict", {**body, "model": "x"}).status == 400


def coded(part):
    return base64.urlsafe_b64encode(msgspec.json.encode(part)).rstrip(b"=").decode()


def token(head=None, query="", **claims):
    now = int(time.time())
    told = {"iss": "a@b", "scope": "s", "aud": "t", "iat": now, "exp": now + 3600, **claims}
    told = {name: value for name, value in told.items() if value is not None}
    assertion = f"{coded(head or {'alg': 'RS256', 'typ': 'JWT'})}.{coded(told)}.c2ln"
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    return ask(f"/token{query}", urlencode(form).encode())


def test_a_token_is_taken_where_it_was_given():
    given = token(query="?expires_in=5").json
    assert (given["expires_in"], given["token_type"]) == (5, "Bearer")
    router = Router("other")
    path = f"{VERTEX}/google/models/sim:generateContent"
    asked = {"contents": [{"parts": [{"text": "x"}]}]}
    shown = {"authorization": f"Bearer {given['access_token']}"}
    assert ask(path, asked, headers=shown, router=router).status == 200
    refused = ask(path, asked, headers={"authorization": "Bearer wrong"}, router=router)
    assert (refused.status, refused.json["error"]["status"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"head": {"alg": "HS256"}}, "alg must be RS256"),
        ({"head": ["x"]}, "JSON objects"),
        ({"scope": None}, "missing scope"),
        ({"iss": None}, "missing iss"),
        ({"exp": 1}, "short-lived"),
        ({"iat": 1}, "short-lived"),
    ],
    ids=range(6),
)
def test_assertions_that_are_refused(asked, words):
    found = token(**asked)
    assert (found.status, found.json["error"]) == (400, "invalid_grant")
    assert words in found.json["error_description"]
    assert ask("/token", b"grant_type=none").status == 400
