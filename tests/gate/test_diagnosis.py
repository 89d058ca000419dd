"""A diagnosis tells of every phase, to whom it may, and does nothing.

That it says what a call then gets is `test_dry_runs`.
"""

import json
from typing import Any

import pytest
from tests.gate.running import HELLO, Place, running
from tests.gate.test_explanations import TOKEN, explain_in

from faregate.core.money import NANO
from faregate.gate.phase import Phase

COMMERCE: dict[str, Any] = {
    "wallets": [{"name": "purse"}],
    "applications": [{"name": "app", "wallet": "purse"}],
    "prices": [
        {"model": "sim", "input": "1", "output": "10"},
        {"model": "renamed", "input": "0", "output": "0"},
    ],
    "limits": [{"name": "fast", "each": "key", "max": 2, "per": "minute"}],
}


async def diagnose(place: Place, bearer: str | None = None, **question: Any) -> Any:
    asked = {"body": HELLO} | question
    if "text" in asked:
        del asked["body"]
    async with place.client(bearer) as client:
        reply = await client.post(asked, "/v1/diagnose")
    assert reply.status == 200, reply.body
    assert reply["cache-control"] == "no-store"
    return reply.json


def verdicts(told: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for finding in told["findings"]:
        found.setdefault(finding["phase"], []).append(finding["verdict"])
    return found


async def test_a_call_that_would_pass_is_shown_whole():
    async with running(commerce=COMMERCE) as place:
        place.ledger.grant("purse", NANO)
        told = await diagnose(place, body=HELLO | {"max_tokens": 100})
        assert (told["would"], told["changes"], told["passes_with_changes"]) == ("pass", [], True)
        assert (told["key"], told["model"]) == ("test", "sim")
        assert [phase.name for phase in Phase if phase is not Phase.SEND] == [
            name for name in verdicts(told) if name != "SEND"
        ]
        assert {verdict for each in verdicts(told).values() for verdict in each} == {"passed"}
        ceiling = told["price_ceiling"]
        assert ceiling["output_tokens_max"] == 100
        assert 0.001 < float(ceiling["amount"]) < 0.002
        assert ceiling["held_first"] == ceiling["amount"]
        assert place.sim.requests == []


async def test_phases_behind_the_first_refusal_are_judged():
    async with running(commerce=COMMERCE) as place:
        place.ledger.grant("purse", NANO // 100_000)
        for _ in range(2):
            await place.post({"model": "renamed", "messages": [], "max_tokens": 1})
        told = await diagnose(place, body=HELLO | {"max_tokens": 1_000})
        assert told["code"] == "rate_limited"
        found = verdicts(told)
        assert (found["LIMIT"], found["RESERVE"]) == (["refused"], ["refused"])
        assert found["CHOOSE"] == ["passed"]
        kinds = [change["kind"] for change in told["changes"]]
        assert kinds[-1] == "wait"
        assert set(kinds) <= {"set", "top_up", "wait"}
        assert told["passes_with_changes"]
        assert not told["depends_on_calls_in_flight"]


async def test_what_could_not_be_judged_is_said(place: Place):
    told = await diagnose(place, text="{")
    found = verdicts(told)
    assert (told["code"], found["VALIDATE"]) == ("request_invalid", ["refused"])
    for phase in ("AUTHORIZE", "LIMIT", "RESERVE", "CHOOSE", "SEND"):
        assert found[phase] == ["not_reached"]
    assert (told["changes"], told["passes_with_changes"]) == ([], False)
    assert told["price_ceiling"] is None


async def test_another_model_is_proposed_that_the_key_may_use(place: Place):
    told = await diagnose(place, body=HELLO | {"model": "simm"})
    assert told["changes"] == [{"kind": "set", "name": "model", "value": "sim"}]
    key = place.source.add_key("limited", models=frozenset({"renamed"}))
    told = await diagnose(place, key)
    assert told["code"] == "model_not_allowed"
    assert told["changes"] == [{"kind": "set", "name": "model", "value": "renamed"}]


async def test_nothing_applies_to_a_key_without_an_application(place: Place):
    told = await diagnose(place)
    assert verdicts(told)["RESERVE"] == ["not_applicable"]
    assert verdicts(told)["LIMIT"] == ["not_applicable"]


async def test_the_operator_names_a_key_and_sees_the_connections(place: Place):
    explain_in(place)
    place.gate.explaining.find_named_key = find_in(place)
    told = await diagnose(place, TOKEN, key="test")
    assert (told["would"], told["key"]) == ("pass", "test")
    [connections] = [one for one in told["findings"] if one["policy"] == "connections"]
    assert connections["numbers"]["connections_max"]
    mine = await diagnose(place)
    assert "connections" not in [one["policy"] for one in mine["findings"]]
    assert str(place.pool.origin.address.port) not in json.dumps(mine["findings"])


def find_in(place: Place) -> Any:
    async def find(name: str) -> Any:
        return place.source.find_named_key(name)

    return find


async def test_a_key_that_may_not_call_is_judged_to_the_end_for_the_operator():
    async with running(commerce=COMMERCE) as place:
        explain_in(place)
        place.gate.explaining.find_named_key = find_in(place)
        place.source.add_key("old", expires_ns=1, application="app")
        told = await diagnose(place, TOKEN, key="old")
        found = verdicts(told)
        assert (told["code"], found["IDENTIFY"]) == ("key_expired", ["refused"])
        assert found["RESERVE"] == ["refused"]
        assert (told["changes"], told["passes_with_changes"]) == ([], False)


@pytest.mark.parametrize(
    ("question", "param"),
    [
        ({"key": "nobody"}, "key"),
        ({"path": "chat"}, "path"),
        ({"text": "x", "body": {}}, "text"),
        ({"nonsense": 1}, None),
        ({"headers": {"a": 1}}, None),
        ({"method": "PÖST"}, "path"),
    ],
)
async def test_questions_that_cant_be_answered(place: Place, question: Any, param: str | None):
    explain_in(place)
    place.gate.explaining.find_named_key = find_in(place)
    async with place.client(TOKEN) as client:
        reply = await client.post(question, "/v1/diagnose")
    assert (reply.status, reply.code) == (400, "request_invalid")
    assert reply.json.get("param") == param


async def test_a_caller_may_not_name_a_key(place: Place):
    async with place.client() as client:
        reply = await client.post({"key": "test", "body": HELLO}, "/v1/diagnose")
    assert (reply.status, reply.json["param"]) == (400, "key")


@pytest.mark.parametrize("key", ["", "fg_wrong"])
async def test_a_caller_that_isnt_known_is_told_nothing(place: Place, key: str):
    async with place.client(key) as client:
        reply = await client.post({"body": HELLO}, "/v1/diagnose")
    assert reply.status == 401


async def test_a_caller_diagnoses_with_its_own_key_whatever_headers_it_names(place: Place):
    told = await diagnose(place, headers={"Authorization": "Bearer fg_other", "X-Api-Key": "a"})
    assert (told["would"], told["key"]) == ("pass", "test")


async def test_the_operator_may_show_a_key_in_the_headers(place: Place):
    explain_in(place)
    told = await diagnose(place, TOKEN, headers={"authorization": f"Bearer {place.key}"})
    assert (told["would"], told["key"]) == ("pass", "test")
    told = await diagnose(place, TOKEN)
    assert told["code"] == "key_missing"


@pytest.mark.parametrize(
    ("request_body", "route"),
    [
        (HELLO, "/v1/chat/completions"),
        ({"model": "sim", "prompt": "x"}, "/v1/completions"),
        ({"model": "sim", "input": "x"}, "/v1/embeddings"),
    ],
)
async def test_a_request_may_be_sent_as_it_is(request_body: Any, route: str):
    commerce = COMMERCE | {
        "limits": [{"name": "by-route", "each": "route", "max": 1, "per": "minute"}],
        "budgets": [{"name": "runs", "each": "run", "amount": "1", "required": True}],
    }
    async with running(commerce=commerce) as place, place.client() as client:
        place.ledger.grant("purse", NANO)
        reply = await client.post(request_body, "/v1/diagnose", faregate_run="7")
        told = reply.json
        assert (told["would"], told["model"]) == ("pass", "sim")
        [limit] = [one for one in told["findings"] if one["policy"] == "by-route"]
        assert route in limit["detail"]
        reply = await client.post(request_body, "/v1/diagnose")
        assert reply.json["refusal"]["param"] == "faregate-run"


async def test_other_addresses_are_diagnosed_too(place: Place):
    told = await diagnose(place, method="GET", path="/v1/models", text="")
    assert told["would"] == "pass"
    assert (await diagnose(place, path="/v1/nothing"))["code"] == "route_unknown"
    assert (await diagnose(place, method="DELETE"))["code"] == "method_not_allowed"


async def test_a_ledger_that_is_away_is_said():
    async with running(commerce=COMMERCE) as place:
        place.ledger.away = True
        assert (await diagnose(place))["code"] == "ledger_unavailable"


async def test_statuses_are_told_as_the_operator_wants_them():
    from faregate.configuration.settings import RefusalSettings, Settings

    settings = Settings(refusals=RefusalSettings(statuses={"model_unknown": 400}))
    async with running(settings=settings) as place:
        told = await diagnose(place, body=HELLO | {"model": "nowhere"})
        assert (told["status"], told["code"]) == (400, "model_unknown")
        assert (await place.post(HELLO | {"model": "nowhere"})).status == 400
