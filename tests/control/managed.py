"""A management API over a real home, asked by whom one likes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.testclient import TestClient
from tests.databases import make_database

from faregate.configuration.document import Document
from faregate.control.app import create_app
from faregate.control.context import Caller
from faregate.control.management import Management
from faregate.control.operations import Routes
from faregate.identity.actors import Actor
from faregate.identity.permissions import BUILT_IN_ROLES, Held, Principal, machine_principal
from faregate.storage.home import Home

ROOT = Actor("command", "root")


def make_home(path: Path) -> Home:
    """A home with a master key and a database."""
    home = Home(path)
    home.create()
    make_database(home.database)
    return home


def holder(role: str, team: str | None = None, name: str | None = None) -> Principal:
    """Somebody with one built-in role."""
    name = name or f"{role}{f'-of-{team}' if team else ''}@example.com"
    actor = Actor("user", name, id=f"usr_{name}", address="127.0.0.1")
    return Principal(actor, (Held(BUILT_IN_ROLES[role].permissions, team),))


class Api:
    """The API; whoever is `principal` asks. Without one nobody is logged in."""

    def __init__(self, management: Management, routes: Iterable[Routes] | None = None) -> None:
        self.management = management
        self.principal: Principal | None = machine_principal(ROOT)
        self.must_change_password = False
        self.client = TestClient(
            create_app(management, self._caller, routes), raise_server_exceptions=False
        )

    def _caller(self, request: Request) -> Caller:
        return Caller(self.principal, "127.0.0.1", must_change_password=self.must_change_password)

    def as_(self, principal: Principal | None) -> "Api":
        """The same API, asked by another from now on."""
        self.principal = principal
        return self

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The response; underscores in names of headers stand for dashes."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.request(method, path, json=body, headers=fields)

    def good(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The decoded reply of an operation that must succeed."""
        response = self.ask(method, path, body, **headers)
        assert response.status_code < 300, response.text
        return response.json() if response.content else None

    def bad(self, status: int, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The problem of an operation that must be refused with `status`."""
        response = self.ask(method, path, body, **headers)
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert problem["status"] == status
        assert problem["detail"]
        return problem

    def apply(self, document: Document) -> int:
        """Put a configuration in force."""
        return self.management.installation.revisions.apply(document, "root", "test")
