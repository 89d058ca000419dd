"""What a translation leaves out is told by name."""

from faregate.dialects.translation import Lost, Written


def test_nothing_is_lost_unless_it_is_said():
    assert Written(b"{}").lost == ()
    assert Written(b"{}", (Lost("seed", "It has none."),)).lost[0].name == "seed"
