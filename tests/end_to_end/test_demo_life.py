"""The demo starts, is found again, and ends without a trace, however it is ended."""

import json
import os
import signal
import socket
import subprocess

import pytest
from tests.end_to_end.served import command, model_is_installed, processes_of, wait_until

pytestmark = pytest.mark.skipif(not model_is_installed(), reason="needs requirements/local.txt")

ASK = {"model": "demo", "messages": [{"role": "user", "content": "What is the capital of France?"}]}


def asks(served) -> str:
    status, _, body = served.post("/v1/chat/completions", ASK, served.demo["FAREGATE_API_KEY"])
    assert status == 200, body
    return json.loads(body)["choices"][0]["message"]["content"]


def test_a_second_start_finds_its_data_and_its_key_again(serve, home) -> None:
    first = serve(home, "--demo").ready()
    assert "Paris" in asks(first)
    values = first.demo
    revision = json.loads(first.run("status", "--json").stdout)["revision"]
    assert first.stop(signal.SIGINT) == 0
    assert "Traceback" not in first.log
    assert "error" not in first.log
    assert processes_of(home) == []

    second = serve(home, "--demo", FAREGATE_PORT=str(first.port)).ready()
    assert second.demo == values
    assert "Paris" in asks(second)
    facts = json.loads(second.run("status", "--json").stdout)
    assert facts["revision"] == revision  # nothing had to change
    assert second.run("calls", "tail", "--json").stdout.count('"call_id"') >= 2
    assert second.stop(signal.SIGTERM) == 0
    assert processes_of(home) == []


def test_nothing_is_left_when_the_supervisor_is_killed(serve, home) -> None:
    served = serve(home, "--demo").ready()
    # Supervisor, gate, clerk, batches, control, model.
    wait_until(lambda: len(processes_of(home)) == 6)
    served.process.kill()
    served.process.wait()
    wait_until(lambda: processes_of(home) == [])
    again = serve(home, "--demo", FAREGATE_PORT=str(served.port)).ready()
    assert "Paris" in asks(again)


def test_a_killed_process_of_any_kind_comes_back(serve, home) -> None:
    served = serve(home, "--demo").ready()
    for role in ("gate", "clerk", "model"):
        wait_until(lambda role=role: served.pids(role))
        [pid] = served.pids(role)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda role=role, pid=pid: served.pids(role) not in ([], [pid]))
    assert "Paris" in asks(served)


def test_a_second_start_on_the_same_home_is_one_clear_line(serve, home) -> None:
    served = serve(home, "--demo").ready()
    other = serve(home, "--demo")
    assert other.process.wait(20) == 1
    [error, fix] = [line for line in other.log.splitlines() if line.startswith(("error:", "fix:"))]
    assert f"process {served.process.pid}" in error
    assert "FAREGATE_HOME" in fix
    assert "Traceback" not in other.log
    assert "Paris" in asks(served)


def test_a_taken_port_is_one_clear_line_that_names_who_has_it(serve, home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        served = serve(home, "--demo", FAREGATE_PORT=str(port))
        assert served.process.wait(20) == 1
    [error] = [line for line in served.log.splitlines() if line.startswith("error:")]
    assert f"port {port} on 127.0.0.1 is taken" in error
    assert f"process {os.getpid()}" in error
    assert "FAREGATE_PORT" in served.log
    assert "Traceback" not in served.log
    assert processes_of(home) == []


def test_a_home_that_can_not_be_made_is_one_clear_line(tmp_path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    result = subprocess.run(
        command("serve", "--demo"),
        env={**os.environ, "FAREGATE_HOME": str(blocked / "home")},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
