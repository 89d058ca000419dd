"""Whether the service runs is told truly, to people and to programs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import faregate
from faregate.cli.status import NOT_RUNNING, describe, status
from faregate.supervisor.lock import HomeLock

SERVICE = Path(__file__).parents[1] / "supervisor" / "service_program.py"

app = typer.Typer()
app.command()(status)


@pytest.fixture
def home(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("FAREGATE_HOME", str(tmp_path))
    return tmp_path


def as_json() -> tuple[int, dict]:
    result = CliRunner().invoke(app, ["--json"])
    return result.exit_code, json.loads(result.output)


def test_nothing_runs(home) -> None:
    code, facts = as_json()
    assert code == NOT_RUNNING
    assert facts == {"running": False, "home": str(home), "version": faregate.__version__}
    assert "faregate serve" in CliRunner().invoke(app).output


def test_a_home_that_was_never_made_is_not_running(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("FAREGATE_HOME", str(tmp_path / "nowhere"))
    assert as_json()[0] == NOT_RUNNING


def test_a_running_service_tells_all(home) -> None:
    with subprocess.Popen(
        [sys.executable, str(SERVICE), "works", "2", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        started = json.loads(process.stdout.readline())
        assert process.stdout.readline() == "ready\n"
        lock = HomeLock(home / "run")
        lock.describe({"operations": f"127.0.0.1:{started['operations']}", "pid": process.pid})
        code, facts = as_json()
        shown = CliRunner().invoke(app).output
        lock.release()
        process.terminate()
    assert code == 0
    assert facts["running"] is True
    assert facts["ready"] is True
    assert facts["version"] == faregate.__version__
    assert [p["state"] for p in facts["processes"]][:2] == ["ready"] * 2
    assert "running, ready" in shown
    assert "gate 1" in shown


def test_a_service_that_does_not_answer_is_running_and_not_ready(home) -> None:
    lock = HomeLock(home / "run")
    assert as_json()[1]["reasons"] == ["the service is starting"]
    lock.describe({"operations": "127.0.0.1:1"})
    code, facts = as_json()
    lock.release()
    assert (code, facts["ready"]) == (0, False)
    assert "127.0.0.1:1 does not answer" in facts["reasons"][0]


def test_a_ledger_that_is_out_of_reach_is_told() -> None:
    facts = {"running": True, "ready": True, "reasons": [], "home": "/h", "pid": 5}
    assert "out of reach for 0:01:15" in describe({**facts, "ledger_lag_s": 75.2})
    assert "ledger" not in describe({**facts, "ledger_lag_s": 0.0})


def test_what_is_not_known_is_left_out() -> None:
    text = describe(
        {"running": True, "ready": False, "reasons": ["a", "b"], "home": "/h", "pid": 5}
    )
    assert text.splitlines()[0] == "running, not ready: a; b"
    assert "None" not in text
