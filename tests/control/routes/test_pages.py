"""Where links lead there is a page, with a policy of its own."""

from urllib.parse import urlsplit

import pytest
from tests.control.managed import Api

from faregate.control.link_pages import INVITATION, PASSWORD_RESET
from faregate.control.routes.invitations import PAGE


@pytest.mark.parametrize(
    ("path", "page"), [(f"/{PAGE}", INVITATION), ("/reset-password", PASSWORD_RESET)]
)
def test_it_is_served_with_a_policy_of_its_own(api: Api, path: str, page: object) -> None:
    response = api.as_(None).ask("GET", path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert (response.text, policy) == page
    assert "default-src 'none'" in policy


def test_an_invitations_link_leads_to_its_page(api: Api) -> None:
    made = api.good("POST", "/v1/invitations", {"email": "eve@example.com", "role": "auditor"})
    path = urlsplit(made["link"]["url"]).path
    assert api.as_(None).ask("GET", path).text == INVITATION.html
