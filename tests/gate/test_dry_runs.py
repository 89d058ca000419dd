"""Dry run equals real run: a diagnosis says what the call then gets, and how it would pass.

Thousands of situations, each in a gate of its own with the ledger and the counters in memory.
`make test` tries 2,000, `make soak` ten times as many.
"""

import asyncio
from collections import Counter
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, Phase, given, seed, settings
from tests.gate.dry_world import Provider, World
from tests.gate.running import Reply, upstream
from tests.gate.situations import Situation, situations

EXAMPLES = 2_000
# What no situation of these may lead to, and what all of them together must have led to.
NEVER = {"internal_error", "ledger_unavailable", "limits_unavailable", "upstream_unreachable"}
ALWAYS = {
    "pass", "key_missing", "key_unknown", "key_expired", "key_revoked", "model_unknown",
    "model_not_allowed", "request_invalid", "route_unknown", "method_not_allowed",
    "rate_limited", "tokens_limited", "concurrency_limited", "request_exceeds_limit",
    "price_unknown", "credit_exhausted", "call_too_large", "credit_held",
    "quota_exhausted", "operation_unsupported", "unsupported_parameter", "provider_key_invalid",
    "no_healthy_upstream",
}  # fmt: skip
# Facts of a refusal that must be the same, word for word.
SAME = (
    "status", "code", "detail", "side", "scope", "subject", "param", "limit", "used", "needed",
    "available", "held", "resets_at", "retry_after_s", "affordable_max_tokens", "fixes",
)  # fmt: skip


def members_of(reply: Reply) -> Any:
    """What Faregate says of a refusal, in whatever dialect."""
    if reply["content-type"] == "application/problem+json":
        return reply.json
    return reply.json["error"]["details"]


def compare(told: Any, reply: Reply) -> None:
    """The diagnosis is what the call got."""
    if told["would"] == "pass":
        assert reply.status == 200, (told, reply.body)
        return
    got = members_of(reply)
    assert (told["code"], told["status"]) == (got["code"], reply.status)
    expected = told["refusal"]
    different = {
        name: (expected.get(name), got.get(name))
        for name in SAME
        if expected.get(name) != got.get(name)
    }
    assert different == {}


def changed(before: list[str], after: list[str]) -> list[tuple[str, str]]:
    """What is different between two states."""
    return [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]


async def check(
    situation: Situation, base_url: str, provider: Provider, seen: Counter[str]
) -> None:
    """One situation: diagnose, call, change what is proposed, call again."""
    async with World(situation, base_url, provider).open() as world:
        before = world.state()
        diagnosis = await world.diagnose()
        assert changed(before, world.state()) == [], "a dry run has changed something"
        if diagnosis.status != 200:
            # Who can't be identified gets the refusal of the call itself.
            reply = await world.call()
            code = members_of(reply)["code"]
            assert diagnosis.code == code, (diagnosis.body, reply.body)
            seen[str(code)] += 1
            return
        told = diagnosis.json
        reply = await world.call()
        compare(told, reply)
        seen[told.get("code") or "pass"] += 1
        if told["would"] == "pass":
            return
        after = world.state()
        again = await world.call()
        assert members_of(again)["code"] == told["code"]
        assert changed(after, world.state()) == [], "a refused call has changed something"
        if told["passes_with_changes"]:
            seen["passed with changes"] += 1
            for change in told["changes"]:
                seen["change: " + change["kind"]] += 1
            await world.change(told["changes"])
            passed = await world.call()
            assert passed.status == 200, (told, passed.body)
        else:
            seen["no way out"] += 1
            seen["no way out: " + told["code"]] += 1


def run(examples: int, number: int | None = None) -> Counter[str]:
    """Try so many situations, those of a `number`; what they led to."""
    seen: Counter[str] = Counter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        provider = runner.run(_make_provider())
        serving = upstream(provider)
        base_url = runner.run(serving.__aenter__())

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @given(situations())
        def one(situation: Situation) -> None:
            runner.run(asyncio.wait_for(check(situation, base_url, provider, seen), 30))

        test = one if number is None else seed(number)(one)
        test()
        runner.run(serving.__aexit__(None, None, None))
    return seen


async def _make_provider() -> Provider:
    return Provider()


def judge(seen: Counter[str]) -> None:
    print("\n" + "\n".join(f"{count:7} {code}" for code, count in seen.most_common()))
    assert NEVER & set(seen) == set()
    assert ALWAYS - set(seen) == set()


def test_a_dry_run_is_what_the_call_gets() -> None:
    judge(run(EXAMPLES))


@pytest.mark.soak
@pytest.mark.parametrize("number", range(10))
def test_and_in_many_more_situations(number: int) -> None:
    judge(run(EXAMPLES, number))
