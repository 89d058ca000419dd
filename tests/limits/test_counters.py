"""What a limit counts has the numbers that purses have."""

from faregate.limits.counters import ASK, NEVER, TAKEN, LimitUnit


def test_units_and_answers_are_told_apart():
    assert [unit.name for unit in LimitUnit][-1] == "CONCURRENT"
    assert ASK < TAKEN < NEVER
