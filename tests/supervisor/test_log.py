"""An event is one line that both a person and `cut` can read."""

import datetime as dt

from faregate.supervisor.log import EventLog, line

NOON = dt.datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=dt.UTC)


def test_a_line_has_time_level_event_and_fields() -> None:
    text = line("info", "gate.started", {"worker": 0, "pid": 4711}, NOON)
    assert text == "2026-01-31T12:00:00.123Z info gate.started worker=0 pid=4711"


def test_a_field_of_none_is_left_out_and_an_empty_one_is_shown() -> None:
    assert line("info", "e", {"a": None, "b": ""}, NOON).endswith(' info e b=""')


def test_no_value_can_begin_a_line_of_its_own() -> None:
    text = line("error", "e", {"reason": 'two\nlines "quoted" x=y'}, NOON)
    assert len(text.splitlines()) == 1
    assert text.endswith(r'reason="two\nlines \"quoted\" x=y"')


def test_events_below_the_level_are_left_out(capfd) -> None:
    log = EventLog("warning")
    log("info", "quiet")
    log("error", "loud", pid=1)
    shown = capfd.readouterr().err
    assert "quiet" not in shown
    assert "error loud pid=1" in shown
