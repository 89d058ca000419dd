"""A change is done, tried out or staged, and told in the same words."""

import msgspec
import pytest
from tests.cli.console import Console

from faregate.cli.changing import Manner, Wanted, carry_out, read_file
from faregate.configuration.commerce import Team
from faregate.configuration.document import Document
from faregate.core.errors import FaregateError


def with_team(document: Document) -> Document:
    return msgspec.structs.replace(document, teams=(*document.teams, Team(name="new")))


WANTED = Wanted(with_team, lambda: "added the team new", frozenset)


def test_done(console: Console, capsys: pytest.CaptureFixture[str]) -> None:
    changes = carry_out(WANTED, Manner(False, None, "why", False))
    assert [str(one) for one in changes] == ["+ teams[new]"]
    assert capsys.readouterr().out == "+ teams[new]\nRevision 1 is in force.\n"
    [row] = console.good("revisions", "list", "--json").json
    assert (row["summary"], row["message"]) == ("added the team new", "why")


def test_tried_or_staged(console: Console, capsys: pytest.CaptureFixture[str]) -> None:
    assert carry_out(WANTED, Manner(True, None, None, False)) == ()
    assert carry_out(WANTED, Manner(False, "d", None, False)) == ()
    assert "The draft d has 1 item" in capsys.readouterr().out
    with pytest.raises(FaregateError, match="exclude each other"):
        carry_out(WANTED, Manner(True, "d", None, False))
    assert console.good("teams", "list", "--json").json == []


def test_what_changes_nothing_makes_no_revision(console: Console) -> None:
    same = Wanted(lambda document: document, lambda: "nothing", frozenset)
    assert carry_out(same, Manner(False, None, None, True)) == ()
    assert console.good("revisions", "list", "--json").json == []


def test_files(console: Console) -> None:
    assert read_file(None) is None
    tree = read_file(console.file("a: 1"))
    assert tree is not None
    assert tree.bare() == {"a": 1}
    (console.root / "bad").write_bytes(b"\xff")
    with pytest.raises(FaregateError, match="is not UTF-8"):
        read_file(str(console.root / "bad"))
    with pytest.raises(FaregateError, match="can't be read"):
        read_file(str(console.root / "none"))
    with pytest.raises(FaregateError, match="this is not YAML"):
        read_file(console.file("a: [", "broken.yaml"))
