"""A call from the terminal shows the answer, or a refusal that a person can act on."""

import http.server
import json
import threading

import pytest
import typer
from typer.testing import CliRunner

from faregate.cli.call import call, explain, find_target
from faregate.core.errors import FaregateError
from faregate.supervisor.demo import write_environment_file

app = typer.Typer()
app.command()(call)

CALL_ID = "call_1234"
USAGE = {"prompt_tokens": 7, "completion_tokens": 3}
PROBLEM = {
    "type": "/refusals/key_unknown",
    "title": "This key is not known here",
    "status": 401,
    "detail": "The key fg_abc... is not known.",
    "code": "key_unknown",
    "side": "caller",
    "fixes": [{"text": "Check the key.", "command": "faregate keys list"}],
    "call_id": CALL_ID,
    "error": {"message": "This key is not known here", "code": "key_unknown"},
}


class Gate(http.server.BaseHTTPRequestHandler):
    """Answers as the gate does; the key decides how."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(200, {"object": "list", "data": [{"id": "first-model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body)
        key = self.headers.get("Authorization")
        if key != "Bearer fg_good" and key != "Bearer fg_cut":
            self.answer(401, PROBLEM)
        elif body.get("stream"):
            self.stream(cut=key == "Bearer fg_cut")
        else:
            message = {"role": "assistant", "content": "Paris."}
            self.answer(200, {"choices": [{"message": message}], "usage": USAGE})

    def stream(self, cut: bool) -> None:
        events = [{"choices": [{"delta": {"content": text}}]} for text in ("Pa", "ris.")]
        events.append(PROBLEM if cut else {"choices": [], "usage": USAGE})
        lines = [f"data: {json.dumps(event)}\n\n" for event in events]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Faregate-Call-Id", CALL_ID)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write("".join([*lines, "" if cut else "data: [DONE]\n\n"]).encode())

    def answer(self, status: int, value: dict) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Faregate-Call-Id", CALL_ID)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_) -> None:
        pass


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("FAREGATE_HOME", str(tmp_path))
    monkeypatch.delenv("FAREGATE_URL", raising=False)
    monkeypatch.delenv("FAREGATE_API_KEY", raising=False)
    return tmp_path


@pytest.fixture
def gate():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gate)
    server.bodies = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def run(gate, *arguments: str, key: str = "fg_good"):
    return CliRunner().invoke(app, ["Capital?", "--url", gate.url, "--key", key, *arguments])


@pytest.mark.parametrize("arguments", [(), ("--no-stream",)])
def test_the_answer_goes_to_stdout_and_the_figures_to_stderr(gate, arguments) -> None:
    result = run(gate, *arguments)
    assert result.exit_code == 0
    assert result.stdout == "Paris.\n"
    assert result.stderr.startswith(f"call {CALL_ID} | tokens 7 in, 3 out | first byte ")
    assert gate.bodies[-1]["model"] == "first-model"


def test_options_reach_the_gate(gate) -> None:
    run(gate, "--model", "demo", "--max-tokens", "5")
    body = gate.bodies[-1]
    assert (body["model"], body["max_tokens"], body["stream"]) == ("demo", 5, True)
    assert body["stream_options"] == {"include_usage": True}


def test_json_is_the_reply_or_one_event_a_line(gate) -> None:
    whole = run(gate, "--json", "--no-stream")
    assert json.loads(whole.stdout)["usage"] == USAGE
    events = run(gate, "--json").stdout.splitlines()
    assert [json.loads(event)["choices"] for event in events][-1] == []
    assert len(events) == 3


def test_a_prompt_can_come_from_a_pipe(gate) -> None:
    arguments = ["-", "--url", gate.url, "--key", "fg_good"]
    CliRunner().invoke(app, arguments, input="From a pipe")
    assert gate.bodies[-1]["messages"][0]["content"] == "From a pipe"


def test_a_refusal_says_what_whose_side_and_the_way_out(gate) -> None:
    result = run(gate, key="fg_bad")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "error: This key is not known here (key_unknown, 401)",
        "  The key fg_abc... is not known.",
        "side: caller: it is yours to mend",
        "fix: Check the key.",
        "  faregate keys list",
        f"call: {CALL_ID} (faregate calls show {CALL_ID})",
    ]


def test_a_stream_that_ends_in_a_refusal_shows_what_came_and_fails(gate) -> None:
    result = run(gate, key="fg_cut")
    assert result.exit_code == 1
    assert result.stdout == "Paris."
    assert "error: This key is not known here" in result.stderr


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"error": {"message": "too long", "code": "context"}}',
            "error: too long (context, 400)",
        ),
        (b'{"error": "plain"}', "error: plain (400)"),
        (b"<html>oops", "error: The call failed (400)"),
        (b"[1]", "error: The call failed (400)"),
        (b"", "error: The call failed (400)"),
    ],
)
def test_foreign_errors_are_shown_as_well_as_they_can(body, expected) -> None:
    assert explain(400, body, None)[0] == expected


def test_nothing_that_listens_is_an_error_with_a_fix() -> None:
    result = CliRunner().invoke(app, ["x", "--url", "http://127.0.0.1:1", "--model", "m"])
    assert isinstance(result.exception, FaregateError)
    assert "no answer from http://127.0.0.1:1" in result.exception.message
    assert "faregate serve" in result.exception.fix


def test_the_demo_is_found_by_itself_and_its_key_goes_nowhere_else(home, monkeypatch) -> None:
    write_environment_file(home / "demo.env", "http://127.0.0.1:9", "fg_demo")
    assert find_target(None, None).key == "fg_demo"
    assert find_target("http://127.0.0.1:9/v1/", None).key == "fg_demo"
    assert find_target("https://elsewhere.example", None).key is None
    monkeypatch.setenv("FAREGATE_API_KEY", "fg_mine")
    monkeypatch.setenv("FAREGATE_URL", "https://elsewhere.example")
    target = find_target(None, None)
    assert (target.url, target.key) == ("https://elsewhere.example", "fg_mine")
