"""One table gives each code its status, and no row contradicts the refusal rule."""

import ast
import functools
import re
from pathlib import Path

import pytest

import faregate
from faregate.core.refusals import (
    KINDS,
    PAYABLE_KINDS,
    REFERENCE_PATH,
    RETRY_SOON_S,
    Fix,
    Kind,
    refuse,
)

SOURCE = Path(faregate.__file__).parent
ROWS = (*KINDS.values(), *PAYABLE_KINDS.values())

OPERATOR_OR_PROVIDER = {500, 502, 503, 504}
# The caller's, though 5xx: HTTP gives them no other status (RFC 9110 §15.6.2, §15.6.6).
CALLER_5XX = {"method_unknown", "transfer_coding_unsupported", "http_version_unsupported"}

# What would fix it (ARCHITECTURE.md, "The refusal rule"), for all but the caller's own mistakes.
TIME = {
    "rate_limited", "tokens_limited", "concurrency_limited", "quota_exhausted",
    "budget_exhausted", "credit_held", "provider_rate_limited",
}  # fmt: skip
PAYMENT = {"credit_exhausted", "call_too_large"}
PERMISSION = {"authentication_method_not_allowed", "caller_not_mapped", "model_not_allowed"}
OPENAI_TYPES = {
    401: {"authentication_error"},
    402: {"insufficient_quota"},
    403: {"permission_error"},
    429: {"rate_limit_error", "insufficient_quota"},
}

every_kind = pytest.mark.parametrize("kind", ROWS, ids=lambda kind: f"{kind.code}-{kind.status}")


@every_kind
def test_a_code_is_a_name(kind: Kind):
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code)
    assert (KINDS if kind.status != 402 or kind.code in PAYMENT else PAYABLE_KINDS)[
        kind.code
    ] is kind


@every_kind
def test_side_follows_from_the_status(kind: Kind):
    if kind.status in OPERATOR_OR_PROVIDER:
        assert kind.side in {"operator", "provider"}
    elif kind.status == 429:
        assert kind.retryable
    else:
        assert kind.side == "caller"
        assert kind.status < 500 or kind.code in CALLER_5XX


def test_the_status_says_what_would_fix_it():
    def having(status: int) -> set[str]:
        return {kind.code for kind in KINDS.values() if kind.status == status}

    assert having(429) == TIME
    assert having(402) == PAYMENT
    assert having(403) == PERMISSION
    assert {kind.status for kind in PAYABLE_KINDS.values()} == {402}
    # More can be bought of what otherwise only time gives back.
    assert set(PAYABLE_KINDS) < TIME


@every_kind
def test_payment_and_permission_are_never_worth_a_retry(kind: Kind):
    if kind.status in {401, 402, 403, 404, 413}:
        assert not kind.retryable
    if kind.status == 402:
        assert kind.side == "caller"


@every_kind
def test_words_can_be_shown(kind: Kind):
    assert kind.title[0].isupper()
    assert not kind.title.endswith(".")
    assert kind.fix.endswith(".")
    assert len(kind.title) <= 60


@every_kind
def test_a_providers_trouble_is_never_the_callers_bill_or_name(kind: Kind):
    if kind.code.startswith(("provider_", "upstream_")):
        assert kind.status not in {401, 402, 403}
        assert kind.side != "caller"


def test_naming_oneself_is_401_and_nothing_else():
    assert {kind.code for kind in KINDS.values() if kind.status == 401} == {
        "key_missing", "key_unknown", "key_expired", "key_revoked", "credentials_missing",
        "credentials_disagree", "token_invalid", "token_expired", "signature_invalid",
        "signature_expired", "signature_replayed", "certificate_missing", "certificate_unknown",
    }  # fmt: skip


@every_kind
def test_openai_types_fit_the_status(kind: Kind):
    if kind.status in OPENAI_TYPES:
        assert kind.openai_type in OPENAI_TYPES[kind.status]
    elif kind.status in OPERATOR_OR_PROVIDER:
        assert kind.openai_type == "api_error"
    else:
        assert kind.openai_type == "invalid_request_error"


def test_a_refusal_takes_what_its_code_says():
    refusal = refuse("model_unknown", "There is no model 'x'.", scope="model", param="model")
    assert (refusal.code, refusal.status) == ("model_unknown", 404)
    assert refusal.type_uri == f"{REFERENCE_PATH}model_unknown"
    assert refusal.fixes == (Fix(KINDS["model_unknown"].fix),)


def test_a_fix_of_its_own_replaces_the_usual_one():
    fix = Fix("Use 'small'.", command="faregate models list")
    assert refuse("model_unknown", "No such model.", fixes=(fix,)).fixes == (fix,)


def test_what_can_be_bought_now_is_402_of_the_same_code():
    bought = refuse("quota_exhausted", "...", payable=True)
    waited = refuse("quota_exhausted", "...", retry_after_s=5)
    assert bought.code == waited.code
    assert (bought.status, waited.status) == (402, 429)
    assert (bought.should_retry, waited.should_retry) == (False, True)


@pytest.mark.parametrize(
    ("seconds", "worth_it"), [(None, True), (RETRY_SOON_S, True), (RETRY_SOON_S + 1, False)]
)
def test_a_long_wait_is_not_for_a_program(seconds: int | None, worth_it: bool):
    assert refuse("rate_limited", "...", retry_after_s=seconds).should_retry is worth_it


def test_an_operator_maps_the_status_and_never_the_code():
    refusal = refuse("credit_exhausted", "...")
    assert refusal.told_status(None) == 402
    assert refusal.told_status({"call_too_large": 429}) == 402
    assert refusal.told_status({"credit_exhausted": 429}) == 429
    assert (refusal.code, refusal.status) == ("credit_exhausted", 402)


def test_an_unknown_code_is_a_mistake_of_ours():
    with pytest.raises(KeyError):
        refuse("no_such_code", "...")


# -- one table, and no other ----------------------------------------------------------------------

# Packages whose statuses are others': a provider's words, the simulator's, the operations port's,
# the command line's, the management API's with its client. Renderers go by status; the
# configuration checks an operator's statuses.
OTHER_SPEAKERS = (
    "providers/", "simulator/", "supervisor/", "cli/", "dialects/", "configuration/", "monitor/",
    "control/", "client/",
)  # fmt: skip


@functools.cache
def _modules() -> list[tuple[str, ast.Module]]:
    return [
        (path.relative_to(SOURCE).as_posix(), ast.parse(path.read_text()))
        for path in sorted(SOURCE.rglob("*.py"))
    ]


def written_statuses(tree: ast.Module) -> set[int]:
    """Statuses of refusals that a module writes as numbers.

    400 and 500 are also where classes of statuses begin; the ends of slices are no statuses.
    """
    statuses = {kind.status for kind in ROWS} - {400, 500}
    slices = {
        id(number)
        for node in ast.walk(tree)
        if isinstance(node, ast.Slice)
        for number in ast.walk(node)
    }
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and type(node.value) is int
        and node.value in statuses
        and id(node) not in slices
    }


def test_no_other_module_knows_a_status():
    found = {
        (name, status)
        for name, tree in _modules()
        if name != "core/refusals.py" and not name.startswith(OTHER_SPEAKERS)
        for status in written_statuses(tree)
    }
    assert found == set()
    assert written_statuses(ast.parse("if x.status == 402: y = text[:404]")) == {402}


def test_every_code_that_is_used_is_in_the_table():
    used = {
        node.args[0].value
        for _, tree in _modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "refuse"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert len(used) > 15
    assert used <= set(KINDS)
