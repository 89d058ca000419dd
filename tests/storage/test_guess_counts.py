"""A try is counted before it is judged, and taken back when it was right."""

from pathlib import Path

import pytest
from tests.storage.directories import People

from faregate.core.errors import WaitError
from faregate.storage import directory_tables as tables
from faregate.storage import guess_counts
from faregate.storage.guess_counts import Try

S = 1_000_000_000
T = 1_700_000_000 * S


@pytest.fixture
def people(tmp_path: Path) -> People:
    return People(tmp_path)


def begin(people: People, attempt: Try, now_ns: int = T) -> None:
    """Count a try."""
    with people.database.writing() as connection:
        attempt.begin(connection, now_ns)


def test_counted_under_a_hash(people: People) -> None:
    begin(people, Try("Ann@example.com", "192.0.2.1"))
    rows = people.rows(tables.guesses)
    assert sorted((row.kind, row.failures) for row in rows) == [("account", 1), ("address", 1)]
    assert guess_counts.account_subject("ann@EXAMPLE.com") in [row.subject for row in rows]
    assert b"nn@example" not in people.content()


def test_too_early_counts_nothing(people: People) -> None:
    attempt = Try("ann@example.com", None)
    for _ in range(3):
        begin(people, attempt)
    with pytest.raises(WaitError) as caught:
        begin(people, attempt)
    assert caught.value.wait_s == 1
    begin(people, attempt, T + S)
    assert people.rows(tables.guesses)[0].failures == 4


def test_taken_back(people: People) -> None:
    attempt = Try("ann@example.com", "192.0.2.1")
    begin(people, attempt)
    begin(people, attempt)
    with people.database.writing() as connection:
        attempt.succeed(connection, whole=False)
    assert {row.failures for row in people.rows(tables.guesses)} == {1}
    with people.database.writing() as connection:
        attempt.succeed(connection)
    assert [(row.kind, row.failures) for row in people.rows(tables.guesses)] == [("address", 0)]


def test_locked_and_forgiven(people: People) -> None:
    attempt = Try("ann@example.com", None)
    for number in range(10):
        begin(people, attempt, T + number * 64 * S)
    with people.database.writing() as connection:
        now_ns = T + 9 * 64 * S
        failure = attempt.fail(connection, now_ns)
        assert (failure.locked, failure.wait_s) == (["account"], 900)
        assert failure.told() == "failure 10; the next try may be made in 900 s"
        until = guess_counts.locked_until_ns(connection, "ann@example.com", now_ns)
        assert until == now_ns + 900 * S
        assert guess_counts.forgive(connection, "ann@example.com")
        assert guess_counts.locked_until_ns(connection, "ann@example.com", now_ns) is None
        assert not guess_counts.forgive(connection, "ann@example.com")


def test_what_means_nothing_any_more_is_dropped(people: People) -> None:
    begin(people, Try("ann@example.com", "192.0.2.1"))
    with people.database.writing() as connection:
        guess_counts.prune(connection, T + 3_600 * S)
        assert len(connection.execute(tables.guesses.select()).all()) == 2
        guess_counts.prune(connection, T + 3_601 * S)
        assert connection.execute(tables.guesses.select()).all() == []
