"""Words are completed: commands, options, choices, files, and names of what there is."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer.main
from tests.cli.console import Console

from faregate.cli.completion import Shell, completed
from faregate.cli.main import app


def words(*typed: str) -> list[str]:
    """What completes the last of these words."""
    return [word.text for word in completed(typer.main.get_command(app), typed)]


@pytest.fixture
def filled(console: Console) -> Console:
    console.good("providers", "add", "openai")
    console.good("providers", "add", "own", "--base-url", "http://h/v1")
    console.good("models", "add", "gpt", "--provider", "own")
    console.good("teams", "add", "sales")
    console.good("keys", "create", "shop")
    console.good("keys", "create", "old")
    console.good("keys", "revoke", "old")
    return console


def test_commands(empty_console: Console) -> None:
    assert {"keys", "models", "serve", "completion"} <= set(words(""))
    assert words("key") == ["keys"]
    assert {"create", "list", "revoke"} <= set(words("keys", ""))
    assert words("nothing", "") == words("")
    assert all(word.told for word in completed(typer.main.get_command(app), [""]))


def test_options(empty_console: Console) -> None:
    assert "--model" in words("keys", "create", "--")
    assert "--json" in words("keys", "list", "-")
    assert "--home" in words("--h")
    assert {"hour", "day", "model"} <= set(words("wallets", "statement", "shop", "--by", ""))
    assert words("completion", "") == [shell.value for shell in Shell]


def test_names(filled: Console) -> None:
    assert words("providers", "remove", "") == ["openai", "own"]
    assert words("providers", "remove", "op") == ["openai"]
    assert words("models", "add", "new", "--provider", "o") == ["openai", "own"]
    assert words("keys", "create", "new", "--model", "") == ["gpt"]
    assert words("keys", "revoke", "") == ["shop"]
    assert words("applications", "add", "new", "--team", "s") == ["sales"]
    assert words("teams", "add", "") == []
    assert words("keys", "revoke", "shop", "") == []
    assert words("--home", str(filled.home.root), "keys", "revoke", "") == ["shop"]


def test_words_of_the_configuration(filled: Console) -> None:
    assert {"limits", "identity-providers"} <= set(words("items", "list", ""))
    assert words("items", "show", "models", "") == ["gpt"]
    assert words("items", "remove", "--json", "providers", "own", "o") == ["openai", "own"]
    assert words("items", "show", "nothing", "") == []
    assert words("items", "set", "limits", "hourly", "ma") == ["max="]
    assert "settings.models=" in words("items", "set", "teams", "sales", "")
    assert words("settings", "set", "gate.po") == ["gate.port="]
    assert words("settings", "show", "gate.po") == ["gate.port"]
    assert "jwt_issuers=" in words("callers", "set", "")
    filled.good("items", "set", "prices", "gpt", "input=1", "output=2")
    assert words("items", "show", "prices", "") == ["gpt"]
    assert words("nodes", "show", "") == []


def test_names_of_nothing(empty_console: Console) -> None:
    assert words("keys", "revoke", "") == []
    assert words("providers", "remove", "") == []
    assert words("profiles", "use", "") == ["local"]


def test_files(empty_console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "faregate.yaml").write_text("")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    assert words("config", "apply", "f") == ["faregate.yaml", "folder/"]
    assert words("serve", "--config", f"{tmp_path}/fare") == [f"{tmp_path}/faregate.yaml"]


def run(program: str, *arguments: str) -> str:
    """What a shell prints."""
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def test_bash(filled: Console) -> None:
    script = filled.good("completion", "bash").out
    assert "~/.bashrc" in script
    binary = Path(sys.executable).with_name("faregate")
    asked = (
        f'{script}\nCOMP_WORDS=("{binary}" keys revoke "s"); COMP_CWORD=3; _faregate; '
        'echo "${COMPREPLY[@]}"'
    )
    assert run("bash", "-c", asked) == "shop\n"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_can_read_it(empty_console: Console, shell: str) -> None:
    script = empty_console.good("completion", shell).out
    assert "_FAREGATE_COMPLETE=1" in script
    if shutil.which(shell):
        assert run(shell, "-n", empty_console.file(script, "script")) == ""


def test_it_answers_soon_and_loads_little(filled: Console) -> None:
    program = (
        "import sys; from faregate.cli.main import main; main(['keys', 'revoke', ''])\n"
        "print([m for m in ('sqlalchemy', 'httpx2', 'fastapi') if m in sys.modules])"
    )
    environment = {**os.environ, "_FAREGATE_COMPLETE": "1"}
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment,
        timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["shop", "[]"]
    assert time.monotonic() - begun < 10
