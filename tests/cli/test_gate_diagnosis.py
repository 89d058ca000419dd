"""`faregate diagnose` of a call: a waterfall for people, JSON for programs, help without a gate."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cli.console import Console

from faregate.cli.gate_diagnosis import Wish, lines, question
from faregate.core.errors import FaregateError
from faregate.identity.operator import operator_token
from faregate.supervisor.lock import HomeLock

TOLD: dict[str, Any] = {
    "would": "refuse",
    "key": "billing",
    "model": "large",
    "status": 402,
    "code": "call_too_large",
    "refusal": {"title": "This call may cost more than there is credit for", "fixes": []},
    "findings": [
        {"phase": "IDENTIFY", "policy": "keys", "verdict": "passed", "detail": "The key is known.",
         "numbers": {}},
        {"phase": "RESERVE", "policy": "purse", "verdict": "refused", "detail": "It pays.",
         "numbers": {"code": "x", "needed": "0.50", "available": "0.20"}},
        {"phase": "SEND", "policy": "upstreams", "verdict": "not_reached", "detail": "Not.",
         "numbers": {}},
    ],
    "price_ceiling": {"amount": "0.50", "currency": "USD", "input_tokens_max": 1200,
                      "output_tokens_max": 4000, "held_first": "0.50"},
    "output_limit_set": None,
    "changes": [{"kind": "set", "name": "max_tokens", "value": 900},
                {"kind": "wait", "seconds": 3}],
    "passes_with_changes": True,
    "depends_on_calls_in_flight": True,
}  # fmt: skip
PROBLEM = {"title": "Unknown", "code": "key_unknown", "status": 401, "side": "caller"}


class Gate(http.server.BaseHTTPRequestHandler):
    """Answers a diagnosis to whoever shows the operator's token or a key."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server: Any = self.server
        server.asked.append((self.path, self.headers["Authorization"], body))
        known = self.headers["Authorization"] in server.tokens
        data = json.dumps(server.told if known else PROBLEM).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def gate() -> Iterator[Any]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gate)
    server.asked, server.tokens, server.told = [], set(), TOLD  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join(5)
    server.server_close()


def address(gate: Any) -> str:
    return f"http://127.0.0.1:{gate.server_port}"


@pytest.fixture
def served(console: Console, gate: Any) -> Iterator[Console]:
    """A console on whose data folder a service runs."""
    gate.tokens.add(f"Bearer {operator_token(console.home.master_key())}")
    lock = HomeLock(console.home.run)
    lock.describe({"url": address(gate)})
    yield console
    lock.release()


def test_the_operator_asks_with_its_token(served: Console, gate: Any):
    said = served.run("diagnose", "--key", "billing", "--model", "large", "--max-tokens", "9")
    assert said.status == 1
    assert "refused: 402 call_too_large" in said.out
    [(path, _, body)] = gate.asked
    assert path == "/v1/diagnose"
    assert body["key"] == "billing"
    assert body["body"] == {
        "model": "large", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 9,
    }  # fmt: skip
    said = served.run("diagnose", "--model", "large", "--json")
    assert (said.status, said.json) == (1, TOLD)


def test_a_call_that_would_pass_ends_with_0(served: Console, gate: Any):
    gate.told = TOLD | {"would": "pass"}
    assert "would pass" in served.good("diagnose", "--model", "large").out
    assert served.good("diagnose", "--model", "large", "--json").json == gate.told


def test_the_callers_key_of_the_environment_is_taken_as_faregate_call_does(
    served: Console, gate: Any
):
    gate.tokens.add("Bearer fg_mine")
    served.setenv("FAREGATE_API_KEY", "fg_mine")
    served.run("diagnose", "--model", "m")
    served.run("diagnose", "--model", "m", "--api-key", "fg_other")
    served.run("diagnose", "--model", "m", "--key", "billing")
    first, second, third = (token for _, token, _ in gate.asked)
    assert (first, second) == ("Bearer fg_mine", "Bearer fg_other")
    assert third not in (first, second)  # the operator's


