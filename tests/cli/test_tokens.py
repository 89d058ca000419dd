"""Personal tokens are made for a user of this machine, or for oneself elsewhere."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from tests.cli.anywhere import on_the_machine
from tests.cli.console import Console

from faregate.control.app import create_app
from faregate.control.authentication import Authentication
from faregate.control.management import open_management
from faregate.control.routes import session, tokens
from faregate.identity.actors import Actor
from faregate.identity.permissions import machine_principal
from faregate.identity.tokens import kind_of_token

MACHINE = machine_principal(Actor("command", "root"))
CREATE = ("tokens", "create", "reports", "--scope", "calls.read", "--expires", "30d")


@pytest.fixture
def served(console: Console) -> Iterator[str]:
    """The address of the console's installation, over HTTP."""
    with open_management(console.home) as management:
        app = create_app(management, Authentication(management), [session.routes, tokens.routes])
        server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join(10)


def test_of_a_user_of_this_machine(console: Console) -> None:
    assert "no tokens" in console.good("tokens", "list").out
    said = console.good(*CREATE)
    token = said.out.strip()
    assert kind_of_token(token) == "personal"
    assert "shown only now" in said.err
    shown = console.good("tokens", "list").out
    assert "calls.read" in shown
    assert token not in shown
    assert "'reports' already" in console.run(*CREATE).err
    other = console.good("tokens", "create", "all", "--user", "admin@localhost", "--json").json
    assert (other["scopes"], other["expires_at"]) == (None, None)
    assert "Revoked" in console.good("tokens", "revoke", "reports").out
    assert console.good("tokens", "revoke", "all", "--json").json == {"revoked": "all"}
    assert console.good("tokens", "list", "--json").json == []


def unused(tokens: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tokens without their last use."""
    return [{**one, "used_at": None} for one in tokens]


def test_whose(console: Console) -> None:
    console.good("users", "create-owner", "ann@example.com")
    said = console.run("tokens", "list")
    assert "There are 2 owners" in said.err
    assert "--user EMAIL" in said.err
    assert "there is no user" in console.run("tokens", "list", "--user", "x@y.z").err


def test_ones_own_elsewhere(console: Console, served: str) -> None:
    console.good("users", "create-owner", "ann@example.com")
    with open_management(console.home) as management:
        directory = management.directory
        user, once = directory.passwords.one_time(MACHINE, "ann@example.com")
        actor = Actor("user", user.email, user.user_id)
        directory.passwords.change(actor, once, "violet river canoe", None)
    token = console.good("tokens", "create", "me", "--user", "ann@example.com").out.strip()
    console.setenv("FAREGATE_MANAGEMENT_URL", served)
    console.setenv("FAREGATE_TOKEN", token)
    made = console.good(*CREATE, "--json").json
    assert (made["name"], made["scopes"]) == ("reports", ["calls.read"])
    names = [one["name"] for one in console.good("tokens", "list", "--json").json]
    assert sorted(names) == ["me", "reports"]
    there = console.good("tokens", "list", "--json").json
    with on_the_machine(console):
        here = console.good("tokens", "list", "--user", "ann@example.com", "--json").json
    assert unused(here) == unused(there)
    assert "one's own" in console.run("tokens", "list", "--user", "x@y.z").err
    assert "no permission" in console.run("tokens", "create", "x", "--scope", "nothing").err
