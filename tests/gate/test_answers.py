"""The gate answers for itself: the models that a key may use, and what its codes mean."""

from typing import Any

import openai
import pytest
from tests.gate.running import Place

from faregate.core.refusals import KINDS


async def test_models_are_listed_with_their_aliases(place: Place) -> None:
    async with place.client() as client:
        reply = await client.get("/v1/models")
    assert reply["content-type"] == "application/json"
    assert reply.json["object"] == "list"
    assert [row["id"] for row in reply.json["data"]] == ["alias", "renamed", "sim"]
    for row in reply.json["data"]:
        assert row == {
            "id": row["id"],
            "object": "model",
            "created": 0,
            "owned_by": "simulated",
        }
    assert place.sim.requests == []


async def test_a_key_is_told_only_of_its_models(place: Place) -> None:
    key = place.source.add_key("limited", models=frozenset({"alias"}))
    async with place.client(key) as client:
        assert [row["id"] for row in (await client.get("/v1/models")).json["data"]] == ["alias"]
        assert (await client.get("/v1/models/alias")).json["id"] == "alias"
        for name in ("sim", "renamed", "nowhere"):
            reply = await client.get(f"/v1/models/{name}")
            assert (reply.status, reply.code) == (403, "model_not_allowed")
            told = reply.body.replace(name.encode(), b"")
            assert b"renamed" not in told
            assert b"'sim'" not in told


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/sim"])
async def test_models_need_a_key(place: Place, path: str) -> None:
    async with place.client("") as client:
        reply = await client.get(path, authorization="")
    assert (reply.status, reply.code) == (401, "key_missing")
    assert reply["www-authenticate"] == 'Bearer realm="faregate"'


async def test_one_model_by_any_spelling_of_its_name(place: Place) -> None:
    async with place.client() as client:
        for path in ("/v1/models/sim", "/v1/models/s%69m"):
            assert (await client.get(path)).json["id"] == "sim"
        reply = await client.get("/v1/models/sims")
        assert (reply.status, reply.code) == (404, "model_unknown")
        assert "Did you mean 'sim'" in reply.json["fixes"][0]["text"]
        for path in ("/v1/models/%ff%00", "/v1/models/%", f"/v1/models/{'x' * 3000}"):
            assert (await client.get(path)).code == "model_unknown"


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/sim", "/v1/models/no", "/nowhere"])
async def test_head_is_get_without_its_body(place: Place, path: str) -> None:
    async with place.client() as client:
        got = await client.get(path)
        head = await client.get(path, "HEAD")
        assert head.status == got.status
        assert head["content-length"] == str(len(got.body))
        assert head["content-type"] == got["content-type"]
        assert (await client.get("/v1/models")).status == 200  # nothing of a body came


async def test_every_code_is_explained_where_its_type_leads(place: Place) -> None:
    async with place.client("") as client:
        for code, kind in KINDS.items():
            reply = await client.get(f"/refusals/{code}", authorization="")
            assert reply.status == 200
            text = reply.body.decode()
            assert kind.title in text
            assert kind.fix in text
            assert str(kind.status) in text
        refused = await client.get("/v1/models", authorization="")
        assert (await client.get(refused.json["type"])).body.startswith(b"key_missing\n")
        assert (await client.get("/refusals/nonsense")).code == "route_unknown"


async def test_the_sdk_reads_models(place: Any) -> None:
    async with openai.AsyncOpenAI(
        base_url=f"http://127.0.0.1:{place.port}/v1", api_key=place.key, max_retries=0
    ) as sdk:
        assert [model.id async for model in sdk.models.list()] == ["alias", "renamed", "sim"]
        assert (await sdk.models.retrieve("alias")).owned_by == "simulated"
