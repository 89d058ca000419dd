"""The token of a link is handed over by the page itself."""

import pytest

from faregate.control.link_pages import INVITATION, PASSWORD_RESET
from faregate.control.pages import HtmlPage


@pytest.mark.parametrize("page", [INVITATION, PASSWORD_RESET], ids=["invitation", "password"])
def test_the_token_leaves_the_address(page: HtmlPage) -> None:
    assert "location.hash" in page.script
    assert "history.replaceState(null, '', location.pathname)" in page.script
    assert "{ token" in page.script
