"""Settings and callers are shown and set, here and elsewhere."""

from collections.abc import Iterator

import pytest
from tests.cli.anywhere import PLACES, console_at
from tests.cli.console import Console

from faregate.cli.configuration_words import part_fields
from faregate.cli.settings import is_read_at_start, waiting
from faregate.configuration.difference import Change


@pytest.fixture(params=PLACES)
def console(request: pytest.FixtureRequest, empty_console: Console) -> Iterator[Console]:
    with console_at(request.param, empty_console) as opened:
        yield opened


def test_show(console: Console) -> None:
    assert console.good("settings", "show", "gate.port").out == "8402\n"
    assert console.good("settings", "show", "settings.gate.port", "--json").json == 8402
    gate = console.good("settings", "show", "gate").out.splitlines()
    assert {"port: 8402", "tls: null", "trusted_proxies: []"} <= set(gate)
    assert console.good("settings", "show", "--json").json["credit"]["fallback_price"] is None
    assert console.good("settings", "show", "credit.unknown_price").out == "refuse\n"
    said = console.run("settings", "show", "gate.prt")
    assert "there is no 'prt' in gate; did you mean 'port'?" in said.err
    assert "fix:   'faregate settings show gate' shows what there is" in said.err
    assert "there is no 'x' in gate.port" in console.run("settings", "show", "gate.port.x").err


def test_set(console: Console) -> None:
    said = console.good(
        "settings", "set", "gate.port=8500", "settings.management.session_idle_h=4", "-m", "moved"
    )
    assert said.out.splitlines() == [
        "~ settings.gate.port: 8402 -> 8500",
        "~ settings.management.session_idle_h: 8.0 -> 4.0",
        "Revision 1 is in force.",
    ]
    assert said.err == "note: gate.port is read at start: restart Faregate\n"
    assert console.good("revisions", "list", "--json").json[0]["message"] == "moved"
    said = console.good("settings", "set", "gate.port=", "--dry-run")
    assert said.out.endswith("1 change to revision 1; nothing was changed.\n")
    assert said.err == ""
    told = console.good("settings", "set", "gate.port=", "--json").json
    assert [one["place"] for one in told["changes"]] == ["settings.gate.port"]
    said = console.good("settings", "set", "--file", "-", stdin="calls: {keep_days: 9}")
    assert "~ settings.management.session_idle_h: 4.0 -> 8.0" in said.out
    assert console.good("settings", "show", "calls.keep_days").out == "9\n"


def test_a_draft(console: Console) -> None:
    console.good("settings", "set", "calls.keep_days=9", "--draft", "d")
    console.good("settings", "set", "gate.connections_max=9", "--draft", "d")
    assert console.good("settings", "show", "calls.keep_days").out != "9\n"
    console.good("revisions", "publish", "d")
    assert console.good("settings", "show", "calls.keep_days").out == "9\n"
    assert console.good("settings", "show", "gate.connections_max").out == "9\n"


def test_a_variable_is_read_where_it_is_named(console: Console) -> None:
    console.setenv("LEDGER", "postgresql://u:sk-canary@h/d")
    console.good("settings", "set", "ledger.url=${env:LEDGER}")
    console.setenv("LEDGER", "postgresql://u:sk-canary-2@h/d")
    assert "(value)" not in console.good("settings", "set", "ledger.vanish_after_s=90").out
    said = console.good("settings", "set", "ledger.url=${env:LEDGER}")
    assert "~ settings.ledger.url (value): changed" in said.out
    assert "note: ledger.url is read at start" in said.err
    assert "canary" not in console.good("settings", "show", "ledger").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("gate.prt=1",), "settings.gate.prt: unknown field 'prt'; did you mean 'port'?"),
        (("gate.port=x",), "settings.gate.port: expected a whole number"),
        (("gate=3",), "settings.gate: expected fields"),
        (("operations.port=8402",), "port 8402 is the gate's own port"),
        (("ledger.url=postgresql://u:canary@h/d",), "a password must not stand in the file"),
        (("gate.port=1", "--draft", "d", "--dry-run"), "exclude each other"),
    ],
)
def test_refused(console: Console, words: tuple[str, ...], message: str) -> None:
    said = console.run("settings", "set", *words)
    assert said.status == 1
    assert message in said.err
    assert "canary" not in said.err
    assert console.good("revisions", "list", "--json").json == []


def test_callers(console: Console) -> None:
    issuer = (
        "jwt_issuers=[{name: corp, issuer: 'https://i', audiences: [a], jwks_url: 'https://i/k'}]"
    )
    console.good("teams", "add", "sales")
    console.good("applications", "add", "shop", "--team", "sales")
    console.good("callers", "set", issuer, "jwt_issuers[corp].application=shop")
    assert console.good("callers", "show", "jwt_issuers[corp].audiences").out == "- a\n"
    console.good("callers", "set", "jwt_issuers[corp].audiences=[b, c]")
    assert console.good("callers", "show", "--json").json["jwt_issuers"][0]["audiences"] == [
        "b",
        "c",
    ]
    assert "did you mean 'corp'" in console.run("callers", "show", "jwt_issuers[crp]").err
    console.good("callers", "set", "jwt_issuers=")
    assert console.good("callers", "show", "jwt_issuers", "--json").json == []


def test_what_is_read_at_start() -> None:
    found = {path for path in part_fields("settings") if is_read_at_start(path)}
    assert {"gate.port", "gate.tls.key_file", "management.host", "limits.redis_url"} <= found
    assert not found & {"gate.body_bytes_max", "calls.keep_days", "management.session_idle_h"}
    assert not is_read_at_start("nothing.there")
    changes = [Change("~", "settings.ledger.url (value)"), Change("~", "settings.calls.keep_days")]
    assert [*waiting(changes)] == ["ledger.url"]
