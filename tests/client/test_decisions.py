"""Each refusal leads to what helps: never to a wait where only payment does."""

import datetime as dt
from decimal import Decimal

import msgspec
import pytest
from tests.dialects.specimen_refusals import CALL_ID, REFUSALS

from faregate.client import (
    Ask,
    Identify,
    Lower,
    Mend,
    Pay,
    Refusal,
    Wait,
    ways_out,
    what_to_do,
)
from faregate.core.refusals import KINDS, refuse
from faregate.dialects import problem

NOW = dt.datetime(2026, 11, 30, 23, 59, 0, tzinfo=dt.UTC)


def read(code: str, status: int | None = None) -> Refusal:
    """The specimen of a code as a caller reads it."""
    sent = next(one for one in REFUSALS if one.code == code and status in (None, one.status))
    seen = Refusal.from_response(sent.status, {}, problem.render(sent, CALL_ID)[1])
    assert seen is not None
    return seen


def test_too_large_a_call_may_be_made_smaller_or_paid_for() -> None:
    lower, pay = ways_out(read("call_too_large"), now=NOW)
    assert lower == Lower("max_tokens", 3_400)
    assert isinstance(pay, Pay)
    assert (pay.wallet, pay.url) == ("shop", "https://credit.example.com/top-up")


def test_an_empty_wallet_is_filled() -> None:
    [pay] = ways_out(read("credit_exhausted"), now=NOW)
    assert pay == Pay(Decimal("0.0123"), "shop", "https://credit.example.com/top-up")


def test_without_a_change_the_amount_follows_from_the_numbers() -> None:
    bare = msgspec.structs.replace(read("credit_exhausted"), fixes=())
    assert what_to_do(bare) == Pay(Decimal("0.0123"), "shop", None)
    nothing = msgspec.structs.replace(bare, needed=None, scope="quota")
    assert what_to_do(nothing) == Pay()


def test_held_credit_comes_back() -> None:
    assert ways_out(read("credit_held"), now=NOW) == (Wait(1.0),)


def test_a_budget_is_its_owners() -> None:
    never = ways_out(read("budget_exhausted", 402), now=NOW)
    assert [type(one) for one in never] == [Ask]
    assert isinstance(never[0], Ask)
    assert never[0].who == "owner"
    renews = read("budget_exhausted", 429)
    assert Wait(float(renews.retry_after_s or 0)) in ways_out(renews, now=NOW)


def test_a_quota_may_be_bought_or_waited_for() -> None:
    ways = ways_out(read("quota_exhausted", 402), now=NOW)
    assert isinstance(ways[0], Pay)
    assert ways[-1] == Wait(60.0)


def test_a_status_that_an_operator_mapped_changes_nothing() -> None:
    mapped = msgspec.structs.replace(read("credit_exhausted"), status=429)
    assert isinstance(what_to_do(mapped), Pay)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("key_missing", Identify),
        ("key_revoked", Identify),
        ("model_not_allowed", Ask),
        ("request_invalid", Mend),
        ("model_unknown", Mend),
        ("rate_limited", Wait),
        ("provider_overloaded", Wait),
        ("provider_unpaid", Ask),
        ("provider_key_invalid", Ask),
        ("price_unknown", Ask),
    ],
)
def test_kinds(code: str, kind: type) -> None:
    body = problem.render(refuse(code, "It is so.", param="model"), CALL_ID)[1]
    seen = Refusal.from_response(400, {}, body)
    assert seen is not None
    assert isinstance(what_to_do(seen), kind)


def test_a_key_store_that_is_away_is_waited_for() -> None:
    body = problem.render(refuse("key_store_unavailable", "Away."), CALL_ID)[1]
    seen = Refusal.from_response(503, {}, body)
    assert seen is not None
    assert what_to_do(seen) == Wait(1.0)


def test_there_always_is_a_way_and_only_true_ones() -> None:
    for sent in REFUSALS:
        seen = Refusal.from_response(sent.status, {}, problem.render(sent, CALL_ID)[1])
        assert seen is not None
        ways = ways_out(seen, now=NOW)
        assert ways
        assert len(set(ways)) == len(ways)
        if sent.status == 402 and sent.code != "quota_exhausted":
            assert not any(isinstance(way, Wait) for way in ways), sent
        if KINDS[sent.code].retryable and sent.status != 402:
            assert any(isinstance(way, Wait) for way in ways), sent
