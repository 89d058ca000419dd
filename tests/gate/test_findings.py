"""Findings say what every phase decided, and are encoded as they are said."""

import time
from typing import Any

import msgspec
import pytest

from faregate.calllog.frames import Decided, decode_frame, encode_frame
from faregate.core.findings import Finding
from faregate.core.refusals import KINDS, Refusal, refuse
from faregate.gate.findings import (
    counter_findings,
    encoded_findings,
    findings_of,
    phase_of,
    purse_finding,
)
from faregate.gate.phase import Phase
from faregate.gate.phases import PhasedStep, Plan
from faregate.ledger.purses import PurseSpec, Standing, Unit
from faregate.ledger.slices import Slice
from faregate.limits.counters import LimitSpec, LimitUnit
from faregate.tally.memory import MemoryTally

EVERY = Plan("/v1/chat/completions", [PhasedStep(phase, lambda _: None) for phase in Phase])
SHORT = Plan("/v1/models", [PhasedStep(Phase.IDENTIFY, lambda _: None)])


def decoded(plan: Plan, refusal: Refusal | None) -> tuple[Finding, ...]:
    """The findings as a reader of the journal has them."""
    findings: Any = encoded_findings(plan, refusal)
    frame = decode_frame(encode_frame(Decided("call_1", findings)))
    assert isinstance(frame, Decided)
    return frame.findings


@pytest.mark.parametrize("code", KINDS)
@pytest.mark.parametrize("plan", [EVERY, SHORT])
def test_every_code_has_its_phase_and_one_refusal(code: str, plan: Plan):
    refusal = refuse(code, f"why {code}")
    findings = findings_of(plan, refusal)
    assert decoded(plan, refusal) == findings
    verdicts = [finding.verdict for finding in findings]
    at = verdicts.index("refused")
    assert verdicts.count("refused") == 1
    assert set(verdicts[:at]) <= {"passed"}
    assert set(verdicts[at + 1 :]) <= {"not_reached"}
    assert findings[at].phase == phase_of(refusal).name
    assert ("code", code) in findings[at].numbers


@pytest.mark.parametrize("code", ["credit_exhausted", "rate_limited", "upstream_timeout"])
def test_a_call_that_was_sent_is_refused_no_earlier_than_that(code: str):
    refusal = refuse(code, "why", repeats=True)
    for started in (True, False, True):
        findings = findings_of(EVERY, refusal, started)
        encoded: Any = encoded_findings(EVERY, refusal, started)
        frame = decode_frame(encode_frame(Decided("call_1", encoded)))
        assert isinstance(frame, Decided)
        assert frame.findings == findings
        [at] = [one.phase for one in findings if one.verdict == "refused"]
        before = phase_of(refusal)
        assert at == ("RELAY" if started and before < Phase.SEND else before.name)
        if at == "RELAY":
            assert [one.phase for one in findings[:-1]] == [phase.name for phase in Phase]


def test_a_call_that_passed_has_passed_everywhere():
    findings = findings_of(EVERY, None)
    assert [finding.phase for finding in findings] == [phase.name for phase in Phase]
    assert {finding.verdict for finding in findings} == {"passed"}
    assert decoded(EVERY, None) == findings


def test_numbers_are_written_out():
    refusal = refuse(
        "budget_exhausted", "spent", payable=True, scope="budget", subject="monthly",
        needed_nano=1_500_000_000, available_nano=0, held_nano=5, limit=10**9, used=10**9,
        retry_after_s=7, resets_ns=1_700_000_000_000_000_000, affordable_output_tokens=12,
    )  # fmt: skip
    [finding] = [one for one in findings_of(EVERY, refusal) if one.verdict == "refused"]
    assert (finding.phase, finding.policy) == ("RESERVE", "monthly")
    assert dict(finding.numbers) == {
        "code": "budget_exhausted", "needed": "1.50", "available": "0.00", "held": "0.000000005",
        "limit": "1.00", "used": "1.00", "retry_after_s": "7",
        "resets_at": "2023-11-14T22:13:20Z", "affordable_max_tokens": "12",
    }  # fmt: skip


