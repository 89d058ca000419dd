"""What is idle and held by nobody is forgotten, in turns; all else stays."""

from faregate.tally.idle import LOOKED_AT, forget_idle


class Counter:
    """What may be idle."""

    def __init__(self, *, idle: bool) -> None:
        self.idle = idle


def _is_idle(counter: Counter) -> bool:
    return counter.idle


def test_only_what_is_idle_and_not_held_goes():
    held = Counter(idle=True)
    counters = {"busy": Counter(idle=False), "idle": Counter(idle=True), "held": held}
    forget_idle(counters, _is_idle)
    assert list(counters) == ["busy", "held"]
    assert counters["held"] is held
    del held
    forget_idle(counters, _is_idle)
    assert list(counters) == ["busy"]


def test_all_are_looked_at_in_turns():
    counters = {number: Counter(idle=number >= LOOKED_AT) for number in range(LOOKED_AT + 5)}
    forget_idle(counters, _is_idle)
    assert len(counters) == LOOKED_AT + 5
    forget_idle(counters, _is_idle)
    assert sorted(counters) == list(range(LOOKED_AT))
