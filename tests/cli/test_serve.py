"""`faregate serve` refuses what it can't do in a line, before anything is begun."""

import socket

import pytest
import typer
from typer.testing import CliRunner

from faregate.cli.serve import serve
from faregate.core.errors import FaregateError
from faregate.storage.home import Home
from faregate.storage.preparation import prepare_home
from faregate.supervisor.lock import HomeLock

app = typer.Typer()
app.command()(serve)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("FAREGATE_HOME", str(tmp_path / "home"))
    return Home(tmp_path / "home")


def failure(*arguments: str) -> FaregateError:
    result = CliRunner().invoke(app, [*arguments, "--operations-port", "0"])
    assert isinstance(result.exception, FaregateError), result.output
    return result.exception


def test_a_home_that_was_never_made_is_not_made_in_passing(home) -> None:
    assert "no installation" in failure().message
    assert not home.root.exists()


def test_a_home_that_is_served_already_is_left_alone(home) -> None:
    prepare_home(home)
    lock = HomeLock(home.run)
    assert "already serves" in failure().message
    lock.release()


def test_a_taken_port_is_named(home) -> None:
    prepare_home(home)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = failure("--port", str(port))
    assert f"port {port} on 127.0.0.1 is taken" in error.message
    assert "--port" in error.fix


def test_a_port_that_is_none_is_wrong_use(home, monkeypatch) -> None:
    monkeypatch.setenv("FAREGATE_PORT", "many")
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 2
    assert "FAREGATE_PORT" in result.output


def test_the_first_owner_is_told_once(home) -> None:
    prepare_home(home)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        outputs = [
            CliRunner().invoke(app, ["--operations-port", "0", "--port", port]).output
            for _ in range(2)
        ]
    assert "The owner of this installation is admin@localhost" in outputs[0]
    assert outputs[1] == ""
