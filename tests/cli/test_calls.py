"""Calls are listed, followed and told in full, whether or not the server runs."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.calllog.calls import body, call_id, charge, closed, decided, settled, started
from tests.cli.console import Console

from faregate.calllog.frames import Frame, encode_frame
from faregate.storage.journal import JournalWriter


@pytest.fixture
def writer(console: Console) -> Iterator[JournalWriter]:
    writer = JournalWriter(console.home.journal, "0-1-1")
    yield writer
    writer.close()


def write(writer: JournalWriter, *frames: Frame) -> None:
    """What a worker would write."""
    for frame in frames:
        writer.append(encode_frame(frame))


# -- tail ------------------------------------------------------------------------------------------


def test_a_line_a_call(console: Console, writer: JournalWriter) -> None:
    write(writer, closed(1), started(2), settled(2), started(3))
    lines = console.good("calls", "tail").out.splitlines()
    assert [line.split()[2] for line in lines] == [call_id(n) for n in (1, 2, 3)]
    assert ["401 key_unknown" in lines[0], "10/20" in lines[1], " open" in lines[2]] == [True] * 3
    assert len(console.good("calls", "tail", "-n", "1").out.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        (("--refused",), [1]),
        (("--key", "billing"), [2, 3]),
        (("--model", "small-2"), [2, 3]),
        (("--status", "4xx"), [1]),
        (("--status", "200"), [2]),
        (("--status", "200", "--refused"), []),
        (("--application", "shop"), [1, 2]),
        (("--application", "shop", "--customer", "c1"), [2]),
        (("--run", "r1"), [3]),
        (("--run", "r2"), []),
    ],
)
def test_chosen_calls(
    console: Console, writer: JournalWriter, arguments: tuple[str, ...], numbers: list[int]
) -> None:
    write(writer, closed(1, application="shop"), started(3, run="r1"))
    write(writer, started(2, application="shop", customer="c1"), settled(2))
    said = console.good("calls", "tail", "--json", *arguments)
    found = [json.loads(line)["call_id"] for line in said.out.splitlines()]
    assert found == [call_id(number) for number in numbers]


def test_no_calls_are_said_beside_the_output(console: Console) -> None:
    assert console.good("calls", "tail")[1:] == ("", "no calls yet\n")
    assert console.good("calls", "tail", "--refused")[1:] == ("", "no call matches\n")
    assert console.good("calls", "tail", "--json")[1:] == ("", "")


def test_a_status_that_is_none(console: Console) -> None:
    said = console.run("calls", "tail", "--status", "teapot")
    assert (said.status, said.out) == (1, "")
    assert "error: 'teapot' is not a status" in said.err


def test_following_ends_quietly_with_ctrl_c(console: Console, writer: JournalWriter) -> None:
    write(writer, closed(1))
    command = [sys.executable, "-m", "faregate.cli.main", "calls", "tail", "--follow", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = json.loads(process.stdout.readline())
        write(writer, started(2), settled(2))
        second = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert (process.stdout.read(), process.stderr.read()) == ("", "")
    assert [first["call_id"], second["call_id"]] == [call_id(1), call_id(2)]


# -- show ------------------------------------------------------------------------------------------


def test_the_whole_account(console: Console, writer: JournalWriter) -> None:
    write(writer, started(1), body(1, b'{"model": "small"}'), settled(1), closed(2))
    account = console.good("calls", "show", call_id(1)).out
    for part in ("billing (key_1)", "small -> small-2", "200 ok", '{"model": "small"}'):
        assert part in account
    assert "Check that the whole key was copied" in console.good("calls", "show", call_id(2)).out


def test_the_account_for_a_program(console: Console, writer: JournalWriter) -> None:
    write(writer, started(1), settled(1))
    record = console.good("calls", "show", call_id(1), "--json").json
    assert (record["call_id"], record["status"], record["total_us"]) == (call_id(1), 200, 10_000)


def test_money_and_decision_are_told_to_people_and_programs(
    console: Console, writer: JournalWriter
) -> None:
    write(writer, started(1, run="r1"), settled(1, charge=charge(12_300_000)), decided(1))
    assert " 0.0123 " in console.good("calls", "tail").out
    account = console.good("calls", "show", call_id(1)).out
    for part in ("run          r1", "0.0123 of wallet:acme", "RESERVE credit"):
        assert part in account
    record = console.good("calls", "show", call_id(1), "--json").json
    assert record["charge"]["amount"] == "0.0123"
    assert record["charge"]["purses"] == [{"purse": "wallet:acme", "used": "0.0123"}]
    assert [step["verdict"] for step in record["decision"]] == ["passed", "refused"]
    (line,) = console.good("calls", "tail", "--json").out.splitlines()
    assert json.loads(line)["charge"] == record["charge"]


def test_an_unknown_call_is_told_what_to_do(console: Console, writer: JournalWriter) -> None:
    write(writer, closed(1))
    said = console.run("calls", "show", "call_nonsense")
    assert said.status == 1
    assert "error: there is no call 'call_nonsense'" in said.err
    assert "calls.keep_days" in said.err


# -- both ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [("tail",), ("show", "call_1")])
def test_without_a_home(empty_console: Console, arguments: tuple[str, ...]) -> None:
    said = empty_console.run("calls", *arguments)
    assert said.status == 1
    assert "faregate init" in said.err


@pytest.mark.parametrize("command", ["tail", "show"])
def test_help_has_an_example(console: Console, command: str) -> None:
    assert f"Example: faregate calls {command}" in console.good("calls", command, "--help").out