def test_the_token_goes_to_no_other_address(served: Console, gate: Any):
    said = served.run("diagnose", "--model", "m", "--url", "http://127.0.0.1:1")
    assert (said.status, gate.asked) == (1, [])
    assert "is not the service of" in said.err


def test_a_caller_asks_with_its_key(served: Console, gate: Any):
    gate.tokens.add("Bearer fg_mine")
    said = served.run("diagnose", "--model", "m", "--api-key", "fg_mine", "--url", address(gate))
    assert "call_too_large" in said.out
    said = served.run("diagnose", "--model", "m", "--api-key", "fg_no", "--url", address(gate))
    assert said.status == 1
    assert "key_unknown" in said.err
    said = served.run("diagnose", "--model", "m", "--api-key", "fg_no", "--key", "x")
    assert "exclude each other" in said.err


def test_without_a_service_the_way_is_shown(console: Console):
    said = console.run("diagnose", "--model", "m")
    assert said.status == 1
    assert "no service runs on" in said.err
    assert "faregate serve" in said.err
    said = console.run("diagnose", "--model", "m", "--api-key", "k", "--url", "http://127.0.0.1:1")
    assert "no answer from" in said.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "which model?"),
        (("--model", "m", "--header", "x"), "is not a header"),
        (("--request", "nowhere.json"), "can't be read"),
    ],
)
def test_what_is_missing_is_said(served: Console, arguments: tuple[str, ...], word: str):
    said = served.run("diagnose", *arguments)
    assert (said.status, word in said.err) == (1, True), said.err


def test_a_whole_request_is_sent_as_it_is(served: Console, gate: Any):
    text = '{"model": "m",  "messages": []}'
    served.run("diagnose", "--request", served.file(text, "body.json"))
    served.run("diagnose", "--request", "-", "--header", "faregate-run: 7", stdin=text)
    (_, _, first), (_, _, second) = gate.asked
    assert first["text"] == second["text"] == text
    assert second["headers"] == {"faregate-run": "7"}


@pytest.mark.parametrize(
    ("path", "member"),
    [("/v1/embeddings", "input"), ("/v1/completions", "prompt")],
)
def test_every_path_has_its_body(path: str, member: str):
    assert question(Wish(path=path, model="m", prompt="p"))["body"] == {"model": "m", member: "p"}
    assert question(Wish(model="m", stream=True))["body"]["stream"] is True
    with pytest.raises(FaregateError):
        question(Wish())


def test_the_waterfall():
    shown = "\n".join(lines(TOLD))
    for part in (
        "The call of large with the key 'billing' would be refused: 402 call_too_large",
        "✓ IDENTIFY", "✗ RESERVE", "[needed 0.50, available 0.20]", "· SEND",
        "Price ceiling: 0.50 USD (input up to 1,200 tokens, output up to 4,000",
        "It passes with all of these:", "- set max_tokens to 900", "- wait 3 s",
        "if calls in flight don't use up what they hold",
    ):  # fmt: skip
        assert part in shown


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"would": "pass"}, "would pass."),
        ({"price_ceiling": None}, "Price ceiling: not known"),
        ({"price_ceiling": {"included": True}}, "within an included volume"),
        ({"price_ceiling": {"amount": None, "currency": "USD", "input_tokens_max": 1,
                            "output_tokens_max": None}}, "ends where the credit does"),
        ({"output_limit_set": 1024}, "output limit 1,024"),
        ({"changes": [{"kind": "top_up", "name": "w", "amount": "1.00"}]}, "with this change:"),
        ({"changes": [{"kind": "raise", "name": "b", "amount": "9.00"}]}, "raise 'b' to 9.00"),
        ({"passes_with_changes": False, "refusal": {"title": "t", "fixes": [{"text": "Ask."}]}},
         "- Ask."),
    ],
)  # fmt: skip
def test_other_ends(changes: dict[str, Any], part: str):
    assert part in "\n".join(lines(TOLD | changes))
