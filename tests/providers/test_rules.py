"""Every rule is read, is found by the answer it describes, and is tried in its order."""

import pytest

from faregate.providers.refusals import classify, may_refuse
from faregate.providers.rules import (
    ANY_VENDOR,
    Clause,
    Weight,
    all_rules,
    header_value,
    openai_copies,
    rules_of,
    served_marks,
)
from faregate.providers.specimens import specimen
from faregate.providers.vendors import VENDORS

RULES = all_rules()


def name_of(numbered):
    rule = numbered.rule
    return f"{numbered.index}-{rule.provider}-{rule.meaning}"


def test_all_rules_are_there():
    assert len(RULES) >= 250
    assert [numbered.index for numbered in RULES] == list(range(len(RULES)))


@pytest.mark.parametrize("numbered", RULES, ids=name_of)
def test_every_rule_is_found_by_what_it_describes(numbered):
    rule = numbered.rule
    made = specimen(rule)
    found = classify(rule.provider, made.status, made.headers, made.body)
    assert found.meaning == rule.meaning
    assert found.retry == rule.retry
    assert found.scope == rule.scope


@pytest.mark.parametrize("numbered", RULES, ids=name_of)
def test_every_rule_is_reached(numbered):
    rule = numbered.rule
    made = specimen(rule)
    statuses = [made.status] if "*" not in rule.status else [200, 400, 401, 402, 403, 429, 503]
    found = [classify(rule.provider, s, made.headers, made.body).rule for s in statuses]
    assert numbered.index in found


@pytest.mark.parametrize("numbered", RULES, ids=name_of)
def test_every_rule_says_where_it_is_from(numbered):
    assert numbered.rule.source or numbered.rule.evidence != "documented"


def test_rules_that_hold_at_any_status_hold_in_a_stream():
    for numbered in RULES:
        if "*" in numbered.rule.status:
            made = specimen(numbered.rule)
            found = classify(numbered.rule.provider, 200, (), made.body)
            assert found.meaning == numbered.rule.meaning, numbered


def test_own_rules_come_before_those_of_anyone_and_sure_before_unsure():
    for vendor in {numbered.rule.provider for numbered in RULES} - {ANY_VENDOR}:
        rules = rules_of(vendor)
        own = [numbered.rule.provider == vendor for numbered in rules]
        assert own == sorted(own, reverse=True)
        weights = [n.rule.weight() for n in rules if n.rule.provider == vendor]
        assert weights == sorted(weights)


def test_unknown_vendors_have_the_rules_of_anyone():
    assert rules_of("nobody") == rules_of(ANY_VENDOR)
    assert all(numbered.rule.provider == ANY_VENDOR for numbered in rules_of("nobody"))


@pytest.mark.parametrize(
    ("clause", "weight"),
    [
        (Clause("error.code", "eq", "x"), Weight.CODE),
        (Clause("error.type", "in", ["x"]), Weight.TYPE),
        (Clause("error.message", "startswith", "x"), Weight.TEXT),
        (Clause("header:retry-after", "exists", True), Weight.TEXT),
    ],
)
def test_weights(clause, weight):
    assert clause.weight() == weight


@pytest.mark.parametrize(
    ("clause", "document", "matches"),
    [
        (Clause("error.code", "eq", "1113"), {"error": {"code": 1113}}, True),
        (Clause("error.code", "eq", 1113), {"error": {"code": "1113"}}, True),
        (Clause("error.code", "eq", 1), {"error": {"code": True}}, False),
        (Clause("a[].b[].c", "eq", "x"), {"a": [{}, {"b": [{"c": "x"}]}]}, True),
        (Clause("a[].b", "eq", "x"), {"a": {"b": "x"}}, False),
        (Clause("a|b", "contains", "z"), {"b": "xyz"}, True),
        (Clause("a", "contains", "z"), {"a": 1}, False),
        (Clause("a.b", "eq", "x"), {"a": "x"}, False),
        (Clause("a", "regex", "^x"), {"a": "yx"}, False),
        (Clause("a", "exists", False), {}, True),
    ],
)
def test_clauses(clause, document, matches):
    assert clause.matches(document, ()) is matches


def test_headers_are_found_in_any_form():
    assert header_value({"Retry-After": "1"}, "retry-after") == "1"
    assert header_value([(b"RETRY-AFTER", b"2")], "retry-after") == "2"
    assert header_value([("retry-after", "3"), ("retry-after", "4")], "retry-after") == "3"
    assert header_value((), "retry-after") is None


@pytest.mark.parametrize("vendor", sorted(openai_copies()))
def test_who_copies_openai_copies_its_codes(vendor):
    body = b'{"error": {"code": "insufficient_quota", "message": "You exceeded your quota"}}'
    assert classify(vendor, 429, {}, body).meaning == "payment_required"
    assert classify(vendor, 429, {}, b"{}").meaning == "rate_limited"


def test_every_vendor_with_rules_has_its_row():
    assert {numbered.rule.provider for numbered in RULES} - {ANY_VENDOR} <= set(VENDORS)


def test_copies_are_those_without_rules_of_their_own():
    assert {"openai_compatible", "ollama", "vllm", "llama_cpp", "nebius"} <= openai_copies()
    assert not openai_copies() & {numbered.rule.provider for numbered in RULES}
    assert not openai_copies() & {"vertex", "zai", "voyage"}


def test_who_speaks_as_another_is_read_by_its_rules():
    body = b'{"error": {"code": "1113", "message": "x"}}'
    assert classify("zai", 429, {}, body) == classify("zhipu", 429, {}, body)
    assert classify("zai", 429, {}, body).meaning == "payment_required"
    likes = {row.name: row.refusals_like for row in VENDORS.values() if row.refusals_like}
    assert all(rules_of(name) == rules_of(like) for name, like in likes.items())


@pytest.mark.parametrize("vendor", [*VENDORS, "nobody"])
def test_a_served_refusal_shows_one_of_its_marks(vendor):
    served = [one.rule for one in rules_of(vendor) if "*" in one.rule.status]
    bodies = [specimen(rule).body for rule in served]
    marks = served_marks(vendor)
    assert all(not marks or any(mark in body for mark in marks) for body in bodies)
    assert not may_refuse(vendor, b'{"id":"1","choices":[],"candidates":[],"content":[]}')
