"""Calls elsewhere are listed, told and followed as those on this machine are."""

import json
from collections.abc import Iterator

import pytest
from tests.calllog.calls import call_id, charge, closed, decided, settled, started
from tests.cli.anywhere import console_at
from tests.cli.console import Console

from faregate.calllog.frames import Frame, encode_frame
from faregate.calllog.query import CallFilter
from faregate.cli import remote_calls
from faregate.cli.remote_calls import RemoteFollower, remote_call_log
from faregate.cli.remote_profiles import chosen
from faregate.storage.journal import JournalWriter


@pytest.fixture
def writer(empty_console: Console) -> Iterator[JournalWriter]:
    with console_at("elsewhere", empty_console):
        writer = JournalWriter(empty_console.home.journal, "0-1-1")
        yield writer
        writer.close()


def write(writer: JournalWriter, *frames: Frame) -> None:
    for frame in frames:
        writer.append(encode_frame(frame))


def here(console: Console, *command: str) -> str:
    """What the same command prints on the machine itself."""
    console.setenv("FAREGATE_PROFILE", "local")
    try:
        return console.good(*command).out
    finally:
        console.setenv("FAREGATE_PROFILE", "")


def test_the_same_lines(empty_console: Console, writer: JournalWriter) -> None:
    write(writer, closed(1), started(2), settled(2, charge=charge()), started(3), decided(1))
    for command in (
        ("calls", "tail"),
        ("calls", "tail", "-n", "1"),
        ("calls", "tail", "--refused"),
        ("calls", "tail", "--status", "2xx"),
        ("calls", "tail", "--status", "401"),
    ):
        assert empty_console.good(*command).out == here(empty_console, *command), command
    account = empty_console.good("calls", "show", call_id(2)).out.splitlines()
    told_here = here(empty_console, "calls", "show", call_id(2)).splitlines()
    assert [line for line in told_here if "queued" not in line] == account
    assert empty_console.good("calls", "tail", "-n", "0").out == ""
    listed = empty_console.good("calls", "tail", "--json").out.splitlines()
    assert [json.loads(line)["call_id"] for line in listed] == [call_id(n) for n in (1, 2, 3)]
    shown = empty_console.good("calls", "show", call_id(1), "--json").json
    facts = json.loads(here(empty_console, "calls", "show", call_id(1), "--json"))
    for finding in (*shown["decision"], *facts["decision"]):
        finding.pop("operator_only")  # all of it is told to whoever may read calls
    assert shown["decision"] == facts["decision"]
    assert "there is no call" in empty_console.run("calls", "show", "call_x").err.lower()


def test_following(
    empty_console: Console, writer: JournalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_calls, "POLL_S", 0.0)
    monkeypatch.setattr(remote_calls, "_LONGEST_NS", 10**18)
    write(writer, closed(1), started(2))
    target = chosen()
    assert target is not None
    with remote_call_log(target) as log:
        follower = log.follow(CallFilter(closed=True))
        assert isinstance(follower, RemoteFollower)
        assert follower.poll() == []
        write(writer, settled(2), started(3), closed(4))
        assert {one.call_id for one in follower.poll()} == {call_id(2), call_id(4)}
        assert follower.poll() == []
        follower.close()
