"""Documents with one planted mistake, and what is said of it."""

import pytest

from faregate.configuration.load import load
from faregate.core.errors import ConfigurationError

BASE = """\
providers:
  - {name: p, base_url: 'http://h/v1'}
models:
  - {name: gpt, provider: p, aliases: [fast]}
"""


ENVIRONMENT = {
    "A_KEY": "sk-hidden-a",
    "B_KEY": "sk-hidden-b",
    "LINES": "sk-hidden\r\nx: y",
    "SPACED": " sk-hidden ",
    "EMPTY": "",
}


def assert_one_mistake(text: str, place: str, message: str, fix: str, base: str = BASE) -> None:
    """That `text`, after the base, has this mistake and no other, and no secret is told."""
    with pytest.raises(ConfigurationError) as caught:
        load(base + text, environment=ENVIRONMENT)
    found = [f"{error.message} | {error.fix}" for error in (caught.value, *caught.value.others)]
    assert len(found) == 1, found
    assert "hidden" not in found[0], found
    assert caught.value.message.startswith(f"{place}: "), found
    assert message in caught.value.message, found
    assert fix in (caught.value.fix or ""), found
    assert caught.value.fix, found
