"""Logging in elsewhere, by a code or a token; and out again, which takes the token back."""

import json
import re
from collections.abc import Iterator

import pytest
from tests.cli.console import Console
from tests.client.served_api import Served, served_api, token_of_owner

from faregate.cli import login as module
from faregate.client import operations as api
from faregate.client.management import Client


@pytest.fixture
def served(empty_console: Console, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """An installation elsewhere; this machine has none."""
    with served_api(empty_console.root / "elsewhere") as started:
        monkeypatch.delenv("FAREGATE_HOME")
        monkeypatch.setenv("HOME", str(empty_console.root))
        yield started


@pytest.fixture
def token(served: Served) -> str:
    return token_of_owner(served)


def approving(served: Served, token: str, console: Console, *, deny: bool = False) -> list[float]:
    """Let whoever waits be approved at the second question; the pauses that were made."""
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) < 2:
            return
        said = console._capsys.readouterr().err
        [code] = re.findall(r"type +([A-Z]{4}-[A-Z]{4})", said)
        with Client(served.url, token) as client:
            assert client.send(api.get_device_login(code)).client.startswith("faregate of ")
            if deny:
                client.send(api.deny_device_login(code))
            else:
                client.send(api.approve_device_login(code, api.DeviceApproval()))

    console._monkeypatch.setattr(module, "pause", wait)
    return waits


def test_by_a_code(served: Served, token: str, empty_console: Console) -> None:
    waits = approving(served, token, empty_console)
    said = empty_console.good("login", served.url, "--profile", "prod", "--json").json
    assert said == {
        "profile": "prod",
        "url": served.url,
        "user": "ann@example.com",
        "kind": "user",
    }
    assert waits[0] == 5.0
    kept = empty_console.root / "config" / "faregate" / "credentials.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    profile = json.loads(kept.read_bytes())["profiles"]["prod"]
    assert profile["token"].startswith("fgp_")
    assert profile["expires_at"]
    # Commands are for it now, without a word about where.
    empty_console.good("teams", "add", "sales")
    assert served.management.installation.revisions.written()[1].teams[0].name == "sales"
    who = empty_console.good("whoami", "--json").json
    assert (who["name"], who["profile"], who["url"]) == ("ann@example.com", "prod", served.url)
    assert "teams.write" in who["permissions"]
    assert "prod" in empty_console.good("profiles", "list").out
    [out] = empty_console.good("logout", "--json").json
    assert out == {"profile": "prod", "token_revoked": True}
    with Client(served.url, token) as client:
        names = [one.name for one in client.all(api.list_own_tokens())]
    assert names == ["tests"]
    assert empty_console.good("profiles", "list", "--json").json == []


def test_refused(served: Served, token: str, empty_console: Console) -> None:
    approving(served, token, empty_console, deny=True)
    said = empty_console.run("login", served.url)
    assert (said.status, "was refused" in said.err) == (1, True)
    assert empty_console.good("profiles", "list", "--json").json == []


def test_nobody_approves(
    served: Served, empty_console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "pause", lambda _: None)
    monkeypatch.setattr("faregate.storage.device_logins.VALID_S", 0)
    said = empty_console.run("login", served.url)
    assert (said.status, "nobody approved" in said.err) == (1, True)


def test_by_a_token(served: Served, token: str, empty_console: Console) -> None:
    said = empty_console.good("login", served.url, "--token-stdin", stdin=f"{token}\n")
    assert "as ann@example.com" in said.out
    assert token not in said.out + said.err
    host = f"127.0.0.1-{served.url.rpartition(':')[2]}"
    [one] = empty_console.good("profiles", "list", "--json").json
    assert (one["profile"], one["current"]) == (host, True)
    empty_console.good("login", served.url, "--token", token)  # again keeps its name
    assert len(empty_console.good("profiles", "list", "--json").json) == 1
    assert "not taken back" in empty_console.good("logout").out
    assert "nowhere" in empty_console.good("logout").out
    assert empty_console.good("logout", "--json").json == []


def test_who_has_no_role_is_told_so(served: Served, empty_console: Console) -> None:
    token = token_of_owner(served, "new@example.com", ())
    empty_console.good("login", served.url, "--token", token)
    assert "No roles yet" in empty_console.good("whoami").out


def test_which_installation(served: Served, token: str, empty_console: Console) -> None:
    empty_console.good("login", served.url, "--token", token, "--profile", "prod")
    empty_console.good("profiles", "use", "local")
    assert "on this machine" in empty_console.good("whoami").out
    assert "there is no installation" in empty_console.run("keys", "list").err
    assert empty_console.good("--profile", "prod", "keys", "list", "--json").json == []
    empty_console.setenv("FAREGATE_PROFILE", "")
    empty_console.good("profiles", "use", "prod", "--json")
    assert empty_console.good("keys", "list", "--json").json == []
    said = empty_console.run("--profile", "other", "keys", "list")
    assert "no profile 'other'" in said.err
    said = empty_console.run("--profile", "prod", "--home", "/x", "keys", "list")
    assert "exclude each other" in said.err
    assert empty_console.good("logout", "--all", "--json").json[0]["profile"] == "prod"


def test_what_goes_wrong_says_what_to_do(
    served: Served, token: str, empty_console: Console
) -> None:
    said = empty_console.run("login", served.url, "--token", "fgp_wrong")
    assert "doesn't take the token" in said.err
    assert f"faregate login {served.url}" in said.err
    said = empty_console.run("login", "http://192.0.2.1:8403", "--token", token)
    assert "not encrypted" in said.err
    said = empty_console.run("login", "http://127.0.0.1:1", "--token", token)
    assert "can't be reached" in said.err
    said = empty_console.run("login", served.url, "--token", token, "--token-stdin")
    assert "given twice" in said.err
    assert empty_console.run("login", served.url, "--token", " ").status == 1
    assert "this machine" in empty_console.run("login", served.url, "--profile", "local").err
    assert empty_console.good("profiles", "list").out.startswith("You are logged in nowhere")


def test_approving_on_the_command_line(served: Served, token: str, empty_console: Console) -> None:
    assert "who is logged in" in empty_console.run("approve", "BCDF-GHJK").err
    empty_console.good("login", served.url, "--token", token)
    with Client(served.url) as client:
        started = client.send(api.start_device_login(api.DeviceStart(client="a script")))
        other = client.send(api.start_device_login(api.DeviceStart(client="another")))
        said = empty_console.run("approve", started.user_code, stdin="n\n")
        assert said.status == 1
        assert "a script, from 127.0.0.1" in said.err
        said = empty_console.good("approve", started.user_code, "--scope", "keys.read", "--yes")
        assert "a script is let in" in said.out
        polled = client.send(api.poll_device_login(api.DevicePoll(device_code=started.device_code)))
        assert polled.token.startswith("fgp_")
        assert "was refused" in empty_console.good("approve", other.user_code, "--deny").out
    with Client(served.url, polled.token) as narrow:
        assert narrow.send(api.get_session()).permissions == ["keys.read"]
    assert "no login waits" in empty_console.run("approve", "BCDF-GHJK", "--yes").err
