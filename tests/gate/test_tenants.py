"""What is another team's doesn't exist for a call: not in replies, lists, errors, diagnoses."""

import re
from typing import Any

import pytest
from tests.gate.accounts import path_of
from tests.gate.running import HELLO, Reply
from tests.gate.tenants import CANARY, MODELS, Teams, two_teams

from faregate.gate.snapshot import PATHS

DARK = ("support/dark-model", "support/dark-any", "dark-model", "dark-any")
EMBEDDING = {"model": "m", "input": "hello"}


def ask(model: str) -> dict[str, Any]:
    return HELLO | {"model": model}


VARIES = (b"faregate-call-id", b"content-length", b"ratelimit", b"x-ratelimit", b"request-id")
CALL_ID = re.compile(rb"call_[0-9a-f]+")


def whole(reply: Reply) -> bytes:
    """All that a reply says, but for what is never the same."""
    lines = [line for line in reply.head.split(b"\r\n") if not line.startswith(VARIES)]
    return b"\n".join(lines) + CALL_ID.sub(b"-", reply.body)


BODIES: dict[str, Any] = {
    "/v1/embeddings": EMBEDDING,
    "/v1/messages": HELLO | {"max_tokens": 5},
    "/v1/responses": EMBEDDING,
    "/v1/completions": {"model": "m", "prompt": "x"},
    "/v1beta/models/{model}:generateContent": {"contents": [{"parts": [{"text": "x"}]}]},
    "/api/generate": {"model": "m", "prompt": "x"},
    "/v1/audio/speech": {"model": "m", "input": "x", "voice": "a"},
    "/v1/images/generations": {"model": "m", "prompt": "x"},
    "/v1/moderations": EMBEDDING,
    "/v1/rerank": {"model": "m", "query": "x", "documents": ["y"]},
}


async def answers(teams: Teams, team: str, model: str) -> dict[str, bytes]:
    """What a team is told of a model, by every path and way to name it."""
    found = {}
    for path in PATHS:
        body, here = BODIES.get(path, HELLO), path.replace("{model}", model).replace("{id}", model)
        if "model" in body:
            body = body | {"model": model}
        key = path.replace("{id}", "{model}")
        found[f"POST {key}"] = whole(await teams.post(team, body, here))
        found[f"GET {key}"] = whole(await teams.get(team, here))
    anthropic = {"anthropic_version": "2023-06-01"}
    found["anthropic"] = whole(await teams.get(team, f"/v1/models/{model}", **anthropic))
    found["realtime"] = whole(await teams.get(team, f"/v1/realtime?model={model}"))
    question = {"body": ask(model)}
    found["diagnose"] = whole(await teams.post(team, question, "/v1/diagnose"))
    return {way: told.replace(model.encode(), b"?") for way, told in found.items()}


@pytest.mark.parametrize("team", ["sales", "app", "lab"])
@pytest.mark.parametrize("name", ["support/dark-model", "dark-model"])
async def test_another_teams_model_is_like_one_that_is_not_there(team: str, name: str) -> None:
    async with two_teams() as teams:
        foreign = await answers(teams, team, name)
        # As long, and alike enough that the same names could be meant.
        nothing = await answers(teams, team, name.replace("dark", "durk"))
        assert foreign == nothing
        for way, told in foreign.items():
            assert CANARY.encode() not in told, way
            assert b"support/" not in told, way
        assert teams.answering.asked == []


@pytest.mark.parametrize("team", ["sales", "app", "lab"])
async def test_nothing_that_a_team_can_ask_names_what_is_anothers(team: str) -> None:
    async with two_teams() as teams:
        for path in PATHS:
            for reply in (
                await teams.get(team, path),
                await teams.post(team, ask("suport/drak"), path),
                await teams.post(team, {"body": ask("gpt")}, path),
            ):
                assert CANARY.encode() not in reply.head + reply.body, path
        anthropic = await teams.get(team, "/v1/models", anthropic_version="2023-06-01")
        gemini = await teams.get(team, "/v1/models", x_goog_api_client="x")
        for reply in (anthropic, gemini):
            assert reply.status == 200
            assert CANARY.encode() not in reply.body


