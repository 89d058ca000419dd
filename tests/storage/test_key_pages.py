"""Pages of keys follow each other, whatever is asked for, and are quick out of very many."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.storage.keys_of_teams import make_database

from faregate.core.clock import ManualClock
from faregate.core.errors import FaregateError
from faregate.storage.database import Database
from faregate.storage.key_pages import KeyQuery, of_teams, read_page
from faregate.storage.keys import Keys

NOW_NS = ManualClock().wall_ns()
COUNT = 200_000
# Keys of so many teams, four to an application; few are revoked or expired.
_FILL = sa.text("""
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :count)
INSERT INTO keys (key_id, name, prefix, hash, created_ns, expires_ns, revoked_ns, changed, source,
  application, team)
SELECT printf('key_%016x', n), printf('team-%04d/key-%06d', n % :teams, n), 'fg_abcdef',
  randomblob(32), :now - 1000000 + n,
  CASE WHEN n % 10 = 0 THEN CASE WHEN n % 100 = 0 THEN :now - 1 ELSE :now + 1000 END END,
  CASE WHEN n % 97 = 0 THEN :now END, 1, 'command',
  printf('team-%04d/app-%d', n % :teams, n / :teams / 4), printf('team-%04d', n % :teams)
FROM numbers
""")


def _filled(folder: Path, count: int, teams: int) -> Database:
    database = make_database(folder)
    with database.writing() as connection:
        # Made again afterwards: filling them row by row takes ten times as long.
        indexes = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND name LIKE 'ix_keys%'"
        ).all()
        for name, _ in indexes:
            connection.exec_driver_sql(f"DROP INDEX {name}")
        connection.execute(_FILL, {"count": count, "teams": teams, "now": NOW_NS})
        for _, statement in indexes:
            connection.exec_driver_sql(statement)
    return database


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keys]:
    database = _filled(tmp_path, 300, 3)
    yield Keys(database, ManualClock())
    database.close()


FILTERS: list[dict[str, Any]] = [
    {},
    {"team": "team-0001"},
    {"team": ""},
    {"teams": frozenset({"team-0001"})},
    {"teams": frozenset({"team-0001", "team-0002"})},
    {"teams": frozenset()},
    {"teams": frozenset({"team-0001"}), "team": "team-0002"},
    {"application": "team-0001/app-3"},
    {"state": "active"},
    {"state": "revoked"},
    {"state": "expired", "team": "team-0000"},
    {"name": "team-0002/key-0001"},
    {"name": "key-0001", "team": "team-0002"},
    {"name": "key-0001", "teams": frozenset({"team-0002"})},
    {"name": "key-0001"},
]


def _meets(entry: Any, chosen: dict[str, Any]) -> bool:
    record, name = entry.record, chosen.get("name", "")
    teams = chosen.get("teams")
    only = chosen.get("team") or (next(iter(teams)) if teams and len(teams) == 1 else "")
    return (
        (teams is None or record.team in teams)
        and ("team" not in chosen or (record.team or "") == chosen["team"])
        and chosen.get("application", record.application) == record.application
        and chosen.get("state", record.state(NOW_NS)) == record.state(NOW_NS)
        and record.name.startswith((name, f"{only}/{name}" if only else name))
    )


@pytest.mark.parametrize("chosen", FILTERS)
@pytest.mark.parametrize("sort", ["created", "name"])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_are_the_whole_list_in_order(
    keys: Keys, chosen: dict[str, Any], sort: Any, descending: bool
) -> None:
    expected = [entry for entry in keys.list() if _meets(entry, chosen)]
    by_name = sort == "name"
    expected.sort(
        key=lambda one: (one.record.name if by_name else "", one.record.created_ns),
        reverse=descending,
    )
    found, after = [], None
    while True:
        page = keys.page(**chosen, sort=sort, descending=descending, limit=17, after=after)
        found += page.entries
        after = page.next
        if after is None:
            break
        assert len(page.entries) == 17
    assert found == expected


@pytest.mark.parametrize("text", ["", "x", "e30", "WyJuYW1lIiwxLCJhIl0", "Wy", "😀", "a" * 10_000])
def test_what_is_no_place_is_refused(keys: Keys, text: str) -> None:
    with pytest.raises(FaregateError, match="no place in this list"):
        keys.page(after=text)


def test_a_place_of_another_order_is_refused(keys: Keys) -> None:
    place = keys.page(sort="name").next
    assert place is not None
    with pytest.raises(FaregateError, match="no place in this list"):
        keys.page(sort="created", after=place)


def test_the_tenant_is_a_condition_of_the_statement() -> None:
    assert of_teams(None) == []
    assert "keys.team" in str(of_teams(frozenset({"a"}))[0])
    assert "keys.team" in str(of_teams(frozenset({"a", "b"}))[0])


def test_pages_out_of_two_hundred_thousand_keys_are_quick(tmp_path: Path) -> None:
    database = _filled(tmp_path, COUNT, 1_000)
    slowest = 0.0
    for chosen in (
        {}, {"team": "team-0501"}, {"application": "team-0501/app-3"}, {"state": "revoked"},
        {"state": "expired"}, {"name": "team-0501/key"}, {"team": "team-0501", "state": "active"},
    ):  # fmt: skip
        for sort in ("created", "name"):
            query = KeyQuery(**chosen, sort=sort, now_ns=NOW_NS)  # type: ignore[arg-type]
            times = []
            for _ in range(3):
                with database.reading() as connection:
                    began = time.perf_counter()
                    page = read_page(connection, query, 50)
                    times.append(time.perf_counter() - began)
            assert page.entries
            slowest = max(slowest, min(times))
    print(f"a page of 50 out of {COUNT:,} keys takes at most {slowest * 1_000:.1f} ms")
    assert slowest < 0.1
    database.close()
