"""Cookies that scripts can't read, of this host alone where there is TLS."""

import msgspec
import pytest
from starlette.datastructures import Headers
from tests.control.people import PASSWORD, Browser, Site

from faregate.configuration.document import Document
from faregate.control import cookies
from faregate.control.management import Management
from faregate.storage import directory as directory_module

LOGIN = {"email": "ann@example.com", "password": PASSWORD}


@pytest.fixture
def site(management: Management, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(directory_module, "_SETTINGS_KEPT_S", 0.0)
    made = Site(management)
    made.add("ann@example.com", "owner")
    return made


def given(response: object) -> dict[str, str]:
    """The cookies that a response sets, with all that stands behind their values."""
    fields = response.headers.get_list("set-cookie")  # type: ignore[attr-defined]
    return {one.partition("=")[0]: one.partition(";")[2].lower() for one in fields}


def with_public_url(site: Site, public_url: str) -> None:
    """Put this address in force."""
    revisions = site.management.installation.revisions

    def change(document: Document) -> Document:
        management = msgspec.structs.replace(document.settings.management, public_url=public_url)
        settings = msgspec.structs.replace(document.settings, management=management)
        return msgspec.structs.replace(document, settings=settings)

    revisions.edit(change, "root", "public url")


def test_without_tls(site: Site) -> None:
    browser = site.browser()
    found = given(browser.ask("POST", "/v1/login", LOGIN))
    assert set(found) == {"faregate_session", "faregate_csrf"}
    assert "httponly" in found["faregate_session"]
    assert "httponly" not in found["faregate_csrf"]
    for attributes in found.values():
        assert "samesite=lax" in attributes
        assert "path=/" in attributes
        assert "secure" not in attributes
    assert "max-age=0" in given(browser.ask("POST", "/v1/logout"))["faregate_session"]


def test_with_tls(site: Site) -> None:
    with_public_url(site, "https://faregate.example.com")
    browser = Browser(site, "https://faregate.example.com")
    found = given(browser.ask("POST", "/v1/login", LOGIN))
    assert set(found) == {"__Host-faregate_session", "__Host-faregate_csrf"}
    assert all("secure" in one and "domain" not in one for one in found.values())
    browser.good("DELETE", "/v1/session/sessions")
    browser.bad(403, "DELETE", "/v1/session/sessions", Origin="http://faregate.example.com")
    browser.good("POST", "/v1/logout")
    browser.bad(401, "GET", "/v1/session")


@pytest.mark.parametrize(
    ("headers", "public_url", "strict", "same"),
    [
        ({"sec-fetch-site": "same-origin"}, None, True, True),
        ({"sec-fetch-site": "none"}, None, True, False),
        ({"sec-fetch-site": "none"}, None, False, True),
        ({"origin": "http://h:1", "host": "h:1"}, None, True, True),
        ({"origin": "http://h:2", "host": "h:1"}, None, True, False),
        ({"origin": "https://h:1", "host": "h:1"}, None, True, False),
        ({"origin": "https://p", "host": "h:1"}, "https://p/x", True, True),
        ({"origin": "http://h:1", "host": "h:1"}, "https://p/x", True, False),
        (
            {"origin": "http://h:1", "sec-fetch-site": "cross-site", "host": "h:1"},
            None,
            True,
            False,
        ),
        ({}, None, True, False),
        ({}, None, False, True),
    ],
)
def test_origins(headers: dict[str, str], public_url: str | None, strict: bool, same: bool) -> None:
    found = cookies.is_same_origin(Headers(headers), public_url, "http", strict=strict)
    assert found is same
