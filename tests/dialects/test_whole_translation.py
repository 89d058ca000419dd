"""What a reply's writer must know is a value."""

from faregate.dialects.whole_translation import AskedWhole


def test_a_call_is_told_as_it_was_asked() -> None:
    asked = AskedWhole(request="r", call_id="c", now_s=1)
    assert (asked.request, asked.call_id, asked.now_s) == ("r", "c", 1)
