"""Signatures and tokens are there when a call needs them, and what is wrong with them is told.

The simulator verifies signatures, and gives tokens.
"""

import asyncio
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec
import pytest
from tests.gate.running import Asked, running, until, upstream
from tests.providers.test_tokens import written

from faregate.gate.proofs import AwsProof, read_credential, signed_fields
from faregate.providers.sigv4 import sign
from faregate.providers.tokens import UnprovenError
from faregate.simulator.service import Simulator


def root(base_url: str) -> str:
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}"


def bedrock(secret: str) -> dict[str, object]:
    return {"vendor": "bedrock", "api_key": secret, "options": {"region": "eu-west-1"}}


async def test_bedrock_takes_what_is_signed() -> None:
    async with (
        Simulator(key="AKIDEXAMPLE:wJalr/secret") as simulator,
        running(root(simulator.base_url), **bedrock("AKIDEXAMPLE:wJalr/secret")) as place,
    ):
        reply = await place.post()
        assert reply.status == 200, reply.body
        assert reply.json["choices"][0]["message"]["content"]
        place.gate.snapshot.upstreams["simulated"].proof._secrets["default"] = "AKIDEXAMPLE:x"
        refused = await place.post()
        assert (refused.status, refused.json["code"]) == (503, "provider_key_invalid")


def test_a_session_token_and_a_bearer() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    target = "/model/a%3Ab/converse"
    made = signed_fields("ID:S:T:U", "r", "h", target, b"{}", now.timestamp())
    assert made == sign("POST", "h", target, (), (), b"{}", "ID", "S", "T:U", "r", "bedrock", now)
    assert dict(made)["x-amz-security-token"] == "T:U"
    assert signed_fields("ABSKx", "r", "h", "/", b"", 0.0) == [("authorization", "Bearer ABSKx")]


@pytest.mark.parametrize("secret", ["", ":", "ID:", ":S"])
def test_keys_that_sign_nothing(secret: str) -> None:
    with pytest.raises(UnprovenError) as raised:
        signed_fields(secret, "r", "h", "/", b"", 0.0)
    assert raised.value.kind == "auth"


async def test_a_malformed_key_is_benched_and_the_next_one_serves() -> None:
    provider = bedrock("ID:") | {"keys": ({"name": "good", "secret": "ABSKx"},)}
    async with (
        Simulator() as simulator,
        running(root(simulator.base_url), commerce=None, **_keys(provider)) as place,
    ):
        for _ in range(16):
            assert (await place.post()).status == 200
        account = place.gate.registry.accounts["simulated"]
        assert [key.health.bench.kind for key in account.keys] == ["auth", None]


def _keys(provider: dict[str, object]) -> dict[str, object]:
    from faregate.configuration.document import ProviderKey

    return provider | {"keys": msgspec.convert(provider["keys"], tuple[ProviderKey, ...])}


# -- tokens ---------------------------------------------------------------------------------------


class TokenServer:
    """Gives tokens, counts them, and serves calls with the newest alone."""

    def __init__(self, life_s: float = 3_600.0) -> None:
        self.life_s = life_s
        self.given = 0
        self.status = "200 OK"
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, asked: Asked) -> None:
        if b"/token " in asked.head:
            await self.gate.wait()
            self.given += 1
            document = {"access_token": f"t{self.given}", "expires_in": self.life_s}
            if self.status != "200 OK":
                document = {"error": "invalid_grant", "error_description": "account not found"}
            asked.reply(msgspec.json.encode(document), self.status)
            return
        shown = dict(asked.fields)["authorization"]
        asked.reply(b'{"shown": "%b"}' % shown.encode(), content_type="application/json")


def vertex(base_url: str, **changes: str) -> dict[str, object]:
    secret = written(token_uri=f"{root(base_url)}/token", **changes)
    return {"vendor": "vertex", "api_key": secret, "options": {"project": "p"}}


async def test_calls_share_one_exchange() -> None:
    server = TokenServer()
    server.gate.clear()
    async with upstream(server) as base_url, running(base_url, **vertex(base_url)) as place:
        calls = [asyncio.create_task(place.post()) for _ in range(5)]
        await asyncio.sleep(0.05)
        server.gate.set()
        replies = await asyncio.gather(*calls)
        assert {reply.json["shown"] for reply in replies} == {"Bearer t1"}
        assert (await place.post()).json["shown"] == "Bearer t1"
        assert server.given == 1


