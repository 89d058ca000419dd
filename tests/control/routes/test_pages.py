"""Where links lead there is a page, with a policy of its own."""

from urllib.parse import urlsplit

import pytest
from tests.control.managed import Api

from faregate.control.device_page import DEVICE
from faregate.control.link_pages import INVITATION, PASSWORD_RESET
from faregate.control.pages import HtmlPage
from faregate.control.routes.invitations import PAGE


@pytest.mark.parametrize(
    ("path", "page"),
    [
        (f"/{PAGE}", INVITATION),
        ("/reset-password", PASSWORD_RESET),
        ("/device?code=BCDF-GHJK", DEVICE),
    ],
)
def test_it_is_served_with_a_policy_of_its_own(api: Api, path: str, page: HtmlPage) -> None:
    response = api.as_(None).ask("GET", path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"] == page.policy
    assert response.headers["cache-control"] == "no-store"
    assert response.text == page.html


def test_an_invitations_link_leads_to_its_page(api: Api) -> None:
    made = api.good("POST", "/v1/invitations", {"email": "eve@example.com", "role": "auditor"})
    path = urlsplit(made["link"]["url"]).path
    assert api.as_(None).ask("GET", path).text == INVITATION.html
