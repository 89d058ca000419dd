"""What a call costs is held before it is sent, and charged once by what it used."""

import asyncio
from typing import Any

import pytest
from tests.gate.running import HELLO, STREAM, Place, running

from faregate.calllog.frames import Charge
from faregate.configuration.settings import CreditSettings, Settings
from faregate.core.money import parse_amount

COMMERCE: dict[str, Any] = {
    "applications": [{"name": "app", "wallet": "main"}],
    "wallets": [{"name": "main"}],
    "prices": [
        {"model": "sim", "input": "2.50", "output": "10"},
        {"model": "renamed", "input": "2.50", "output": "10"},
    ],
}
IMPATIENT = Settings(credit=CreditSettings(wait_s=0.2))
LIMITED = HELLO | {"max_tokens": 20}


def balance(place: Place) -> int:
    return place.ledger.balance("main")


def only_charge(place: Place) -> Charge:
    charge = place.only_call().settled.charge
    assert charge is not None
    return charge


@pytest.mark.parametrize("body", [LIMITED, HELLO, STREAM, STREAM | {"max_tokens": 20}])
async def test_a_call_is_charged_by_its_usage(body: dict[str, Any]) -> None:
    async with running(commerce=COMMERCE) as place:
        place.ledger.grant("main", parse_amount("5"))
        assert (await place.post(body)).status == 200
        call = place.only_call()
        usage, charge = call.settled.usage, only_charge(place)
        assert usage is not None
        expected = usage.input_tokens * 2_500 + usage.output_tokens * 10_000
        assert (charge.charge_nano, charge.cost_nano) == (expected, expected)
        assert charge.purses == ("wallet:main",)
        assert charge.used == (expected,)
        assert (charge.wallet, charge.basis, charge.shortfall_nano) == ("main", "stated", 0)
        [one] = place.gate.broker._slices.values()
        assert one.held == 0
        assert one.settled == expected


async def test_an_empty_wallet_is_refused_with_402_and_nothing_happens() -> None:
    async with running(commerce=COMMERCE) as place:
        reply = await place.post(LIMITED)
        assert (reply.status, reply.code) == (402, "credit_exhausted")
        assert place.sim.requests == []


async def test_a_call_too_large_says_what_would_fit_and_that_fits() -> None:
    async with running(commerce=COMMERCE, settings=IMPATIENT) as place:
        place.ledger.grant("main", parse_amount("0.001"))
        reply = await place.post(HELLO | {"max_tokens": 1_000})
        assert (reply.status, reply.code) == (402, "call_too_large")
        fits = reply.json["affordable_max_tokens"]
        assert fits > 0
        assert (await place.post(HELLO | {"max_tokens": fits + 1})).status == 402
        assert (await place.post(HELLO | {"max_tokens": fits})).status == 200


async def test_credit_that_is_only_held_is_waited_for() -> None:
    async with running(commerce=COMMERCE) as place:
        # Enough for the bound of one such call, and for the charges of many.
        place.ledger.grant("main", parse_amount("0.0012"))
        replies = await asyncio.gather(
            *(place.post(LIMITED, x_simulate="latency_ms=20") for _ in range(4))
        )
        assert [reply.status for reply in replies] == [200] * 4


async def test_credit_that_stays_held_is_429() -> None:
    async with running(commerce=COMMERCE, settings=IMPATIENT) as place:
        place.ledger.grant("main", parse_amount("0.0008"))
        slow = asyncio.create_task(place.post(LIMITED, x_simulate="latency_ms=900"))
        await asyncio.sleep(0.1)
        reply = await place.post(LIMITED)
        assert (reply.status, reply.code) == (429, "credit_held")
        assert reply["retry-after"] == "1"
        assert (await slow).status == 200


async def test_a_stream_ends_cleanly_where_credit_ends() -> None:
    async with running(commerce=COMMERCE, settings=IMPATIENT) as place:
        place.ledger.grant("main", parse_amount("0.006"))
        async with place.client() as client:
            reply = await client.post(STREAM, x_simulate="tokens=4000")
        assert reply.status == 200
        text = reply.body.decode()
        assert '"finish_reason":"length"' in text
        assert "credit_exhausted" in text
        assert text.endswith("data: [DONE]\n\n")
        charge = only_charge(place)
        assert 0 < charge.charge_nano <= parse_amount("0.006")
        assert charge.basis == "estimated"
