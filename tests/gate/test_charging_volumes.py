"""Volumes, budgets and long limits count what calls used, and included volumes come first."""

import asyncio
from typing import Any

import msgspec
import pytest
from tests.gate.running import HELLO, Place, Reply, running

from faregate.calllog.frames import Charge, Settled, decode_frame
from faregate.configuration.document import Document
from faregate.configuration.references import plain
from faregate.configuration.settings import CreditSettings, Settings
from faregate.core.money import parse_amount
from faregate.ledger.slices import Slice

_SEEN_S = 0.15  # new credit is seen after so long, where many are refused
LIMITED = HELLO | {"max_tokens": 20}
IMPATIENT = Settings(credit=CreditSettings(wait_s=0.2))
COMMERCE: dict[str, Any] = {
    "applications": [{"name": "app", "wallet": "main", "plan": "p"}],
    "wallets": [{"name": "main"}],
    "prices": [{"model": "sim", "input": "2.50", "output": "10"}],
}


def with_quota(**quota: Any) -> dict[str, Any]:
    return COMMERCE | {"plans": [{"name": "p", "quotas": [{"name": "q", "max": 2} | quota]}]}


def charges(place: Place) -> list[Charge]:
    frames = [decode_frame(data) for data in place.journal.frames]
    return [f.charge for f in frames if isinstance(f, Settled) and f.charge is not None]


def a_slice(place: Place, kind: str, subject: str = "") -> Slice:
    [found] = [
        one
        for one in place.gate.broker._slices.values()
        if one.spec.kind == kind and subject in ("", one.spec.subject)
    ]
    return found


async def ask(place: Place, body: dict[str, Any] = LIMITED, **more: str) -> Reply:
    return await place.post(body, x_simulate="tokens=4", **more)


async def test_a_quota_of_calls_counts_calls_and_then_refuses_until_it_renews() -> None:
    async with running(commerce=with_quota(), settings=IMPATIENT) as place:
        place.ledger.grant("main", parse_amount("5"))
        assert [(await ask(place)).status for _ in range(2)] == [200, 200]
        reply = await ask(place)
        assert (reply.status, reply.code) == (429, "quota_exhausted")
        assert int(reply["retry-after"] or 0) > 0
        assert a_slice(place, "quota").settled == 2


async def test_a_quota_that_can_be_bought_is_402() -> None:
    bought = with_quota(max=1, upgrade_url="https://shop.test/more")
    async with running(commerce=bought, settings=IMPATIENT) as place:
        place.ledger.grant("main", parse_amount("5"))
        assert (await ask(place)).status == 200
        reply = await ask(place)
        assert (reply.status, reply.code) == (402, "quota_exhausted")
        assert reply["retry-after"] is None
        assert "https://shop.test/more" in reply.body.decode()


async def test_an_included_volume_is_free_and_what_is_beyond_costs_more() -> None:
    included = with_quota(included=True, overage_multiplier="2")
    async with running(commerce=included, settings=IMPATIENT) as place:
        for _ in range(2):  # the wallet is empty, and nobody asks
            assert (await ask(place)).status == 200
        assert [(one.wallet, one.charge_nano) for one in charges(place)] == [("", 0), ("", 0)]
        assert (await ask(place)).code == "credit_exhausted"
        place.ledger.grant("main", parse_amount("5"))
        await asyncio.sleep(_SEEN_S)
        assert (await ask(place)).status == 200
        beyond = charges(place)[-1]
        assert beyond.cost_nano is not None
        assert (beyond.wallet, beyond.charge_nano) == ("main", 2 * beyond.cost_nano)
        assert a_slice(place, "quota").settled == 2


async def test_a_call_within_an_included_volume_of_tokens_keeps_to_it() -> None:
    included = with_quota(included=True, unit="tokens", max=3_000)
    async with running(commerce=included, settings=IMPATIENT) as place:
        reply = await place.post(HELLO, x_simulate="tokens=5")
        assert reply.status == 200
        assert 0 < int(reply["faregate-output-limit"] or 0) <= 3_000
        assert b'"max_completion_tokens":' in place.sim.requests[0].body
        [charge] = charges(place)
        assert (charge.charge_nano, charge.used[0] > 5) == (0, True)


async def test_a_flood_beyond_an_included_volume_asks_the_ledger_little() -> None:
    async with running(commerce=with_quota(included=True, max=1), settings=IMPATIENT) as place:
        assert (await ask(place)).status == 200
        before = place.gate.broker._source
        draws = 0
        real = before.draw

        def counted(requests: Any) -> Any:
            nonlocal draws
            draws += 1
            return real(requests)

        before.draw = counted  # type: ignore[method-assign]
        async with place.client() as client:
            for _ in range(200):
                assert (await client.post(LIMITED)).status == 402
        assert draws < 60


async def test_what_is_left_of_a_quota_is_carried_over() -> None:
    async with running(commerce=with_quota(carry_over_max=1), settings=IMPATIENT) as place:
        place.ledger.grant("main", parse_amount("5"))
        assert (await ask(place)).status == 200
        spec = a_slice(place, "quota").spec
        assert spec.carry_from is not None
        assert (spec.carry_max, spec.cap) == (1, 2)
        assert spec.carry_from.rsplit(":", 1)[0] == spec.purse_id.rsplit(":", 1)[0]


