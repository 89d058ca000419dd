"""A login ends when it isn't used, and at last in any case."""

import pytest

from faregate.identity.sessions import SessionRules

HOUR = 3_600 * 1_000_000_000
RULES = SessionRules.of_hours(8, 72)


@pytest.mark.parametrize(
    ("used", "now", "ended"),
    [(0, 7.99, False), (0, 8, True), (70, 71.9, False), (70, 72, True), (7, 14.9, False)],
)
def test_ends(used: float, now: float, ended: bool) -> None:
    assert RULES.has_ended(0, int(used * HOUR), int(now * HOUR)) is ended


def test_uses_are_written_once_a_minute() -> None:
    assert not RULES.is_worth_writing(0, HOUR // 61)
    assert RULES.is_worth_writing(0, HOUR // 60)
    assert SessionRules(1_000, 2_000).is_worth_writing(0, 50)
