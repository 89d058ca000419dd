"""What is said of a short purse is true: which, by how much, whether time or money helps."""

import pytest

from faregate.core.refusals import Refusal
from faregate.dialects.openai_chat import Peek
from faregate.identity.keys import KeyRecord
from faregate.ledger.purses import Need, PurseSpec, Standing, Unit, wallet_spec
from faregate.ledger.slices import NOTHING, Slice
from faregate.policies import shortage
from faregate.policies.terms import Terms

NOW_NS = 1_700_000_000 * 10**9
HOUR_NS = 3_600 * 10**9
DOLLAR = 10**9


def need(amount: int, unit: Unit = Unit.NANO) -> Need:
    whole = [0, 1, 0, 0, 0]
    whole[unit] = amount
    return tuple(whole)  # type: ignore[return-value]


def a_slice(spec: PurseSpec, standing: Standing, free: int = 0) -> Slice:
    one = Slice(spec)
    one.draw(free, standing, 1.0)
    return one


def of_wallet(available: int, back: int = 0) -> Slice:
    whole = available + back
    return a_slice(wallet_spec("main"), Standing(whole, 0, back, available, back))


def of_budget(
    cap: int, spent: int, back: int = 0, *, ends: bool = False, rolling: bool = False,
    frees: tuple[tuple[int, int], ...] = (),
) -> Slice:  # fmt: skip
    spec = PurseSpec(
        "budget:b", "budget", "b", "ann", Unit.NANO, cap, NOW_NS if ends else None,
        NOW_NS + HOUR_NS if ends else None, HOUR_NS if rolling else None,
    )  # fmt: skip
    left = max(cap - spent - back, 0)
    return a_slice(spec, Standing(cap, spent, back, left, back, frees))


def of_quota(cap: int, spent: int, back: int = 0, carried: int = 0, kind: str = "quota") -> Slice:
    is_quota = kind == "quota"
    spec = PurseSpec(
        f"{kind}:q", "quota" if is_quota else "limit", "q", "ann", Unit.TOKENS, cap,
        NOW_NS if is_quota else None, NOW_NS + HOUR_NS if is_quota else None,
        None if is_quota else HOUR_NS,
    )  # fmt: skip
    whole = cap + carried
    return a_slice(spec, Standing(whole, spent, back, max(whole - spent - back, 0), back))


def told(
    short: Slice, wanted: Need, affordable: int = 0, mine: Need = NOTHING, url: str | None = None
) -> Refusal:
    terms = Terms(KeyRecord("id", "key", "fg_", b"h", None, 0, None, None))
    terms.top_up_url = "https://pay.test"
    if url is not None:
        terms.upgrade_urls = {"q": url}
    return shortage.refusal(short, wanted, terms, affordable, NOW_NS, mine)


def changes(refusal: Refusal) -> list[tuple[str, object]]:
    found = [fix.change for fix in refusal.fixes if fix.change is not None]
    return [(one.kind, one.amount or one.value or one.seconds) for one in found]


def status(refusal: Refusal) -> int:
    return refusal.told_status(None)


def test_an_empty_wallet_is_402_and_says_how_much_is_missing() -> None:
    refusal = told(of_wallet(2 * DOLLAR), need(5 * DOLLAR))
    assert (status(refusal), refusal.code, refusal.retry_after_s) == (402, "credit_exhausted", None)
    assert (refusal.needed_nano, refusal.available_nano, refusal.held_nano) == (
        5 * DOLLAR,
        2 * DOLLAR,
        0,
    )
    assert changes(refusal) == [("top_up", "3.00")]
    assert refusal.fixes[0].url == "https://pay.test"


def test_where_less_would_fit_the_call_is_too_large() -> None:
    refusal = told(of_wallet(2 * DOLLAR), need(5 * DOLLAR), affordable=120)
    assert (status(refusal), refusal.code) == (402, "call_too_large")
    assert refusal.affordable_output_tokens == 120
    assert changes(refusal) == [("set", 120), ("top_up", "3.00")]


def test_credit_that_is_only_held_is_429_and_never_402() -> None:
    refusal = told(of_wallet(2 * DOLLAR, back=3 * DOLLAR), need(5 * DOLLAR), affordable=120)
    assert (status(refusal), refusal.code, refusal.retry_after_s) == (429, "credit_held", 1)
    assert refusal.held_nano == 3 * DOLLAR


def test_what_the_call_itself_holds_does_not_come_back_for_it() -> None:
    short = of_wallet(0, back=5 * DOLLAR)
    assert told(short, need(2 * DOLLAR), mine=need(3 * DOLLAR)).code == "credit_held"
    assert told(short, need(2 * DOLLAR), mine=need(4 * DOLLAR)).code == "credit_exhausted"


@pytest.mark.parametrize(
    ("short", "expected_status", "code"),
    [
        (of_budget(5 * DOLLAR, 4 * DOLLAR), 402, "budget_exhausted"),  # for ever
        (of_budget(5 * DOLLAR, 4 * DOLLAR, ends=True), 429, "budget_exhausted"),
        (of_budget(5 * DOLLAR, 4 * DOLLAR, rolling=True), 429, "budget_exhausted"),
        (of_budget(1 * DOLLAR, 0, ends=True), 402, "call_too_large"),
        (of_budget(5 * DOLLAR, 2 * DOLLAR, 2 * DOLLAR, ends=True), 429, "credit_held"),
    ],
)
def test_a_budget_that_renews_is_429(short: Slice, expected_status: int, code: str) -> None:
    refusal = told(short, need(3 * DOLLAR))
    assert (status(refusal), refusal.code, refusal.scope) == (expected_status, code, "budget")
    assert (refusal.retry_after_s is None) is (expected_status == 402)


