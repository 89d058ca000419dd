"""One table gives each code its status, and no row contradicts the refusal rule."""

import re

import pytest

from faregate.core.refusals import KINDS, REFERENCE_PATH, Fix, Kind, refuse

OPERATOR_OR_PROVIDER = {500, 502, 503, 504}
# The caller's, though 5xx: HTTP gives them no other status (RFC 9110 §15.6.2, §15.6.6).
CALLER_5XX = {"method_unknown", "transfer_coding_unsupported", "http_version_unsupported"}

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.code)


@every_kind
def test_a_code_is_a_name(kind: Kind):
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code)
    assert KINDS[kind.code] is kind


@every_kind
def test_side_follows_from_the_status(kind: Kind):
    if kind.status in OPERATOR_OR_PROVIDER:
        assert kind.side in {"operator", "provider"}
    elif kind.status == 429:
        assert kind.retryable
    else:
        assert kind.side == "caller"
        assert kind.status < 500 or kind.code in CALLER_5XX


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
        code for code in KINDS if code.startswith("key_") and code != "key_store_unavailable"
    }


@every_kind
def test_openai_types_fit_the_status(kind: Kind):
    expected = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    if kind.status in expected:
        assert kind.openai_type == expected[kind.status]
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


def test_an_unknown_code_is_a_mistake_of_ours():
    with pytest.raises(KeyError):
        refuse("no_such_code", "...")
