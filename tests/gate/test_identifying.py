"""Diagnosing tells what a path takes, what was presented, and why it was not enough.

Over real TLS with real client certificates.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.gate.identity_provider import IdentityProvider, identity_provider
from tests.gate.running import CHAT, HELLO, Client, Place, Reply, running
from tests.gate.signing import SECRET, sign_request
from tests.gate.test_caller_book import plain_issuer
from tests.net.certificates import Authority

from faregate.configuration.settings import GateSettings, Settings, TlsSettings
from faregate.core.findings import Finding
from faregate.gate.explaining import Explaining
from faregate.identity.keys import hash_key
from faregate.identity.operator import operator_token
from faregate.net.tls import ServerCertificates

OPERATOR = operator_token(b"m" * 32)
DIAGNOSE = "/v1/diagnose"


@dataclass
class World:
    """A gate over TLS that takes everything."""

    place: Place
    provider: IdentityProvider
    authority: Authority
    folder: Path
    port: int

    @contextlib.asynccontextmanager
    async def client(self, key: str = "", certificate: str | None = None) -> AsyncIterator[Client]:
        context = ssl.create_default_context(cafile=str(self.authority.ca_file))
        if certificate is not None:
            context.load_cert_chain(*self.authority.sign(certificate))
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname="localhost"
        )
        async with Client(reader, writer, key) as client:
            yield client

    async def code(
        self, key: str = "", certificate: str | None = None, path: str = CHAT
    ) -> str | None:
        async with self.client(key, certificate) as client:
            more = {} if key else {"authorization": ""}
            body = HELLO if path == CHAT else {"model": "sim", "input": "a"}
            reply = await client.post(body, path, **more)
            return None if reply.status == 200 else reply.code

    async def diagnose(
        self, question: dict[str, Any], *, key: str = OPERATOR, certificate: str | None = None
    ) -> Any:
        async with self.client(key, certificate) as client:
            reply: Reply = await client.post({"body": HELLO} | question, DIAGNOSE)
        assert reply.status == 200, reply.body
        return reply.json


def identify(told: Any) -> list[Any]:
    return [one for one in told["findings"] if one["phase"] == "IDENTIFY"]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    authority = Authority(tmp_path)
    certificate, key = authority.sign("gate")
    tls = TlsSettings(
        certificate_file=str(certificate),
        key_file=str(key),
        client_ca_file=str(authority.ca_file),
        client_certificates="optional",
    )
    async with identity_provider("EC") as provider, contextlib.AsyncExitStack() as stack:
        callers = {
            "jwt_issuers": [plain_issuer(provider)],
            "oauth2": {"enabled": True},
            "hmac": [{"name": "shop", "secret": SECRET, "application": "app"}],
            "certificates": [
                {"name": "agent", "subject": "CN=agent", "application": "app"},
                {"name": "other", "subject": "CN=other", "application": "shop"},
            ],
            "policies": [
                {"name": "both", "paths": ["/v1/embeddings"], "all_of": ["key", "mtls"]},
                {"name": "issued", "paths": ["/v1/audio*"], "any_of": ["oauth2"]},
                {"name": "tokens", "paths": ["/v1/responses"], "any_of": ["jwt", "hmac"]},
            ],
        }
        commerce = {"applications": [{"name": "app"}, {"name": "shop"}], "callers": callers}
        settings = Settings(gate=GateSettings(tls=tls))
        place = await stack.enter_async_context(running(commerce=commerce, settings=settings))
        place.gate.explaining = Explaining(
            hash_key(OPERATOR), find_named_key=lambda name: place.gate.callers.find(name, _nobody)
        )
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        await place.gate.listener.serve(listening, ServerCertificates(tls))
        yield World(place, provider, authority, tmp_path, port)


async def _nobody(_name: str) -> None:
    return None


async def test_certificates_over_tls(world: World):
    assert await world.code(certificate="agent") is None
    assert await world.code() == "key_missing"
    assert await world.code(certificate="nobody") == "certificate_unknown"
    assert await world.code(world.place.key) is None
    call = world.place.calls().popitem()[1]
    assert call.started.key_name == "test"
    names = {one.started.key_name for one in world.place.calls().values() if len(one.frames) > 2}
    assert names <= {"mtls:agent:app", "test"}


async def test_a_foreign_authority_gets_no_connection(world: World, tmp_path: Path):
    (tmp_path / "foreign").mkdir()
    foreign = Authority(tmp_path / "foreign")
    context = ssl.create_default_context(cafile=str(world.authority.ca_file))
    context.load_cert_chain(*foreign.sign("agent"))
    reply = b""
    with contextlib.suppress(ssl.SSLError, ConnectionError):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", world.port, ssl=context, server_hostname="localhost"
        )
        writer.write(b"GET /v1/me HTTP/1.1\r\nhost: a\r\n\r\n")
        reply = await reader.read()
    assert reply == b""


async def test_guesses_at_the_operators_token_are_counted(world: World):
    wrong = operator_token(b"n" * 32)
    for path in (CHAT, DIAGNOSE, "/v1/embeddings"):
        assert await world.code(wrong, path=path) == "key_unknown"
    counters = world.place.gate.metrics.snapshot()["counters"]
    assert counters["faregate_guesses_total"] == [[["key_unknown"], 3]]


async def test_a_path_that_needs_both(world: World):
    path, key = "/v1/embeddings", world.place.key
    assert await world.code(key, path=path) == "certificate_missing"
    assert await world.code(certificate="agent", path=path) == "key_missing"
    assert await world.code(key, "other", path=path) == "credentials_disagree"
    assert await world.code(key, "agent", path=path) is None
    assert await world.code(OPERATOR, path=path) == "key_unknown"  # it acts for no key


async def test_the_operator_reads_all_of_it(world: World):
    forged = world.provider.token(aud="elsewhere")
    told = await world.diagnose({"headers": {"authorization": f"Bearer {forged}"}})
    assert (told["would"], told["code"]) == ("refuse", "token_invalid")
    taken, presented, refused, reason = identify(told)
    assert taken["numbers"] == {"accepted": "key, jwt, oauth2, hmac, mtls"}
    assert presented["numbers"] == {"presented": "jwt"}
    assert refused["numbers"]["code"] == "token_invalid"
    assert "elsewhere" in reason["detail"]
    assert "elsewhere" not in refused["detail"]


async def test_a_right_token_would_pass(world: World):
    headers = {"authorization": f"Bearer {world.provider.token()}"}
    told = await world.diagnose({"headers": headers})
    assert (told["would"], told["key"]) == ("pass", "jwt:corp:app")
    assert identify(told)[0]["numbers"]["identified_by"] == "jwt"


async def test_a_policy_is_told_by_name(world: World):
    headers = {"authorization": f"Bearer {world.place.key}"}
    question = {"path": "/v1/responses", "headers": headers, "body": {"model": "sim", "input": "a"}}
    told = await world.diagnose(question)
    assert told["code"] == "authentication_method_not_allowed"
    taken, presented, refused = identify(told)
    assert taken["numbers"] == {"accepted": "jwt, hmac", "policy": "tokens"}
    assert presented["numbers"] == {"presented": "key"}
    assert "one of jwt, hmac" in refused["detail"]


async def test_a_caller_diagnoses_its_own(world: World):
    question = {"path": "/v1/embeddings", "body": {"model": "sim", "input": "a"}}
    told = await world.diagnose(question, key=world.place.key)
    assert told["code"] == "certificate_missing"
    assert [one["policy"] for one in identify(told)] == ["callers", "keys"]  # not the operator's
    told = await world.diagnose(question, key=world.place.key, certificate="agent")
    assert told["would"] == "pass" or told["code"] != "certificate_missing"
    told = await world.diagnose(question, key=world.place.key, certificate="other")
    assert told["code"] == "credentials_disagree"
    jwt = world.provider.token()
    assert (await world.diagnose({}, key=jwt))["key"] == "jwt:corp:app"
    assert (await world.diagnose(question, key=jwt))["code"] == "key_missing"


async def test_a_token_of_a_key_is_what_it_came_as(world: World):
    async with world.client(world.place.key) as client:
        me = (await client.get("/v1/me")).json["key"]["id"]
    form = f"grant_type=client_credentials&client_id={me}&client_secret={world.place.key}"
    async with world.client() as client:
        more = {"authorization": "", "content-type": "application/x-www-form-urlencoded"}
        token = (await client.post(form.encode(), "/oauth2/token", **more)).json["access_token"]
    question = {"path": "/v1/audio/speech", "body": {"model": "sim", "input": "a"}}
    told = await world.diagnose(question, key=token)
    assert told.get("code") != "authentication_method_not_allowed"
    told = await world.diagnose(question, key=world.place.key)
    assert told["code"] == "authentication_method_not_allowed"


async def test_the_operator_names_a_caller(world: World):
    told = await world.diagnose({"key": "hmac:shop:app"})
    assert (told["would"], told["key"]) == ("pass", "hmac:shop:app")
    told = await world.diagnose(
        {"key": "mtls:agent:app", "path": "/v1/responses", "body": {"model": "sim", "input": "a"}}
    )
    assert told["code"] == "authentication_method_not_allowed"


@pytest.mark.parametrize("path", [CHAT, "/v1/responses"])
async def test_a_dry_run_uses_no_nonce_up(world: World, path: str):
    asked = HELLO if path == CHAT else {"model": "sim", "input": "a"}
    body = msgspec.json.encode(asked)
    fields = sign_request("POST", path, body)
    question = {"path": path, "headers": fields, "body": None, "text": body.decode()}
    del question["body"]
    async with world.client(OPERATOR) as client:
        for _ in range(2):
            told = (await client.post(question, DIAGNOSE)).json
            assert told["key"] == "hmac:shop:app"
            wrong = question | {"text": body.decode() + " "}
            assert (await client.post(wrong, DIAGNOSE)).json["code"] == "signature_invalid"
    named = {name.replace("-", "_"): value for name, value in fields.items()}
    async with world.client() as client:
        assert (await client.post(body, path, authorization="", **named)).status == 200
        reply = await client.post(body, path, authorization="", **named)
        assert reply.code == "signature_replayed"


async def test_me_tells_how_one_is_identified(world: World):
    async def told(key: str, certificate: str | None = None) -> Any:
        async with world.client(key, certificate) as client:
            more = {} if key else {"authorization": ""}
            return (await client.get("/v1/me", **more)).json["identified_by"]

    assert (await told(world.place.key))["methods"] == ["key"]
    by_token = await told(world.provider.token())
    assert (by_token["methods"], by_token["id"]) == (["jwt"], "jwt:corp:app")
    assert by_token["until"].endswith("Z")
    assert (await told("", "agent"))["methods"] == ["mtls"]
    fields = sign_request("GET", "/v1/me")
    named = {name.replace("-", "_"): value for name, value in fields.items()}
    async with world.client() as client:
        reply = await client.get("/v1/me", authorization="", **named)
    assert reply.json["identified_by"]["methods"] == ["hmac"]


async def test_the_stored_decision_has_the_reason_for_the_operator(world: World):
    async with world.client(world.provider.token(iss="https://else.example.com/")) as client:
        refused = await client.post(HELLO)
    decision = world.place.gate.explaining.recent.find(refused["faregate-call-id"] or "")
    assert decision is not None
    findings: tuple[Finding, ...] = decision.findings or ()
    assert any("else.example.com" in one.detail and one.operator_only for one in findings)
