"""An address names one user, however it is written."""

import pytest

from faregate.core.errors import ConfigurationError
from faregate.identity.addresses import checked_email, email_key


@pytest.mark.parametrize(
    "text", ["ann@example.com", "admin@localhost", "a+b@x.y", "jürg@bücher.de"]
)
def test_addresses(text: str) -> None:
    assert checked_email(f" {text} ") == text


@pytest.mark.parametrize(
    "text",
    ["", "ann", "@x", "ann@", "a b@x", "a@b@c", "<a@b>", "a@b,c@d", "a\n@b", "x" * 65 + "@b",
     "a@" + "b" * 300, "a\u200b@b", 'a"@b'],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not an e-mail address"):
        checked_email(text)


def test_case_tells_no_two_apart() -> None:
    assert email_key("Ann@Example.COM ") == email_key("ann@example.com")
    assert email_key("ann@example.com") != email_key("anne@example.com")
