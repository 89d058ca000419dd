"""Lines add up, and carry the balance after each."""

from faregate.ledger.statement import Line, with_balances


def test_a_line_is_the_sum_of_its_parts():
    line = Line("d", 0, 100, charged_nano=-30, refunded_nano=5, adjusted_nano=-2, expired_nano=-1)
    assert line.amount_nano == 72


def test_balances_follow_the_lines():
    lines = [Line("a", 1, granted_nano=10), Line("b", 2, charged_nano=-4), Line("c", 3)]
    assert [line.balance_nano for line in with_balances(lines, 5)] == [15, 11, 11]
    assert with_balances([], 5) == ()
