"""Calls are written whole, and what is behind them keeps its order."""

from faregate.dialects.neutral.parts import ToolCall
from faregate.dialects.neutral.reply import ToolDelta, ToolOpened
from faregate.dialects.whole_calls import WholeCalls


def test_pieces_of_two_calls_are_kept_apart() -> None:
    calls = WholeCalls()
    calls.open(ToolOpened(0, 1, "a", "f", "sig", "gemini"))
    calls.open(ToolOpened(0, 2, "b", "g"))
    for part, text in ((1, '{"x"'), (2, "{}"), (1, ":1}")):
        calls.add(ToolDelta(0, part, text))
    assert calls.waits(0)
    assert not calls.holds(0, 0, b"before")
    assert calls.holds(0, 3, b"behind")
    assert calls.close(0, 2) == []
    first = ToolCall("a", "f", '{"x":1}', "sig", "gemini")
    assert calls.close(0, 1) == [first, ToolCall("b", "g", "{}"), b"behind"]
    assert not calls.waits(0)


def test_the_end_of_an_answer_closes_its_calls_alone() -> None:
    calls = WholeCalls()
    calls.open(ToolOpened(0, 0, "a", "f"))
    calls.open(ToolOpened(1, 0, "b", "g"))
    assert calls.finish(0) == [ToolCall("a", "f", "")]
    assert calls.finish(0) == []
    assert calls.waits(1)


def test_what_never_opened_is_nothing() -> None:
    calls = WholeCalls()
    calls.add(ToolDelta(0, 0, "{}"))
    assert calls.close(0, 0) == []
    assert not calls.holds(0, 0, b"x")
