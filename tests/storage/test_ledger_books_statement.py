"""Whatever it is grouped by and cut into, a statement is what the account says."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.postgresql import postgresql_server as postgresql_server
from tests.postgresql import postgresql_url as postgresql_url
from tests.storage.charged_ledgers import (
    DATABASES,
    DAY_S,
    ChargedLedger,
    open_charged,
    open_charged_sqlite,
)

from faregate.core.errors import FaregateError
from faregate.core.money import NANO
from faregate.ledger.statement import GROUPINGS, Grouping, Line, Statement

_SECOND_NS = 1_000_000_000


@pytest.fixture(params=DATABASES)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ChargedLedger]:
    yield from open_charged(request, tmp_path)


def all_pages(ledger: ChargedLedger, by: Grouping, count: int, **span: int) -> list[Statement]:
    pages = [ledger.books.statement("shop", by=by, count=count, **span)]
    while pages[-1].next_page is not None:
        page = pages[-1].next_page
        pages.append(ledger.books.statement("shop", by=by, count=count, page=page, **span))
    return pages


def lines_of(pages: list[Statement]) -> list[Line]:
    return [line for page in pages for line in page.lines]


def test_entries_tell_all_that_moved(ledger: ChargedLedger):
    ledger.books.grant("shop", 5 * NANO, "paid", "ada", "invoice 7")
    ledger.clock.advance(1)
    called = ledger.call(NANO, key_name="till")
    ledger.clock.advance(1)
    ledger.books.adjust("shop", -NANO, "bob", "twice")
    made = ledger.books.statement("shop")
    assert [(line.movement, line.amount_nano, line.balance_nano) for line in made.lines] == [
        ("grant", 5 * NANO, 5 * NANO),
        ("charge", -NANO, 4 * NANO),
        ("adjustment", -NANO, 3 * NANO),
    ]
    assert (made.opening_nano, made.closing_nano) == (0, 3 * NANO)
    assert [line.call_id for line in made.lines] == ["", called, ""]
    assert [(line.author, line.reason) for line in made.lines][::2] == [
        ("ada", "invoice 7"),
        ("bob", "twice"),
    ]


def test_a_time_begins_and_ends_with_its_balances(ledger: ChargedLedger):
    ledger.books.grant("shop", 5 * NANO, "paid", "ada")
    ledger.clock.advance(DAY_S)
    since_ns = ledger.clock.wall_ns()
    ledger.call(NANO)
    ledger.clock.advance(DAY_S)
    until_ns = ledger.clock.wall_ns()
    ledger.call(2 * NANO)
    made = ledger.books.statement("shop", since_ns, until_ns)
    assert (made.opening_nano, made.closing_nano) == (5 * NANO, 4 * NANO)
    assert [line.charged_nano for line in made.lines] == [-NANO]
    after = ledger.books.statement("shop", until_ns + 1)
    assert (after.opening_nano, after.closing_nano, after.lines) == (2 * NANO, 2 * NANO, ())


def test_groups_are_by_what_the_calls_were(ledger: ChargedLedger):
    ledger.books.grant("shop", 50 * NANO, "paid", "ada")
    facts = {"application": "web", "customer": "c1"}
    ledger.call(NANO, key_name="till", model_served="small", **facts)
    ledger.call(2 * NANO, key_name="till", model_served="large", application="web")
    ledger.call(4 * NANO, key_name="desk", model_served="large", customer="c1")
    expected = {
        "key": {"": 0, "till": 3, "desk": 4},
        "model": {"": 0, "small": 1, "large": 6},
        "application": {"": 4, "web": 3},
        "customer": {"": 2, "c1": 5},
    }
    for by in ("key", "model", "application", "customer"):
        lines = ledger.books.statement("shop", by=by).lines
        assert {line.name: -line.charged_nano // NANO for line in lines} == expected[by]
        assert sum(line.calls for line in lines) == 3
        assert all(line.balance_nano is None for line in lines)


def test_days_and_hours_have_names(ledger: ChargedLedger):
    ledger.books.grant("shop", NANO, "paid", "ada")
    assert ledger.books.statement("shop", by="day").lines[0].name == "2023-11-14"
    assert ledger.books.statement("shop", by="hour").lines[0].name == "2023-11-14T22:00Z"


@pytest.mark.parametrize("page", ["", "x", "1", "1.2.3.4", "-1.2", "9" * 40, "1.²"])
def test_a_page_that_is_none_is_refused(ledger: ChargedLedger, page: str):
    with pytest.raises(FaregateError, match="is not a page"):
        ledger.books.statement("shop", page=page)
    with pytest.raises(FaregateError, match="is not a page"):
        ledger.books.statement("shop", by="key", page=page)


def test_pages_stay_of_one_statement(ledger: ChargedLedger):
    for _ in range(3):
        ledger.books.grant("shop", NANO, "paid", "ada")
    first = ledger.books.statement("shop", count=2)
    ledger.clock.advance(1)
    ledger.books.grant("shop", NANO, "paid", "ada")
    assert first.next_page is not None
    second = ledger.books.statement("shop", page=first.next_page, count=2)
    assert [line.balance_nano for line in second.lines] == [3 * NANO]
    assert (second.closing_nano, second.next_page) == (3 * NANO, None)


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["grant", "present", "call", "call", "adjust", "refund", "expire"]),
        st.integers(1, 5),
        st.integers(0, 2 * DAY_S),
        st.sampled_from(["a", "b"]),
    ),
    min_size=1,
    max_size=14,
)


def _step(ledger: ChargedLedger, kind: str, dollars: int, key: str) -> None:
    """Do the same to the books and to the plain ledger in memory."""
    now_ns, books, memory = ledger.clock.wall_ns(), ledger.books, ledger.memory
    amount = dollars * NANO
    if kind == "grant":
        books.grant("shop", amount, "paid", "ada")
        memory.grant("shop", amount)
    elif kind == "present":
        expires_ns = now_ns + DAY_S * _SECOND_NS
        books.grant("shop", amount, "promotional", "ada", "", expires_ns)
        memory.grant("shop", amount, promotional=True, expires_ns=expires_ns)
    elif kind == "call":
        ledger.called.append(ledger.call(amount // 3, key_name=key))
    elif kind == "expire":
        ledger.posting.expire(now_ns)
        memory.posting().expire(now_ns)
    elif kind == "adjust":
        try:
            books.adjust("shop", -amount, "ada", "why")
        except FaregateError:
            assert books.wallet("shop").available_nano < amount
        else:
            memory.books.expire("shop", now_ns)
            memory.adjust("shop", -amount)
    elif ledger.called:
        try:
            memory.grant("shop", books.refund_call(ledger.called[-1], None, "ada").amount_nano)
        except FaregateError:
            ledger.refused += 1


def _check_all(ledger: ChargedLedger) -> None:
    balance = ledger.books.wallet("shop").balance_nano
    plain = ledger.books.statement("shop")
    assert plain.closing_nano == balance == ledger.memory.balance("shop") >= 0
    for by in GROUPINGS:
        whole = lines_of(all_pages(ledger, by, 1_000))
        pages = all_pages(ledger, by, 2)
        assert lines_of(pages) == whole
        assert {(one.opening_nano, one.closing_nano) for one in pages} == {(0, balance)}
        assert sum(line.amount_nano for line in whole) == balance
        if by in ("entry", "hour", "day") and whole:
            assert whole[-1].balance_nano == balance
    by_key: defaultdict[str, int] = defaultdict(int)
    for line in ledger.books.statement("shop", by="call").lines:
        by_key["all"] += line.calls
    assert by_key["all"] == sum(line.calls for line in plain.lines)
    assert ledger.books.verify().discrepancies == ()


@given(steps=_STEPS)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_grouping_adds_up_to_the_account(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int, str]]
):
    opened = open_charged_sqlite(tmp_path_factory.mktemp("ledger"))
    for kind, dollars, seconds, key in steps:
        _step(opened, kind, dollars, key)
        opened.clock.advance(seconds)
    _check_all(opened)
    opened.close()


def test_every_grouping_adds_up_in_each_database(ledger: ChargedLedger):
    kinds = ["grant", "present", "call", "refund", "adjust", "call", "expire", "call", "refund"]
    for number, kind in enumerate(kinds * 2):
        _step(ledger, kind, 1 + number % 5, "ab"[number % 2])
        ledger.clock.advance(DAY_S / 3)
    _check_all(ledger)
