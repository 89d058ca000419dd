"""`faregate simulate` starts, says where it is, explains every option, and ends when told.

The table of options in the guide is written by this file: `python -m tests.cli.test_simulate`.
"""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from faregate.cli.simulate import help_text, option_form, simulate
from faregate.simulator.script import OPTIONS

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "simulator.md"
TABLE = re.compile(r"(<!-- options: written [^\n]*-->\n).*?(<!-- options: end -->)", re.DOTALL)
PROGRAM = "import typer; from faregate.cli.simulate import simulate; typer.run(simulate)"


def option_table() -> str:
    """The options of a script as a table."""
    rows = [f"| `{option_form(o)}` | {o.meaning} | `{o.example}` |" for o in OPTIONS]
    return "\n".join(("| Option | What it does | Example |", "|---|---|---|", *rows))


def with_table(page: str) -> str:
    """The guide with the table as it should be."""
    return TABLE.sub(lambda found: f"{found[1]}\n{option_table()}\n\n{found[2]}", page)


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_guide_is_current():
    page = GUIDE.read_text()
    assert page.count("<!-- options: ") == 2
    assert with_table(page) == page


def test_the_help_explains_every_option():
    app = typer.Typer()
    app.command()(simulate)
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert "faregate simulate --port 8410" in shown.output
    assert [o.name for o in OPTIONS if option_form(o) not in shown.output] == []
    assert [o.name for o in OPTIONS if o.meaning not in help_text()] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_end(number):
    child = start("--port", "0", "--json", "--script", "text=hello")
    assert child.stdout is not None
    address = json.loads(child.stdout.readline())["address"]
    request = urllib.request.Request(
        f"{address}/v1/chat/completions", data=b'{"model":"any","messages":[]}'
    )
    with urllib.request.urlopen(request, timeout=5) as reply:
        assert json.load(reply)["choices"][0]["message"]["content"] == "hello"
    child.send_signal(number)
    _, errors = child.communicate(timeout=10)
    assert (child.returncode, errors) == (0, "")


def test_it_says_where_it_is_and_how_to_stop():
    child = start("--port", "0")
    assert child.stdout is not None
    lines = [child.stdout.readline() for _ in range(3)]
    child.terminate()
    child.communicate(timeout=10)
    assert re.match(r"Simulator: http://127\.0\.0\.1:\d+/v1\n", lines[0])
    assert "Ctrl-C" in lines[2]


if __name__ == "__main__":
    GUIDE.write_text(with_table(GUIDE.read_text()))
