"""The program starts light, knows its commands, and never ends in a traceback."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from tests.cli.console import Console

import faregate
from faregate.cli import init as init_module
from faregate.cli.main import ENTRIES, app

PROGRAM = "from faregate.cli.main import main; main()"


def commands_below(command: Any, names: list[str]) -> Iterator[list[str]]:
    if not hasattr(command, "list_commands"):
        yield names
        return
    context = command.context_class(command)
    for name in command.list_commands(context):
        yield from commands_below(command.get_command(context, name), [*names, name])


def every_command() -> list[list[str]]:
    return [*commands_below(typer.main.get_command(app), [])]


@pytest.mark.parametrize("name", every_command(), ids=" ".join)
def test_every_command_helps_and_speaks_json(empty_console: Console, name: list[str]) -> None:
    said = empty_console.good(*name, "--help")
    assert f"faregate {' '.join(name)}" in said.out
    assert "--help" in said.out
    if name[0] in {"init", "config", "keys", "models", "providers", "virtual-models"}:
        assert "Example: faregate" in said.out
        assert "--json" in said.out


def test_help_lists_every_command(empty_console: Console) -> None:
    said = empty_console.good("--help")
    assert [name for name in ENTRIES if f" {name} " not in said.out] == []


def test_help_loads_no_command() -> None:
    program = (
        "import sys; sys.argv = ['faregate', '--help']\n"
        "from faregate.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([m for m in sys.modules if m.startswith('faregate.cli.') and m[13:] != '.main'"
        " and m != 'faregate.cli.main' or m in ('sqlalchemy', 'msgspec')], file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert "Usage" in result.stdout
    assert result.stderr.strip() == "[]"


def test_version(empty_console: Console) -> None:
    assert empty_console.good("--version").out == f"faregate {faregate.__version__}\n"


def test_a_mistyped_command(empty_console: Console) -> None:
    said = empty_console.run("kyes", "list")
    assert said.status == 2
    assert "Did you mean 'keys'" in said.err


def test_home_option(empty_console: Console, tmp_path: Path) -> None:
    empty_console.good("--home", str(tmp_path / "other"), "init")
    assert (tmp_path / "other" / "master.key").exists()
    assert not empty_console.home.root.exists()


def test_errors_are_two_lines(empty_console: Console) -> None:
    said = empty_console.run("keys", "list")
    assert (said.status, said.out) == (1, "")
    lines = said.err.splitlines()
    assert lines[0].startswith("error: there is no installation at ")
    assert lines[1].startswith("fix:   run 'faregate init'")


def test_unexpected_failures(empty_console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_home: object) -> None:
        raise KeyError("odd")

    monkeypatch.setattr(init_module, "prepare_home", fail)
    said = empty_console.run("init")
    assert said.status == 1
    assert said.err.startswith("error: an unexpected failure: KeyError: 'odd'\nfix:   run it again")
    empty_console.setenv("FAREGATE_TRACEBACK", "1")
    with pytest.raises(KeyError):
        empty_console.run("init")


def test_interrupted(empty_console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_home: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(init_module, "prepare_home", interrupt)
    said = empty_console.run("init")
    assert (said.status, said.err) == (130, "")


def test_a_reader_that_leaves(console: Console) -> None:
    for number in range(3):
        console.good("keys", "create", f"k{number}")
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "keys", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    errors = child.stderr.read()
    child.stderr.close()
    assert child.wait(timeout=30) == 1
    assert errors == ""


@pytest.mark.alone
def test_help_is_quick() -> None:
    times = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", PROGRAM, "--version"], check=True, timeout=60)
        times.append(time.perf_counter() - started)
    assert min(times) < 3.0
