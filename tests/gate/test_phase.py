"""Phases have the order of ARCHITECTURE.md."""

from faregate.gate.phase import Phase


def test_the_order_is_that_of_a_calls_life() -> None:
    names = "ROUTE IDENTIFY VALIDATE AUTHORIZE LIMIT RESERVE CHOOSE SEND"
    assert " ".join(phase.name for phase in sorted(Phase)) == names