def test_a_budgets_demand_for_a_name_is_of_its_phase():
    refusal = refuse("request_invalid", "name the run", scope="budget", param="faregate-run")
    assert phase_of(refusal) is Phase.RESERVE
    assert phase_of(refuse("request_invalid", "no JSON")) is Phase.VALIDATE
    for one in (refusal, refuse("request_invalid", "no JSON")):
        assert decoded(EVERY, one) == findings_of(EVERY, one)


def test_one_refusal_after_the_other_is_told_by_its_own_words():
    first, second = refuse("model_unknown", "one"), refuse("model_unknown", "two")
    for refusal in (first, second, first, first):
        [finding] = [one for one in decoded(EVERY, refusal) if one.verdict == "refused"]
        assert finding.detail == refusal.detail


def test_refusals_that_repeat_are_told_apart_however_many_there_are():
    kept = [refuse("model_unknown", f"number {number}", repeats=True) for number in range(700)]
    for refusal in (*kept, *kept[:100], *kept[-100:]):
        assert decoded(EVERY, refusal) == findings_of(EVERY, refusal)
    for number in range(2_000):  # those that nobody holds any longer leave no words behind
        made = refuse("model_unknown", f"another {number}", repeats=True)
        assert decoded(EVERY, made) == findings_of(EVERY, made)


def test_a_refusals_findings_cost_microseconds():
    refusal = refuse("credit_exhausted", "x" * 150, scope="wallet", needed_nano=10**9,
                     available_nano=2 * 10**8, held_nano=0)  # fmt: skip
    begun = time.process_time()
    for _ in range(2_000):
        encoded_findings(EVERY, msgspec.structs.replace(refusal))
    assert time.process_time() - begun < 2_000 * 30e-6  # about 3 on an idle machine


def test_counters_are_told_one_by_one():
    tally = MemoryTally(lambda: 0.0)
    rate = tally.counter(LimitSpec("a", "a", "k", LimitUnit.REQUESTS, 2, 60.0))
    tokens = tally.counter(LimitSpec("b", "b", "k", LimitUnit.TOKENS, 50, 60.0))
    at_once = tally.counter(LimitSpec("c", "c", "k", LimitUnit.CONCURRENT, 1, 0.0))
    rate.take(2, 0.0)
    at_once.take(1, 0.0)
    findings = counter_findings((rate, tokens, at_once), (0, 1, 10, 20, 30, 1), 1.0)
    assert [finding.verdict for finding in findings] == ["refused", "passed", "refused"]
    assert dict(findings[0].numbers)["left"] == "0"
    assert float(dict(findings[0].numbers)["wait_s"]) > 50
    assert dict(findings[1].numbers) == {"counts_for": "30", "left": "50", "limit": "50"}
    assert "wait_s" not in dict(findings[2].numbers)


def test_purses_are_told_in_their_units():
    wallet = Slice(PurseSpec("wallet:w", "wallet", "w", "w", Unit.NANO, None))
    standing = Standing(10**9, 0, 10**8, 9 * 10**8, 10**8)
    finding = purse_finding(wallet, standing, (2 * 10**9, 1, 0, 0, 0), 10**8)
    assert (finding.phase, finding.verdict) == ("RESERVE", "refused")
    assert dict(finding.numbers) == {"needed": "2.00", "available": "1.00", "held": "0.00"}
    long = Slice(PurseSpec("limit:l:k", "limit", "l", "k", Unit.TOKENS, 500, rolling_ns=1))
    finding = purse_finding(long, Standing(500, 100, 0, 400, 0), (0, 1, 10, 20, 30), 0)
    assert (finding.phase, finding.verdict) == ("LIMIT", "passed")
    assert dict(finding.numbers) == {
        "needed": "30", "available": "400", "held": "0", "cap": "500",
    }  # fmt: skip


def test_a_reason_is_the_operators():
    refusal = refuse("token_invalid", "It is not taken.", reason="Its aud is 'x'.")
    findings = findings_of(EVERY, refusal)
    assert decoded(EVERY, refusal) == findings
    [told, reason] = [one for one in findings if one.verdict == "refused"]
    assert (told.detail, told.operator_only) == ("It is not taken.", False)
    assert (reason.detail, reason.operator_only) == ("Its aud is 'x'.", True)
