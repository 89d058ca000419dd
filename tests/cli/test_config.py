"""A file is checked, compared, applied and exported, and no secret is ever printed."""

import stat
from pathlib import Path

import pytest
from tests.cli.console import Console

FILE = """\
version: 1
providers:
  - name: p
    base_url: http://h/v1
    api_key: ${env:P_KEY}
models:
  - name: m
    provider: p
"""


@pytest.fixture
def file(console: Console) -> str:
    console.setenv("P_KEY", "sk-hidden")
    return console.file(FILE)


def test_check(console: Console, file: str) -> None:
    assert console.good("config", "check", file).out == (
        f"{file} is good: 1 provider, 1 model, 0 keys.\n"
    )
    assert console.good("config", "check", file, "--json").json == {
        "ok": True, "providers": 1, "models": 1, "keys": 0
    }  # fmt: skip
    assert "stdin" not in console.good("config", "check", "-", stdin=FILE).err


def test_check_needs_no_installation(empty_console: Console) -> None:
    file = empty_console.file("version: 1\n")
    empty_console.good("config", "check", file)
    assert not empty_console.home.root.exists()


def test_every_mistake_with_its_line(console: Console) -> None:
    file = console.file("provders: []\nsettings:\n  gate: {port: 99999}\n")
    said = console.run("config", "check", file)
    assert said.status == 1
    assert said.err.splitlines() == [
        f"error: {file}:1: provders: unknown field 'provders'; did you mean 'providers'?",
        f"error: {file}:3: settings.gate.port: expected a whole number from 0 up to 65,535, "
        "found 99999",
    ]
    told = console.run("config", "check", file, "--json")
    assert told.status == 1
    assert [problem["line"] for problem in told.json["problems"]] == [1, 3]


@pytest.mark.parametrize(
    ("content", "message"), [(None, "can't be read"), (b"a: 1\nb: \xff\n", "x.yaml:2: the file is")]
)
def test_files_that_are_none(console: Console, content: bytes | None, message: str) -> None:
    path = console.root / "x.yaml"
    if content:
        path.write_bytes(content)
    said = console.run("config", "check", str(path))
    assert said.status == 1
    assert message in said.err


def test_apply(console: Console, file: str) -> None:
    said = console.good("config", "apply", file, "--dry-run")
    assert "+ providers[p].base_url: http://h/v1" in said.out
    assert "nothing was changed" in said.out
    assert console.good("config", "history", "--json").json == []

    said = console.good("config", "apply", file, "-m", "first")
    assert said.out.endswith("Revision 1 is in force.\n")
    assert "hidden" not in said.out
    assert console.good("config", "apply", file).out == (
        "Nothing changes; revision 1 stays in force.\n"
    )
    history = console.good("config", "history", "--json").json
    assert [(row["number"], row["summary"]) for row in history] == [(1, "first")]
    assert "first" in console.good("config", "history").out


def test_apply_json(console: Console, file: str) -> None:
    told = console.good("config", "apply", file, "--json").json
    assert told["revision"] == 1
    assert {"sign": "+", "place": "models[m]"} in told["changes"]
    assert console.good("config", "history", "--json").json[0]["summary"] == (
        "applied faregate.yaml"
    )


def test_a_bad_file_changes_nothing(console: Console, file: str) -> None:
    console.good("config", "apply", file)
    bad = console.file(FILE.replace("provider: p", "provider: q"), "bad.yaml")
    said = console.run("config", "apply", bad)
    assert said.status == 1
    assert f"{bad}:8: models[m].provider: there is no provider 'q'" in said.err
    assert len(console.good("config", "history", "--json").json) == 1


def test_dry_run_refuses_what_apply_refuses(console: Console) -> None:
    console.good("keys", "create", "app")
    file = console.file(f"keys:\n  - name: app\n    secret: sha256:{'0' * 64}\n")
    for arguments in (("apply", file, "--dry-run"), ("diff", file), ("apply", file)):
        said = console.run("config", *arguments)
        assert said.status == 1
        assert "made by command has this name" in said.err


def test_diff(console: Console, file: str) -> None:
    console.good("config", "apply", file)
    assert console.good("config", "diff", file).out == f"{file} is what revision 1 says.\n"
    console.setenv("P_KEY", "sk-hidden-2")
    other = console.file(FILE.replace("name: m", "name: n"), "other.yaml")
    assert console.good("config", "diff", other).out.splitlines() == [
        "+ models[n]",
        "+ models[n].provider: p",
        "- models[m]",
        "~ providers[p].api_key (value): changed",
    ]
    assert console.good("config", "diff", other, "--json").json["changes"][2] == {
        "sign": "-", "place": "models[m]"
    }  # fmt: skip


def test_export_and_apply(console: Console, file: str) -> None:
    console.good("config", "apply", file)
    text = console.good("config", "export").out
    assert "api_key: ${env:P_KEY}" in text
    assert console.good("config", "apply", console.file(text, "again.yaml")).out == (
        "Nothing changes; revision 1 stays in force.\n"
    )
    path = console.root / "out.yaml"
    said = console.good("config", "export", "--output", str(path))
    assert (said.out, path.read_text()) == ("", text)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one for one in console.root.iterdir() if one.name.startswith(".out")] == []
    document = console.good("config", "export", "--json").json["document"]
    assert document["models"] == [{"name": "m", "provider": "p"}]


def test_export_says_what_it_leaves_out(console: Console) -> None:
    console.good("keys", "create", "app")
    said = console.good("config", "export")
    assert "1 key was made by command" in said.err
    assert "name: app" not in said.out


def test_export_to_nowhere(console: Console) -> None:
    said = console.run("config", "export", "-o", str(Path("/proc/none/x.yaml")))
    assert said.status == 1
    assert "can't be written" in said.err
