"""Secrets are in nothing that is written or told: planted ones are searched for everywhere.

Each secret is sent or shown once; afterwards every file of the data folder, every log line, every
answer to whoever may read everything, and every export is searched for it.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from tests.control.people import Browser, Site

from faregate.configuration.export import export
from faregate.control.app import create_app
from faregate.control.authentication import Authentication
from faregate.control.management import Management
from faregate.control.registry import all_routes

OWNER = "ann@example.com"
PASSWORD = "canary sings at noon"
# What is sent in, by what it is.
PLANTED = {
    "key of a provider": "sk-canary-provider-0123456789",
    "second key of a provider": "sk-canary-second-0123456789",
    "header of a provider": "canary-header-0123456789",
    "secret of an identity provider": "canary-client-secret-0123456789",
    "secret of signed requests": "canary-hmac-secret-0123456789-0123456789",
    "new password": PASSWORD,
    "wrong password": "canary of a wrong password",
    "wrong key": "sk-canary-in-a-body-that-is-refused",
}


class Planted:
    """An installation in which everything secret was used once; `secrets` has it by what it is."""

    def __init__(self, management: Management) -> None:
        self.management = management
        self.site = Site(management)
        self.site.add(OWNER, "owner")
        self.site.app = create_app(management, Authentication(management))
        self.secrets = dict(PLANTED)
        self.browser = self.site.browser(OWNER)
        self.cookies()
        self.people()
        self.configuration()
        self.programs()

    def cookies(self) -> None:
        jar = self.browser.client.cookies
        self.secrets["cookie of a session"] = str(jar["faregate_session"])

    def people(self) -> None:
        browser = self.browser
        shown = {"current_password": "violet river canoe", "new_password": PASSWORD}
        browser.good("PUT", "/v1/session/password", shown)
        invited = browser.good(
            "POST", "/v1/invitations", {"email": "eve@example.com", "role": "auditor"}
        )
        self.secrets["token of an invitation"] = invited["link"]["token"]
        wrong = Browser(self.site)
        for password in (PLANTED["wrong password"], PLANTED["wrong password"]):
            wrong.ask("POST", "/v1/login", {"email": OWNER, "password": password})
        reset = browser.good("POST", f"/v1/users/{OWNER}/password-reset")
        self.secrets["token of a reset"] = reset["token"]
        factor = browser.good("POST", "/v1/session/second-factor", {"current_password": PASSWORD})
        self.secrets["secret of a second factor"] = factor["secret"]
        code = pyotp.TOTP(factor["secret"]).at(self.site.clock.wall_ns() // 10**9)
        codes = browser.good("POST", "/v1/session/second-factor/confirm", {"code": code})
        self.secrets["recovery code"] = codes["recovery_codes"][0]

    def configuration(self) -> None:
        good = self.browser.good
        account = {
            "name": "openai",
            "base_url": "http://127.0.0.1:9/v1",
            "api_key": PLANTED["key of a provider"],
            "headers": {"x-secret-token": PLANTED["header of a provider"]},
        }
        good("POST", "/v1/providers", account)
        keys = [{"name": "second", "secret": PLANTED["second key of a provider"]}]
        good("POST", "/v1/providers", {**account, "name": "more", "api_key": None, "keys": keys})
        corp = {"name": "corp", "issuer": "https://login.example.com", "client_id": "x"}
        corp["client_secret"] = PLANTED["secret of an identity provider"]
        good("POST", "/v1/identity-providers", corp)
        good("POST", "/v1/teams/sales/applications", {"name": "shop"})
        wrong = {**account, "name": "x", "base_url": "ftp:", "api_key": PLANTED["wrong key"]}
        self.browser.bad(422, "POST", "/v1/providers", wrong)
        self.browser.bad(422, "POST", "/v1/providers", {"api_key": [PLANTED["wrong key"]]})
        document = good("GET", "/v1/configuration")
        hmac = {"name": "partner", "application": "sales/shop"}
        hmac["secret"] = PLANTED["secret of signed requests"]
        document["document"]["callers"] = {"hmac": [hmac]}
        self.browser.ask(
            "PUT", "/v1/configuration", {"document": document["document"]}, If_Match="*"
        )
        self.browser.ask("POST", "/v1/configuration/check", {"document": document["document"]})

    def programs(self) -> None:
        good = self.browser.good
        token = good(
            "POST", "/v1/session/tokens", {"name": "laptop"}, Idempotency_Key="one-of-mine"
        )
        self.secrets["personal token"] = token["token"]
        key = {"name": "production", "application": "shop"}
        made = good("POST", "/v1/teams/sales/keys", key, Idempotency_Key="another-of-mine")
        self.secrets["caller's key"] = made["key"]
        account = good("POST", "/v1/service-accounts", {"name": "robot", "role": "auditor"})
        account_id = next(value for name, value in account.items() if name.endswith("id"))
        service = good("POST", f"/v1/service-accounts/{account_id}/tokens", {"name": "t"})
        self.secrets["token of a service account"] = service["token"]
        hook = {"name": "hook", "url": "https://hooks.example.com/x", "events": ["*"]}
        made = good("POST", "/v1/webhooks", hook)
        self.secrets["secret of a webhook"] = made["secret"]
        program = self.site.program(self.secrets["personal token"])
        program.good("GET", "/v1/session")

    def found_in(self, text: str | bytes) -> list[str]:
        """The names of the secrets that are in `text`."""
        data = text.encode() if isinstance(text, str) else text
        return [name for name, secret in self.secrets.items() if secret.encode() in data]


LINES: list[str] = []


class Listener(logging.Handler):
    """Keeps what is logged, at any level."""

    def emit(self, record: logging.LogRecord) -> None:
        LINES.append(self.format(record))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    from tests.control.managed import make_home

    from faregate.control.management import open_management

    listener, root = Listener(), logging.getLogger()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    home = make_home(tmp_path_factory.mktemp("canaries") / "home")
    try:
        with open_management(home) as management:
            yield Planted(management)
    finally:
        root.removeHandler(listener)
        root.setLevel(level)


def test_every_secret_is_one(planted: Planted) -> None:
    assert len(planted.secrets) == len(PLANTED) + 9
    assert all(len(secret) >= 8 for secret in planted.secrets.values())
    assert planted.found_in(f"a {PASSWORD} b") == ["new password"]


def test_no_file_has_one(planted: Planted) -> None:
    files = [path for path in planted.management.home.root.rglob("*") if path.is_file()]
    assert any(path.name == "faregate.db" for path in files)
    found = {str(path.name): planted.found_in(path.read_bytes()) for path in files}
    assert {name: secrets for name, secrets in found.items() if secrets} == {}


def test_no_answer_has_one(planted: Planted) -> None:
    told: dict[str, list[str]] = {}
    asked = 0
    for operation in (one for routes in all_routes() for one in routes.operations):
        if operation.method != "GET" or "single-sign-on" in operation.path:
            continue
        path = operation.path.replace(":path}", "}")
        for parameter, value in KNOWN.items():
            path = path.replace("{" + parameter + "}", value)
        response = planted.browser.ask("GET", path)
        asked += response.status_code == 200
        if found := planted.found_in(response.content):
            told[operation.id] = found
    assert told == {}
    assert asked > 60


KNOWN = {
    "team": "sales",
    "name": "openai",
    "user": OWNER,
    "account": "robot",
    "number": "2",
    "key": "production",
    "entry": "3",
    "role": "owner",
}


def test_no_export_has_one(planted: Planted) -> None:
    revisions = planted.management.installation.revisions
    number, written = revisions.written()
    assert planted.found_in(export(written)) == []
    for old in range(1, number + 1):
        assert planted.found_in(export(revisions.document_at(old))) == []
    entries = list(planted.management.audit.walk())
    assert len(entries) > 10
    assert [name for entry in entries for name in planted.found_in(str(entry))] == []


def test_no_line_of_the_log_has_one(planted: Planted) -> None:
    logging.getLogger("faregate.test").warning("a line of the test")
    assert "a line of the test" in LINES
    assert planted.found_in("\n".join(LINES)) == []


def test_a_provider_gets_its_key_all_the_same(planted: Planted, tmp_path: Path) -> None:
    clear: Any = planted.management.installation.revisions.current().clear
    openai = next(one for one in clear.providers if one.name == "openai")
    assert openai.api_key == PLANTED["key of a provider"]
    assert clear.identity_providers[0].client_secret == PLANTED["secret of an identity provider"]
