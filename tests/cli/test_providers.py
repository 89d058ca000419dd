"""Providers are added with their key sealed, and tested by a real request."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from tests.cli.console import Console

from faregate.providers.vendors import VENDORS
from faregate.storage.preparation import open_gate_source


def api_key(console: Console, name: str) -> str | None:
    source = open_gate_source(console.home)
    providers = source.latest().document.providers
    source.close()
    return next(one.api_key for one in providers if one.name == name)


def test_key_from_the_environment(console: Console) -> None:
    console.setenv("P_KEY", "sk-hidden-1")
    add = ("providers", "add", "p", "--base-url", "http://h/v1", "--key-env", "P_KEY")
    said = console.good(*add, "--vendor", "groq")
    assert "revision 1 is in force" in said.out
    assert api_key(console, "p") == "sk-hidden-1"
    facts = console.good("providers", "list", "--json").json
    assert facts == [
        {"name": "p", "vendor": "groq", "base_url": "http://h/v1", "key": "${env:P_KEY}",
         "keys": ["default"], "models": []}
    ]  # fmt: skip
    console.setenv("P_KEY", "sk-hidden-2")
    console.good("models", "add", "m", "--provider", "p")
    assert api_key(console, "p") == "sk-hidden-1"
    assert console.run(*add).status == 1
    console.good(*add, "--replace")
    assert api_key(console, "p") == "sk-hidden-2"
    assert "groq" in console.good("providers", "list").out


def test_key_from_stdin(console: Console) -> None:
    add = ("providers", "add", "p", "--base-url", "http://h/v1", "--key-stdin")
    said = console.good(*add, "--json", stdin="sk-hidden\n")
    assert said.json == {"revision": 1, "provider": "p"}
    assert api_key(console, "p") == "sk-hidden"
    listed = console.good("providers", "list").out
    assert "sealed" in listed
    for command in ("list", "test"):
        assert "hidden" not in "".join(map(str, console.run("providers", command)))
    assert "hidden" not in console.good("config", "export").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("p", "--base-url", "h/v1"), "must begin with https://"),
        (("p",), "the address of the API is missing"),
        (("p", "--vendor", "no_such"), "openai_compatible has no address of its own"),
        (("p p", "--base-url", "http://h"), "can't be a name"),
        (("p", "--base-url", "http://h", "--key-env", "NOPE"), "NOPE is not set"),
        (("p", "--base-url", "http://h", "--key-env", "A", "--key-stdin"), "given twice"),
        (("p", "--base-url", "http://h", "--key-stdin"), "no key came from stdin"),
    ],
)
def test_refused(console: Console, arguments: tuple[str, ...], message: str) -> None:
    said = console.run("providers", "add", *arguments)
    assert said.status == 1
    assert message in said.err
    assert "no providers" in console.good("providers", "list").out


def test_a_known_vendor_needs_no_address(console: Console) -> None:
    console.setenv("P_KEY", "sk-hidden-1")
    console.good("providers", "add", "groq", "--key-env", "P_KEY")
    console.good("providers", "add", "mine", "--vendor", "openai", "--key-env", "P_KEY")
    facts = console.good("providers", "list", "--json").json
    assert [(one["vendor"], one["base_url"]) for one in facts] == [
        ("groq", "https://api.groq.com/openai/v1"),
        ("openai", "https://api.openai.com/v1"),
    ]
    console.good("providers", "add", "mine", "--base-url", "https://h/v1", "--replace")
    (_, mine) = console.good("providers", "list", "--json").json
    assert (mine["vendor"], mine["base_url"], mine["key"]) == (
        "openai", "https://h/v1", "${env:P_KEY}",
    )  # fmt: skip


def test_options_and_a_key_of_several_parts(console: Console) -> None:
    console.setenv("ONE", "AKIA-hidden")
    console.setenv("TWO", "sk-hidden")
    add = ("providers", "add", "aws", "--vendor", "bedrock", "--key-env", "ONE:TWO")
    said = console.run(*add)
    assert "bedrock needs the option 'region'" in said.err
    assert "options: {region: ...}" in said.err
    assert "has no value" in console.run(*add, "--option", "region").err
    said = console.run(*add, "--option", "regio=eu-west-1", "--option", "region=x")
    assert "did you mean 'region'?" in said.err
    assert "no providers" in console.good("providers", "list").out
    console.good(*add, "--option", "region=eu-west-1")
    assert api_key(console, "aws") == "AKIA-hidden:sk-hidden"
    (facts,) = console.good("providers", "list", "--json").json
    assert facts["base_url"] == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    exported = console.good("config", "export").out
    assert "region: eu-west-1" in exported
    assert "hidden" not in exported


def test_an_option_by_variable_is_listed_unresolved(console: Console) -> None:
    console.setenv("REGION", "eu-west-1")
    console.good("providers", "add", "bedrock", "--option", "region=${env:REGION}")
    assert "bedrock-runtime.{region}." in console.good("providers", "list").out


def test_remove(console: Console) -> None:
    console.good("providers", "add", "p", "--base-url", "http://h/v1")
    console.good("models", "add", "m", "--provider", "p")
    said = console.run("providers", "remove", "p")
    assert said.status == 1
    assert "p serves m" in said.err
    console.good("providers", "remove", "p", "--with-models")
    assert console.good("models", "list", "--json").json == []
    assert "there is no provider 'p'" in console.run("providers", "remove", "p").err


def test_vendors(console: Console) -> None:
    listed = console.good("providers", "vendors").out
    assert len(listed.splitlines()) == 1 + len(VENDORS)
    assert "https://bedrock-runtime.{region}.amazonaws.com" in listed
    assert "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY" in listed
    said = console.good("providers", "vendors", "mistral", "--json").json
    assert [row["name"] for row in said] == ["mistral"]
    assert said[0]["base_url"] == "https://api.mistral.ai/v1"
    assert said[0]["dialects"]["generate"] == ["openai_chat", "openai_responses"]
    assert console.good("providers", "vendors", "zzz", "--json").json == []
    refused = console.run("providers", "vendors", "zzz")
    assert refused.status == 1
    assert "no vendor is called 'zzz'" in refused.err
    assert "openai_compatible" in refused.err


class Vendor(BaseHTTPRequestHandler):
    """Lists one model to those who have the key."""

    def do_GET(self) -> None:
        good = self.headers["authorization"] == "Bearer sk-good"
        body = b'{"data": [{"id": "m"}]}' if good else b'{"error": {"message": "bad key"}}'
        self.send_response(200 if good and self.path == "/v1/models" else 401)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def vendor() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Vendor) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def test_tested(console: Console, vendor: str) -> None:
    add = ("providers", "add", "--base-url", vendor, "--key-stdin")
    console.good(*add, "good", stdin="sk-good")
    said = console.good("providers", "test", "good")
    assert said.out == "good / default works: it lists 1 model\n"
    console.good(*add, "bad", stdin="sk-hidden")
    said = console.run("providers", "test")
    assert said.status == 1
    told = "bad / default does not work: it refuses the key (HTTP 401, it says: bad key)"
    assert told in said.out
    told = console.run("providers", "test", "--json")
    assert [(one["name"], one["works"]) for one in told.json] == [("good", True), ("bad", False)]
    assert "there is no provider 'x'" in console.run("providers", "test", "x").err
    assert "no provider has this key" in console.run("providers", "test", "--key", "x").err


def test_nothing_to_test(console: Console) -> None:
    assert "no providers" in console.good("providers", "test").out
