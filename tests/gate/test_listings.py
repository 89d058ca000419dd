"""Every dialect's client lists what its key may use, virtual models included, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import anthropic
import pytest
from tests.gate.accounts import Answering, any_of, before
from tests.gate.running import Place, Reply, upstream

NAMES = ["any", "at-g", "at-o", "org/name", "other"]
ACCOUNTS: dict[str, Any] = {"g": "gemini", "o": {"vendor": "openai_compatible"}}
MODELS = {"o": {"aliases": ["org/name"], "output_tokens_max": 900}}
PINS = [{"model": "at-g", "of": "gemini/x", "context_tokens": 5_000, "output_tokens_max": 700}]
VERSION = {"anthropic_version": "2023-06-01"}
NO_TIME = "1970-01-01T00:00:00Z"


@asynccontextmanager
async def listing() -> AsyncIterator[Place]:
    answering = Answering()
    virtual = [any_of("g", "o", aliases=["other"])]
    async with (
        upstream(answering) as url,
        before(url, ACCOUNTS, models=MODELS, virtual_models=virtual, catalogue=PINS) as place,
    ):
        yield place
    assert answering.asked == []


async def get(place: Place, path: str, key: str | None = None, **fields: str) -> Reply:
    async with place.client(key) as client:
        return await client.get(path, **fields)


def limited(place: Place) -> str:
    return place.source.add_key("limited", models=frozenset({"any", "org/name"}))


async def test_anthropics_members_stand_beside_openais() -> None:
    async with listing() as place:
        told = (await get(place, "/v1/models", **VERSION)).json
        assert told["object"] == "list"
        assert [row["id"] for row in told["data"]] == NAMES
        assert (told["has_more"], told["first_id"], told["last_id"]) == (False, "any", "other")
        for row in told["data"]:
            assert (row["type"], row["object"]) == ("model", "model")
            assert (row["display_name"], row["created_at"]) == (row["id"], NO_TIME)
        assert "type" not in (await get(place, "/v1/models")).json["data"][0]
        one = (await get(place, f"/v1/models/{quote('org/name', safe='')}", **VERSION)).json
        assert (one["id"], one["type"], one["max_tokens"]) == ("org/name", "model", 900)
        empty = place.source.add_key("none", models=frozenset())
        told = (await get(place, "/v1/models", empty, **VERSION)).json
        assert (told["data"], told["first_id"], told["has_more"]) == ([], None, False)


@pytest.mark.parametrize(
    ("query", "names", "more"),
    [
        ("limit=2", NAMES[:2], True),
        ("limit=2&after_id=at-g", NAMES[2:4], True),
        ("limit=9&after_id=at-o", NAMES[3:], False),
        ("limit=2&before_id=other", NAMES[2:4], True),
        ("after_id=zzz", [], False),
    ],
)
async def test_anthropics_pages(query: str, names: list[str], more: bool) -> None:
    async with listing() as place:
        told = (await get(place, f"/v1/models?{query}", **VERSION)).json
        assert ([row["id"] for row in told["data"]], told["has_more"]) == (names, more)


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1001", "9" * 30])
async def test_a_page_without_end_is_refused(limit: str) -> None:
    async with listing() as place:
        reply = await get(place, f"/v1/models?limit={limit}", **VERSION)
        assert reply.code == "request_invalid"
        reply = await get(place, f"/v1beta/models?pageSize={limit}")
        assert (reply.status == 200) is (limit == "1001")


async def test_googles_list() -> None:
    async with listing() as place:
        told = (await get(place, "/v1beta/models")).json
        assert [row["name"] for row in told["models"]] == [f"models/{name}" for name in NAMES]
        assert "nextPageToken" not in told
        [row] = [row for row in told["models"] if row["name"] == "models/at-g"]
        assert (row["inputTokenLimit"], row["outputTokenLimit"]) == (5_000, 700)
        assert row["displayName"] == "at-g"
        assert "streamGenerateContent" in row["supportedGenerationMethods"]
        [both] = [row for row in told["models"] if row["name"] == "models/any"]
        assert both["outputTokenLimit"] == 700  # of both; how much either takes in isn't known
        assert "inputTokenLimit" not in both


async def test_googles_pages_come_to_an_end() -> None:
    async with listing() as place:
        names, token = [], ""
        for _ in range(9):
            told = (await get(place, f"/v1beta/models?pageSize=2&pageToken={quote(token)}")).json
            names += [row["displayName"] for row in told["models"]]
            token = told.get("nextPageToken", "")
            if not token:
                break
        assert names == NAMES


@pytest.mark.parametrize("path", ["/v1beta/models", "/v1/models"])
async def test_googles_key_is_known_in_header_and_query(path: str) -> None:
    async with listing() as place:
        none = {"authorization": ""}
        by_field = await get(place, path, x_goog_api_key=place.key, **none)
        assert len(by_field.json["models"]) == len(NAMES)
        by_query = await get(place, f"/v1beta/models?key={place.key}", **none)
        assert by_query.json == by_field.json
        one = await get(place, f"{path}/org/name", x_goog_api_key=place.key, **none)
        assert one.json["name"] == "models/org/name"
        unknown = await get(place, "/v1beta/models/nowhere")
        assert (unknown.status, unknown.json["error"]["status"]) == (404, "NOT_FOUND")
        missing = await get(place, "/v1beta/models", **none)
        assert (missing.status, missing.json["error"]["code"]) == (401, 401)


async def test_ollamas_list_and_facts() -> None:
    async with listing() as place:
        rows = (await get(place, "/api/tags")).json["models"]
        assert [row["name"] for row in rows] == [row["model"] for row in rows] == NAMES
        assert all(len(row["digest"]) == 64 and row["modified_at"] == NO_TIME for row in rows)
        shown = (await place.post({"model": "at-g"}, "/api/show")).json
        assert shown["capabilities"][:2] == ["completion", "tools"]
        assert shown["model_info"]["faregate.context_length"] == 5_000
        assert shown["details"]["family"] == "g"
        assert (await place.post({"name": "org/name"}, "/api/show")).status == 200
        unknown = await place.post({"model": "nowhere"}, "/api/show")
        assert (unknown.status, "nowhere" in unknown.json["error"]) == (404, True)
        for body in (b"", b"{", b"[]", b'{"model":7}'):
            reply = await place.post(body, "/api/show")
            assert reply.status == 400
            assert isinstance(reply.json["error"], str)


async def test_ollamas_version_needs_no_key() -> None:
    async with listing() as place:
        reply = await get(place, "/api/version", authorization="")
        assert tuple(map(int, reply.json["version"].split("."))) >= (0, 6, 4)
        assert (await get(place, "/api/tags", authorization="")).status == 401


@pytest.mark.parametrize("path", ["/v1/models", "/v1beta/models", "/api/tags"])
async def test_a_key_is_told_only_of_its_models(path: str) -> None:
    async with listing() as place:
        key = limited(place)
        reply = await get(place, path, key, **(VERSION if path == "/v1/models" else {}))
        rows = reply.json["data" if path == "/v1/models" else "models"]
        told = [row.get("id") or row.get("displayName") or row["name"] for row in rows]
        assert told == ["any", "org/name", "other"]
        async with place.client(key) as client:
            shown = await client.post({"model": "at-o"}, "/api/show")
        assert (shown.status, b"at-g" in shown.body) == (403, False)


async def test_anthropics_sdk_lists_models() -> None:
    async with (
        listing() as place,
        anthropic.AsyncAnthropic(
            base_url=f"http://127.0.0.1:{place.port}", api_key=place.key
        ) as client,
    ):
        rows = [row async for row in client.models.list(limit=2)]
        assert [row.id for row in rows] == NAMES
        assert rows[0].created_at.year == 1970
        assert (await client.models.retrieve("at-o")).display_name == "at-o"
        counted = await client.messages.count_tokens(
            model="at-o", messages=[{"role": "user", "content": "hello"}]
        )
        assert counted.input_tokens > 0