@pytest.mark.parametrize(
    ("team", "names"),
    [
        ("sales", ["gpt", "mixed", "rare", "sales/best", "sales/gpt", "sales/small"]),
        ("support", ["support/dark-any", "support/dark-model"]),
        ("lab", ["gpt"]),
        ("app", ["gpt", "mixed", "rare"]),
    ],
)
async def test_each_team_lists_its_own_and_what_is_shared(team: str, names: list[str]) -> None:
    async with two_teams() as teams:
        listed = (await teams.get(team, "/v1/models")).json["data"]
        assert [row["id"] for row in listed] == names
        gemini = (await teams.get(team, "/v1beta/models")).json["models"]
        assert [row["displayName"] for row in gemini] == names
        ollama = (await teams.get(team, "/api/tags")).json["models"]
        assert [row["name"] for row in ollama] == names
        me = (await teams.get(team, "/v1/me")).json
        assert [row["id"] for row in me["models"]] == names
        assert {row["name"] for row in me["limits"]} == {
            "everybody", *{"sales": ["sales/few"], "support": ["support/dark-limit"]}.get(team, ()),
        }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "model", "account"),
    [
        ("sales", "sales/small", "/sales/own/"),
        ("sales", "small", "/sales/own/"),
        ("sales", "best", "/sales/own/"),
        ("sales", "rare", "/ours/"),
        ("sales", "gpt", "/sales/own/"),  # the nearest name wins
        ("app", "gpt", "/open/"),
        ("app", "rare", "/ours/"),  # who owns an account may always use it
        ("app", "mixed", "/open/"),
        ("lab", "gpt", "/open/"),
    ],
)
async def test_a_name_means_what_is_nearest(key: str, model: str, account: str) -> None:
    async with two_teams() as teams:
        for _ in range(2):  # compiled, and as it is kept
            assert (await teams.post(key, ask(model))).status == 200
        assert [path_of(one).startswith(account) for one in teams.answering.asked] == [True] * 2


async def test_a_keys_own_list_says_which_of_two_is_meant() -> None:
    async with two_teams() as teams:
        assert (await teams.post(teams.only("sales", "gpt"), ask("gpt"))).status == 200
        assert (await teams.post(teams.only("sales", "sales/gpt"), ask("gpt"))).status == 200
        accounts = [path_of(one).split("/")[1] for one in teams.answering.asked]
        assert accounts == ["open", "sales"]
        refused = await teams.post(teams.only("sales", "sales/small"), ask("gpt"))
        assert (refused.status, refused.json["code"]) == (403, "model_not_allowed")


@pytest.mark.parametrize(("team", "model"), [("lab", "rare"), ("lab", "mixed"), ("support", "gpt")])
async def test_what_is_not_shared_is_not_there(team: str, model: str) -> None:
    async with two_teams() as teams:
        refused = await teams.post(team, ask(model))
        assert (refused.status, refused.json["code"]) == (404, "model_unknown")
        assert teams.answering.asked == []


@pytest.mark.parametrize("model", ["sales/best", "best", "mixed", "rare", "small"])
async def test_trouble_never_leads_to_another_teams_account(model: str) -> None:
    error = (500, {"error": {"message": "down", "type": "server_error"}})
    async with two_teams({"/sales": error, "/open": error, "/ours": error}) as teams:
        reply = await teams.post("sales", ask(model))
        assert reply.status >= 500
        assert CANARY.encode() not in reply.head + reply.body
        paths = [path_of(one) for one in teams.answering.asked]
        assert paths
        assert not any(CANARY in path for path in paths)


async def test_limits_budgets_and_wallets_bind_their_own_team_alone() -> None:
    async with two_teams() as teams:
        for team in ("sales", "app", "lab"):
            for _ in range(3):
                assert (await teams.post(team, ask("gpt"))).status == 200, team
        # Of its own budget there is next to nothing.
        for _ in range(2):
            refused = await teams.post("support", ask("dark-model"))
            assert refused.json["code"] in ("budget_exhausted", "call_too_large")
        frames = await teams.place.settled(11)
        paid = {one.settled.charge.wallet for one in frames[:9]}
        assert paid == {"common"}
        teams_of_calls = [one.end.team if hasattr(one.end, "team") else one.started.team
                          for one in frames]  # fmt: skip
        assert teams_of_calls == ["sales"] * 3 + [""] * 3 + ["lab"] * 3 + ["support"] * 2


async def test_a_refused_call_is_its_teams_too() -> None:
    async with two_teams() as teams:
        await teams.post("sales", ask("nothing"))
        [call] = await teams.place.settled()
        assert (call.closed.team, call.closed.application) == ("sales", "sales/shop")


async def test_a_team_has_settings_of_its_own() -> None:
    async with two_teams() as teams:
        lab, app = await teams.post("lab", ask("gpt")), await teams.post("app", ask("gpt"))
        assert (lab["x-ratelimit-limit-requests"], lab["ratelimit"]) == ("1000", None)
        assert app["x-ratelimit-limit-requests"] == "1000"
        assert app["ratelimit"] is not None
        odd = ask("gpt") | {"messages": [{"role": "user", "content": "x"}]}
        assert (await teams.post("lab", odd)).status == 200
        snapshot = teams.place.gate.snapshot
        terms = {one.team: one for one in snapshot.terms._known.values()}
        assert (terms["lab"].drops, terms[""].drops) == (True, False)
        assert terms["lab"].top_up_url == "https://lab.test/pay"
        assert terms[""].top_up_url is None


async def test_a_diagnosis_proposes_what_the_team_may_use() -> None:
    async with two_teams() as teams:
        told = (await teams.post("sales", {"body": ask("smal")}, "/v1/diagnose")).json
        assert told["code"] == "model_unknown"
        assert told["changes"][0]["value"] in ("small", "sales/small")
        told = (await teams.post("lab", {"body": ask("rare")}, "/v1/diagnose")).json
        assert told["changes"][0]["value"] == "gpt"
        assert set(MODELS) >= {"gpt"}
