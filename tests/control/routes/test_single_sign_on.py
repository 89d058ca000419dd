"""A browser logs in with a real identity provider and has a session after it."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
import uvicorn
from tests.control.managed import make_home
from tests.control.oidc_servers import CLIENT, SECRET, certified, install, log_in, plain

from faregate.configuration.commerce import Team
from faregate.configuration.document import Document
from faregate.configuration.single_sign_on import GroupRole, SingleSignOn
from faregate.control.app import create_app
from faregate.control.authentication import Authentication
from faregate.control.management import Management, open_management
from faregate.storage.audit_log import AuditQuery

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Site:
    """A management API on a real port, and its identity provider."""

    def __init__(self, management: Management, url: str, issuer: str) -> None:
        self.management = management
        self.url = url
        self.issuer = issuer

    def set_up(self, **more: object) -> None:
        """Put one identity provider in force."""
        fields = {
            "name": "corp",
            "issuer": self.issuer,
            "client_id": CLIENT,
            "client_secret": "${env:SECRET}",
            "roles": (
                GroupRole(group="staff", role="auditor"),
                GroupRole(group="sellers", role="team-owner", team="sales"),
            ),
            "create_users": True,
            **more,
        }
        document = Document(
            teams=(Team(name="sales"),), identity_providers=(SingleSignOn(**fields),)
        )
        revisions = self.management.installation.revisions
        revisions.apply(document, "test", "test", environment={"SECRET": SECRET})

    def come_back(self, subject: str, browser: httpx2.Client) -> httpx2.Response:
        """Log in as `subject`; the answer to the callback."""
        begun = browser.get(f"{self.url}/v1/single-sign-on/corp/start?return_to=/v1/session")
        assert begun.status_code == 303, begun.text
        back = log_in(begun.headers["location"], subject, self.url)
        return browser.get(back)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = certified if install() is None else plain
    with (
        open_management(make_home(tmp_path / "home")) as management,
        server(f"{url}/v1/single-sign-on/corp/callback") as issuer,
    ):
        app = create_app(management, Authentication(management))
        running = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=running.run, args=([listening],))
        thread.start()
        while not running.started:
            time.sleep(0.01)
        yield Site(management, url, issuer)
        running.should_exit = True
        thread.join(10)
    listening.close()


@pytest.fixture
def browser() -> Iterator[httpx2.Client]:
    with httpx2.Client(follow_redirects=False, timeout=10) as client:
        yield client


def test_somebody_of_the_staff_is_an_auditor_here(site: Site, browser: httpx2.Client) -> None:
    site.set_up()
    [listed] = browser.get(f"{site.url}/v1/single-sign-on").json()["items"]
    assert listed["start_url"] == "/v1/single-sign-on/corp/start"
    response = site.come_back("ada+staff", browser)
    assert response.status_code == 303
    assert response.headers["location"] == "/v1/session"
    session = browser.get(f"{site.url}/v1/session").json()
    assert "ada@example.com" in str(session)
    assert browser.get(f"{site.url}/v1/nodes").status_code == 200
    # Without the page's own token nothing is changed by a cookie.
    assert browser.post(f"{site.url}/v1/nodes/x/reload").status_code == 403


def test_roles_follow_the_groups_at_each_login(site: Site, browser: httpx2.Client) -> None:
    site.set_up(link_by_email=True)
    site.come_back("ada+staff", browser)
    assert browser.get(f"{site.url}/v1/nodes").status_code == 200
    site.set_up(roles=(GroupRole(group="staff", role="finance"),))
    site.come_back("ada+staff", browser)
    assert browser.get(f"{site.url}/v1/nodes").status_code == 403


def test_who_is_not_to_be_made_is_refused_and_recorded(site: Site, browser: httpx2.Client) -> None:
    site.set_up(create_users=False)
    response = site.come_back("eve", browser)
    assert response.status_code == 401
    assert browser.get(f"{site.url}/v1/session").status_code == 401
    [entry] = site.management.audit.find(AuditQuery(act="login.failed"))
    assert "eve@example.com" in entry.object


def test_it_leads_nowhere_else(site: Site, browser: httpx2.Client) -> None:
    site.set_up()
    for target in ("https://evil.example.com", "//evil.example.com", "/\\evil.example.com"):
        response = browser.get(
            f"{site.url}/v1/single-sign-on/corp/start", params={"return_to": target}
        )
        assert response.status_code == 400
    assert browser.get(f"{site.url}/v1/single-sign-on/other/start").status_code == 404
    host = {"Host": "evil.example.com"}
    response = browser.get(f"{site.url}/v1/single-sign-on/corp/start", headers=host)
    assert response.status_code == 409


def test_a_cookie_of_its_own_goes_nowhere_else(site: Site, browser: httpx2.Client) -> None:
    site.set_up()
    response = browser.get(f"{site.url}/v1/single-sign-on/corp/start")
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/v1/single-sign-on" in cookie
    assert urlsplit(response.headers["location"]).netloc == urlsplit(site.issuer).netloc
    assert browser.get(f"{site.url}/v1/single-sign-on/corp/callback?code=x").status_code == 401
