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


def assert_one_mistake(text: str, place: str, message: str, fix: str) -> None:
    """That `text`, after the base, has this mistake and no other."""
    with pytest.raises(ConfigurationError) as caught:
        load(BASE + text, environment={})
    found = [f"{error.message} | {error.fix}" for error in (caught.value, *caught.value.others)]
    assert len(found) == 1, found
    assert caught.value.message.startswith(f"{place}: "), found
    assert message in caught.value.message, found
    assert fix in (caught.value.fix or ""), found
    assert caught.value.fix, found
