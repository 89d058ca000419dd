"""A specimen has what its rule asks for, in the place where it asks for it."""

import msgspec

from faregate.providers.rules import Clause, Rule, all_rules
from faregate.providers.specimens import specimen


def rule(*clauses: Clause, status: tuple = (402,), retry: str = "never") -> Rule:
    return Rule("x", status, clauses, "payment_required", "empty", retry, "account", "seen", "here")


def test_members_are_put_in_their_places():
    made = specimen(rule(Clause("error.details[].reason", "in", ["A", "B"]), Clause("n", "eq", 3)))
    document = msgspec.json.decode(made.body)
    assert document == {
        "error": {"details": [{"reason": "A"}], "message": "empty"},
        "n": 3,
    }


def test_a_bare_status_has_a_body_that_says_why():
    made = specimen(rule())
    assert (made.status, made.body) == (402, b'{"error":{"message":"empty"}}')


def test_any_status_becomes_the_usual_one():
    assert specimen(rule(status=("*",))).status == 402


def test_a_wait_is_named_where_the_rule_promises_one():
    assert specimen(rule(retry="retry_after")).headers == (("retry-after", "20"),)


def test_every_regex_has_an_example_that_it_matches():
    clauses = [clause for numbered in all_rules() for clause in numbered.rule.match]
    patterns = [clause for clause in clauses if clause.op == "regex"]
    assert patterns
    assert all(clause.example is not None for clause in patterns)
