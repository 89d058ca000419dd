"""A pin is a part of the document: it is written, loaded and checked like any other."""

import msgspec
import pytest

from faregate.configuration.pins import Pin


def test_it_has_the_shape_of_a_section() -> None:
    written = {"model": "m", "of": "openai/gpt-5", "retires_on": "2026-12-11"}
    pin = msgspec.convert(written, Pin)
    assert (pin.of, pin.retires_on, pin.prices) == ("openai/gpt-5", "2026-12-11", ())


@pytest.mark.parametrize("day", ["soon", "2026-13-01", "2026-12-11T00:00"])
def test_a_day_is_a_day(day: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"model": "m", "of": "v/m", "retires_on": day}, Pin)
