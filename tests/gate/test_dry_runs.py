"""Dry run equals real run: a diagnosis says what the call then gets, and how it would pass.

Thousands of situations, each in a gate of its own with the ledger and the counters in memory.
`make test` tries 400 of each theme, 2,000 in all; `make soak` ten times as many.
"""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, Phase, given, seed, settings
from tests.gate.dry_world import Provider, World
from tests.gate.running import Reply, upstream
from tests.gate.situations import THEMES, Situation, situations

EXAMPLES = 2_000 // len(THEMES)
# A seed may leave one of ALWAYS out: so often situations of another are added.
MORE_MAX = 3
# What no situation of these may lead to, and what those of each theme must have led to.
NEVER = {"internal_error", "ledger_unavailable", "limits_unavailable", "upstream_unreachable"}
ALWAYS = {
    "any": {"pass", "request_invalid", "credit_exhausted", "call_too_large"},
    "caller": {
        "pass", "key_missing", "key_unknown", "key_expired", "key_revoked", "model_unknown",
        "model_not_allowed", "request_invalid", "route_unknown", "method_not_allowed",
    },
    "provider": {
        "pass", "price_unknown", "operation_unsupported", "unsupported_parameter",
        "provider_key_invalid", "no_healthy_upstream",
    },
    "limits": {
        "pass", "rate_limited", "tokens_limited", "concurrency_limited", "request_exceeds_limit",
        "quota_exhausted",
    },
    "credit": {"pass", "credit_exhausted", "call_too_large", "credit_held"},
}  # fmt: skip
LIMITS = ("max_tokens", "max_completion_tokens")
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
        before, stood = world.state(), world.bound()
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
        if told["would"] == "pass" and told["output_limit_set"] is not None:
            sent = json.loads(provider.last)
            limits = [sent[name] for name in LIMITS if name in sent]
            assert limits == [told["output_limit_set"]], (told, sent)
        seen[told.get("code") or "pass"] += 1
        if told["would"] == "pass":
            return
        assert changed(stood, world.bound()) == [], "a refused call has taken something"
        after = world.state()
        again = await world.call()
        assert members_of(again)["code"] == told["code"]
        # What is drawn to judge it is drawn by the first, and free for all.
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


def run(theme: str, number: int) -> Counter[str]:
    """Try situations of a theme, those of the seed `number`; what they led to."""
    seen: Counter[str] = Counter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        provider = runner.run(_make_provider())
        serving = upstream(provider)
        base_url = runner.run(serving.__aenter__())

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @given(situations(theme))
        def one(situation: Situation) -> None:
            runner.run(asyncio.wait_for(check(situation, base_url, provider, seen), 30))

        seed(number)(one)()
        runner.run(serving.__aexit__(None, None, None))
    return seen


async def _make_provider() -> Provider:
    return Provider()


def judge(theme: str, number: int) -> None:
    seen = run(theme, number)
    for more in range(1, MORE_MAX + 1):
        if ALWAYS[theme] <= set(seen):
            break
        seen += run(theme, number + 1_000 * more)
    print("\n" + "\n".join(f"{count:7} {code}" for code, count in seen.most_common()))
    assert NEVER & set(seen) == set()
    assert ALWAYS[theme] - set(seen) == set()


@pytest.mark.parametrize("theme", THEMES)
def test_a_dry_run_is_what_the_call_gets(theme: str) -> None:
    judge(theme, 0)


@pytest.mark.soak
@pytest.mark.parametrize("number", range(1, 11))
@pytest.mark.parametrize("theme", THEMES)
def test_and_in_many_more_situations(theme: str, number: int) -> None:
    judge(theme, number)