BUDGETS = COMMERCE | {
    "applications": [{"name": "app", "wallet": "main"}],
    "budgets": [
        {"name": "each", "each": "customer", "amount": "0.0012", "window": "day"},
        {"name": "run", "each": "run", "amount": "0.0012"},
    ],
}


@pytest.mark.parametrize(
    ("naming", "body"),
    [
        ({"faregate_customer": "ann"}, {}),
        ({}, {"user": "ann"}),
        ({"faregate_run": "ann"}, {}),
    ],
)
async def test_customers_and_runs_have_budgets_of_their_own(
    naming: dict[str, str], body: dict[str, str]
) -> None:
    async with running(commerce=BUDGETS, settings=IMPATIENT) as place:
        place.ledger.grant("main", parse_amount("5"))
        codes = []
        for _ in range(12):
            reply = await ask(place, LIMITED | body, **naming)
            codes.append(reply.status)
        assert codes[0] == 200
        assert codes[-1] in (402, 429)
        budget = a_slice(place, "budget", "ann")
        assert 0 < budget.settled <= parse_amount("0.0012")
        other = dict.fromkeys(naming, "bob")
        others_body = dict.fromkeys(body, "bob")
        assert (await ask(place, LIMITED | others_body, **other)).status == 200
        assert (await ask(place)).status == 200  # names nobody


async def test_the_header_goes_before_the_field() -> None:
    async with running(commerce=BUDGETS) as place:
        place.ledger.grant("main", parse_amount("5"))
        await ask(place, LIMITED | {"user": "bob"}, faregate_customer="ann")
        assert a_slice(place, "budget").spec.subject == "ann"


async def test_a_customer_that_must_be_named_is_asked_for_though_nobody_pays() -> None:
    budgets = [{"name": "each", "each": "customer", "amount": "1", "required": True}]
    only = {"applications": [{"name": "app"}], "budgets": budgets, "prices": COMMERCE["prices"]}
    async with running(commerce=only) as place:
        reply = await ask(place)
        assert (reply.status, reply.code) == (400, "request_invalid")
        assert place.sim.requests == []
        assert (await ask(place, faregate_customer="ann")).status == 200


@pytest.mark.parametrize("per", ["hour", "day", "month"])
@pytest.mark.parametrize("unit", ["requests", "tokens"])
async def test_long_limits_are_kept_in_the_ledger(per: str, unit: str) -> None:
    most = 2 if unit == "requests" else 500
    limits = [{"name": "long", "each": "key", "unit": unit, "max": most, "per": per}]
    only = {"applications": [{"name": "app"}], "limits": limits}
    async with running(commerce=only, settings=IMPATIENT) as place:
        statuses = [(await ask(place)).status for _ in range(60)]
        served = statuses.count(200)
        assert set(statuses) == {200, 429}
        one = a_slice(place, "limit")
        assert one.settled <= most
        if unit == "requests":
            assert served == one.settled == 2
        reply = await ask(place)
        assert reply.code == ("rate_limited" if unit == "requests" else "tokens_limited")
        assert int(reply["retry-after"] or 0) > 3_000


async def test_refusals_come_in_their_order() -> None:
    """Each trouble is mended in turn, and the next one is told."""
    quotas = [{"name": "q", "max": 3, "period": "day"}]
    commerce = COMMERCE | {
        "plans": [{"name": "p", "quotas": quotas}],
        "limits": [
            {"name": "pace", "each": "key", "max": 1, "per": "minute", "models": ["sim"]},
            {"name": "long", "each": "key", "max": 1, "per": "day"},
        ],
        "budgets": [{"name": "b", "each": "key", "amount": "0.000001"}],
    }
    async with running(commerce=commerce, settings=IMPATIENT) as place:
        async with place.client("fg_wrong") as client:
            assert (await client.post(b"{")).status == 401
        assert (await place.post(b"{")).status == 400
        assert (await place.post({"model": "nobody"} | LIMITED | {"model": "x"})).status == 404
        # Nothing of limits and quotas is taken by what the budget refuses.
        assert [(await ask(place)).code for _ in range(3)] == ["call_too_large"] * 3
        raised = commerce | {"budgets": []}
        place.adopt(document_of(place, raised))
        assert [(await ask(place)).code for _ in range(3)] == ["credit_exhausted"] * 3
        place.ledger.grant("main", parse_amount("5"))
        await asyncio.sleep(_SEEN_S)
        assert (await ask(place)).status == 200
        reply = await ask(place)
        assert (reply.code, reply.json["subject"]) == ("rate_limited", "pace")
        place.adopt(document_of(place, raised | {"limits": commerce["limits"][1:]}))
        reply = await ask(place)
        assert (reply.code, reply.json["subject"]) == ("rate_limited", "long")


def document_of(place: Place, commerce: dict[str, Any]) -> Document:
    return msgspec.convert(plain(place.source.latest().document) | commerce, Document)