def test_a_budget_is_to_be_raised_by_what_is_missing() -> None:
    refusal = told(of_budget(5 * DOLLAR, 4 * DOLLAR), need(3 * DOLLAR))
    assert changes(refusal) == [("raise", "7.00")]
    lowered = told(of_budget(2 * DOLLAR, 4 * DOLLAR), need(3 * DOLLAR))
    assert changes(lowered) == [("raise", "7.00")]  # what was used is used


def test_a_period_ends_when_it_ends_and_a_window_frees_what_leaves_it() -> None:
    calendar = told(of_budget(5 * DOLLAR, 4 * DOLLAR, ends=True), need(3 * DOLLAR))
    assert (calendar.retry_after_s, calendar.resets_ns) == (3_600, NOW_NS + HOUR_NS)
    frees = ((NOW_NS + 10**9, DOLLAR), (NOW_NS + 5 * 10**9 + 1, DOLLAR), (NOW_NS + HOUR_NS, DOLLAR))
    rolling = of_budget(5 * DOLLAR, 4 * DOLLAR, rolling=True, frees=frees)
    assert told(rolling, need(2 * DOLLAR)).retry_after_s == 1
    assert told(rolling, need(3 * DOLLAR)).retry_after_s == 6  # never too early
    assert told(rolling, need(4 * DOLLAR)).retry_after_s == 3_600


def test_a_window_whose_cap_was_lowered_frees_its_debt_first() -> None:
    frees = ((NOW_NS + 10**9, 2 * DOLLAR), (NOW_NS + 9 * 10**9, 2 * DOLLAR))
    lowered = of_budget(2 * DOLLAR, 4 * DOLLAR, rolling=True, frees=frees)
    assert told(lowered, need(2 * DOLLAR)).retry_after_s == 9


@pytest.mark.parametrize(
    ("short", "wanted", "expected_status", "code"),
    [
        (of_quota(100, 80), 30, 429, "quota_exhausted"),
        (of_quota(100, 50, back=30), 40, 429, "quota_exhausted"),
        (of_quota(100, 0), 130, 413, "request_exceeds_limit"),
        (of_quota(100, 120, carried=50), 130, 413, "request_exceeds_limit"),  # nor next month
        (of_quota(100, 0, back=140, carried=50), 130, 429, "quota_exhausted"),
        (of_quota(100, 80, kind="limit"), 30, 429, "tokens_limited"),
    ],
)
def test_volumes_renew_and_what_never_fits_is_said(
    short: Slice, wanted: int, expected_status: int, code: str
) -> None:
    refusal = told(short, need(wanted, Unit.TOKENS))
    assert (status(refusal), refusal.code) == (expected_status, code)
    assert (refusal.retry_after_s is None) is (expected_status == 413)


def test_volume_that_is_held_may_come_back_at_once() -> None:
    refusal = told(of_quota(100, 50, back=30), need(40, Unit.TOKENS))
    assert refusal.retry_after_s == 1
    assert told(of_quota(100, 80), need(40, Unit.TOKENS)).retry_after_s == 3_600


def test_volume_that_can_be_bought_is_402_unless_it_is_only_held() -> None:
    wanted = need(40, Unit.TOKENS)
    bought = told(of_quota(100, 80), wanted, url="https://shop.test")
    assert (status(bought), bought.retry_after_s) == (402, None)
    assert bought.fixes[0].url == "https://shop.test"
    assert status(told(of_quota(100, 50, back=30), wanted, url="https://shop.test")) == 429


def test_a_lower_limit_is_a_way_out_of_a_volume_of_tokens() -> None:
    refusal = told(of_quota(100, 80), need(30, Unit.TOKENS), affordable=7)
    assert ("set", 7) in changes(refusal)
    beyond = told(of_quota(100, 0), need(130, Unit.TOKENS), affordable=60)
    assert beyond.affordable_output_tokens == 60


def test_calls_are_rate_limited() -> None:
    spec = PurseSpec("limit:l", "limit", "l", "ann", Unit.REQUESTS, 1, rolling_ns=HOUR_NS)
    refusal = told(a_slice(spec, Standing(1, 1, 0, 0, 0)), need(1, Unit.REQUESTS))
    assert (refusal.code, refusal.limit, refusal.used) == ("rate_limited", 1, 1)


def test_a_price_that_nobody_has_said_is_the_operators_affair() -> None:
    refusal = shortage.price_unknown(Peek("m" * 500))
    assert (refusal.code, refusal.kind.side) == ("price_unknown", "operator")
    assert len(refusal.detail) < 200
    assert shortage.price_unknown(None).code == "price_unknown"


@pytest.mark.parametrize(("each", "field"), [("customer", True), ("run", False)])
def test_who_must_be_named_is_said_with_how(each: str, field: bool) -> None:
    refusal = shortage.subject_missing(each)
    assert (refusal.status, refusal.param) == (400, f"faregate-{each}")
    assert ("'user'" in refusal.fixes[0].text) is field