async def test_a_token_is_renewed_in_the_background() -> None:
    server = TokenServer()
    async with upstream(server) as base_url, running(base_url, **vertex(base_url)) as place:
        await place.post()
        proof = place.gate.snapshot.upstreams["simulated"].proof
        proof._now = lambda: place.gate.now() + 3_400
        server.gate.clear()
        assert (await place.post()).json["shown"] == "Bearer t1"  # while the next is fetched
        server.gate.set()
        await until(lambda: server.given == 2 and not proof._exchanges)
        assert (await place.post()).json["shown"] == "Bearer t2"


async def test_a_renewal_that_fails_leaves_the_token() -> None:
    server = TokenServer()
    async with upstream(server) as base_url, running(base_url, **vertex(base_url)) as place:
        await place.post()
        proof = place.gate.snapshot.upstreams["simulated"].proof
        server.status = "503 Service Unavailable"
        proof._now = lambda: place.gate.now() + 3_400
        assert (await place.post()).json["shown"] == "Bearer t1"
        await until(lambda: server.given == 2 and not proof._exchanges)
        assert (await place.post()).json["shown"] == "Bearer t1"
        assert server.given == 2  # the next one is after a pause


async def test_a_refused_credential_is_a_key_in_trouble() -> None:
    server = TokenServer()
    server.status = "400 Bad Request"
    async with upstream(server) as base_url, running(base_url, **vertex(base_url)) as place:
        reply = await place.post()
        assert (reply.status, reply.json["code"]) == (503, "provider_key_invalid")
        assert "account not found" in reply.json["detail"]
        [key] = place.gate.registry.accounts["simulated"].keys
        assert key.health.bench.kind == "auth"
        settled = place.only_call().settled
        assert [attempt.result for attempt in settled.attempts] == ["provider_key_invalid"]


async def test_a_token_endpoint_that_is_away() -> None:
    async with upstream(TokenServer()) as base_url:
        away = vertex("http://127.0.0.1:9")
        async with running(base_url, **away) as place:
            reply = await place.post()
            assert (reply.status, reply.json["code"]) == (502, "upstream_unreachable")
            [key] = place.gate.registry.accounts["simulated"].keys
            assert key.health.bench.kind is None


async def test_an_answer_without_end() -> None:
    async def endless(asked: Asked) -> None:
        asked.begin_stream()
        for _ in range(200):
            asked.chunk(b"x" * 1_024)

    async with upstream(endless) as base_url, running(base_url, **vertex(base_url)) as place:
        reply = await place.post()
        assert reply.json["code"] == "provider_failed"
        assert "more than any token" in reply.json["detail"]


async def test_watsonx_exchanges_its_key() -> None:
    server = TokenServer()
    async with upstream(server) as base_url:
        options = {"token_url": f"{root(base_url)}/token"}
        account = {"vendor": "watsonx", "api_key": "ibm", "options": options}
        async with running(base_url, **account) as place:
            assert (await place.post()).json["shown"] == "Bearer t1"


async def test_the_simulator_gives_tokens() -> None:
    async with Simulator() as simulator:
        account = vertex(simulator.base_url)
        base_url = f"{root(simulator.base_url)}/v1/projects/p/locations/global"
        account |= {"dialects": {"generate": ("gemini",)}}
        async with running(base_url, **account) as place:
            reply = await place.post()
            assert reply.status == 200, reply.body


def test_credentials_are_read(tmp_path) -> None:
    file = tmp_path / "account.json"
    file.write_text('{"type": "x"}')
    assert read_credential(str(file)) == '{"type": "x"}'
    assert read_credential(' {"a": 1}') == ' {"a": 1}'
    for wrong in (str(tmp_path), str(tmp_path / "none"), "\0"):
        with pytest.raises(UnprovenError, match="can't be read"):
            read_credential(wrong)


def test_a_key_that_is_not_there() -> None:
    assert AwsProof({}, "r", lambda: 0.0)._secrets == {}
    with pytest.raises(UnprovenError, match="no key"):
        signed_fields("", "r", "h", "/", b"", 0.0)
