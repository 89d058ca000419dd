"""A management API with real logins: browsers and programs ask it over HTTP."""

from typing import Any

import httpx2
from starlette.testclient import TestClient

from faregate.configuration.commerce import Team
from faregate.configuration.document import Document
from faregate.control.app import create_app
from faregate.control.authentication import Authentication
from faregate.control.management import Management
from faregate.control.routes import (
    invitations,
    login,
    members,
    nodes,
    roles,
    service_accounts,
    session,
    tokens,
    users,
)
from faregate.core.clock import ManualClock
from faregate.identity.actors import Actor
from faregate.identity.permissions import machine_principal
from faregate.storage import directory_tables as tables
from faregate.storage.directory import Directory
from faregate.storage.password_hashes import Cost, PasswordHashes

# Those of people alone: an application of all operations takes its time to make.
ROUTES = [
    one.routes
    for one in (
        invitations,
        login,
        members,
        nodes,
        roles,
        service_accounts,
        session,
        tokens,
        users,
    )
]
MACHINE = machine_principal(Actor("command", "root"))
PASSWORD = "violet river canoe"
NEW = "seven brave llamas"
CHEAP = Cost(1, 8, 1)
ORIGIN = "http://testserver"


class Site:
    """An installation with the teams sales and care; everybody has the same password."""

    def __init__(self, management: Management) -> None:
        self.management = management
        self.clock = ManualClock()
        installation = management.installation
        installation.revisions.apply(
            Document(teams=(Team(name="sales"), Team(name="care"))), "root", "teams"
        )
        settings = management.directory.settings
        self.directory = management.directory = Directory(
            installation.database, management.box, self.clock, None, CHEAP, settings
        )
        self.app = create_app(management, Authentication(management), ROUTES)
        self._hash = PasswordHashes(CHEAP).hash(PASSWORD)

    def add(self, email: str, *roles: str, **teams: str) -> str:
        """A user with these roles, and one in each team; gives the id."""
        user = self.directory.users.create(MACHINE, email, email.split("@")[0], roles)
        for team, role in teams.items():
            self.directory.members.set(MACHINE, team, user.user_id, (role,))
        with self.management.installation.database.writing() as connection:
            connection.execute(
                tables.users.update()
                .where(tables.users.c.user_id == user.user_id)
                .values(password_hash=self._hash)
            )
        return user.user_id

    def browser(self, email: str | None = None, password: str = PASSWORD) -> "Browser":
        """A browser; logged in, where an address is given."""
        browser = Browser(self)
        if email is not None:
            browser.good("POST", "/v1/login", {"email": email, "password": password})
        return browser

    def program(self, token: str) -> "Browser":
        """A program with a token."""
        browser = Browser(self)
        browser.headers = {"Authorization": f"Bearer {token}"}
        return browser

    def acts(self) -> list[str]:
        """The acts of the audit log, oldest first."""
        return [entry.act for entry in self.management.audit.walk()]


class Browser:
    """Keeps cookies, and sends what a page of the site sends."""

    def __init__(self, site: Site, base: str = ORIGIN) -> None:
        self.client = TestClient(site.app, base_url=base, raise_server_exceptions=False)
        self.base = base
        self.headers: dict[str, str] = {}

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx2.Response | Any:
        """The response to a request of one of the site's pages, or with other headers."""
        fields = {"Origin": self.base, "Sec-Fetch-Site": "same-origin", **self.headers}
        cookies = self.client.cookies
        csrf = cookies.get("faregate_csrf") or cookies.get("__Host-faregate_csrf")
        if csrf is not None:
            fields["X-CSRF-Token"] = csrf
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in fields.items() if value}
        return self.client.request(method, path, json=body, headers=kept)

    def good(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The decoded reply of a request that must succeed."""
        response = self.ask(method, path, body, **headers)
        assert response.status_code < 300, response.text
        return response.json() if response.content else None

    def bad(self, status: int, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The problem of a request that must be refused with this status."""
        response = self.ask(method, path, body, **headers)
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/problem+json"
        return response.json()

    def etag(self, path: str) -> str:
        """The version of what is there."""
        response = self.ask("GET", path)
        assert response.status_code == 200, response.text
        return str(response.headers["etag"])
