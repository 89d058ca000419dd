"""Programs are told a call by names, and money exactly."""

import json

import msgspec
from tests.calllog.calls import charge, closed, decided, settled, started

from faregate.calllog.facts import call_facts, charge_facts
from faregate.calllog.frames import CallRecord, Charge, Frame
from faregate.calllog.records import WorkerCalls, attach_decision


def _record(*frames: Frame) -> CallRecord:
    changes = WorkerCalls("0-1-1").add(frames)
    return [*changes.opened, *changes.closed][0]


def test_every_value_has_its_name():
    facts = call_facts(_record(started(1, customer="c1"), settled(1, charge=charge(4_000))))
    assert (facts["key_name"], facts["customer"], facts["status"]) == ("billing", "c1", 200)
    assert facts["usage"] == {"input_tokens": 10, "output_tokens": 20}
    assert facts["attempts"][0]["upstream"] == "https://acme.test/v1"
    assert facts["attempts"][0]["result"] == "ok"
    assert json.loads(msgspec.json.encode(facts)) == facts


def test_amounts_are_decimal_strings():
    purses = ("wallet:acme", "budget:b:key:2026-11", "quota:p/q:shop:2026-11", "limit:l:key")
    moved = Charge("acme", purses, (7, 1_500_000_000, 30, 1), 7, None, 2, "estimated")
    assert charge_facts(moved) == {
        "amount": "0.000000007",
        "cost": None,
        "shortfall": "0.000000002",
        "currency": "USD",
        "basis": "estimated",
        "wallet": "acme",
        "purses": [
            {"purse": "wallet:acme", "used": "0.000000007"},
            {"purse": "budget:b:key:2026-11", "used": "1.50"},
            {"purse": "quota:p/q:shop:2026-11", "used": 30},
            {"purse": "limit:l:key", "used": 1},
        ],
    }


def test_a_call_that_nobody_pays_has_no_wallet():
    facts = charge_facts(Charge("", (), (), 0, 12, 0, "stated"))
    assert (facts["wallet"], facts["amount"], facts["cost"]) == (None, "0.00", "0.000000012")


def test_a_decision_is_a_list():
    record = _record(closed(1))
    attach_decision(record, decided(1))
    assert call_facts(record)["decision"] == [
        {
            "phase": "IDENTIFY",
            "policy": "keys",
            "verdict": "passed",
            "detail": "the key is known",
            "numbers": {},
            "operator_only": False,
        },
        {
            "phase": "RESERVE",
            "policy": "credit",
            "verdict": "refused",
            "detail": "too little",
            "numbers": {"needed": "0.0123"},
            "operator_only": True,
        },
    ]


def test_what_is_not_known_is_left_out():
    facts = call_facts(_record(started(1)))
    assert not {"usage", "charge", "decision", "attempts", "status", "run"} & set(facts)
