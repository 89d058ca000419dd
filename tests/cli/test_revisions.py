"""Changes are listed and rolled back; drafts are published together."""

import re

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
MORE = FILE + "  - name: n\n    provider: p\n"


@pytest.fixture
def applied(console: Console) -> Console:
    console.setenv("P_KEY", "sk-hidden")
    console.good("apply", "-f", console.file(FILE), "-m", "the beginning")
    return console


def test_apply_and_list(applied: Console) -> None:
    (row,) = applied.good("revisions", "list", "--json").json
    assert (row["number"], row["summary"], row["message"]) == (
        1, "applied faregate.yaml", "the beginning",
    )  # fmt: skip
    lines = applied.good("revisions", "list").out.splitlines()
    assert re.split(r"  +", lines[0]) == ["REVISION", "WHEN", "WHO", "WHAT", "WHY"]
    assert lines[1].endswith("the beginning")
    assert applied.good("revisions", "list", "--before", "1").out == (
        "There are no such revisions.\n"
    )
    applied.good("teams", "add", "sales")
    rows = applied.good("revisions", "list", "--item", "teams/sales", "--json").json
    assert [row["number"] for row in rows] == [2]
    said = applied.run("revisions", "list", "--item", "things/x")
    assert (said.status, "names no item" in said.err) == (1, True)


def test_dry_run(applied: Console) -> None:
    said = applied.good("apply", "-f", applied.file(MORE), "--dry-run")
    assert said.out.endswith("2 changes to revision 1; nothing was changed.\n")
    assert len(applied.good("revisions", "list", "--json").json) == 1


def test_show(applied: Console) -> None:
    said = applied.good("revisions", "show", "1")
    assert "why: the beginning" in said.out
    assert "(command)" in said.out
    assert "+ models[m].provider: p" in said.out
    assert "hidden" not in said.out
    shown = applied.good("revisions", "show", "1", "--json").json
    assert shown["revision"]["number"] == 1
    missing = applied.run("revisions", "show", "7")
    assert missing.status == 1
    assert "there is no revision 7" in missing.err
    applied.good("keys", "create", "app")
    assert "Only keys were changed" in applied.good("revisions", "show", "2").out


def test_compare(applied: Console) -> None:
    applied.good("apply", "-f", applied.file(MORE))
    assert applied.good("revisions", "compare", "1", "2").out.splitlines() == [
        "+ models[n]",
        "+ models[n].provider: p",
    ]
    assert applied.good("revisions", "compare", "2", "1", "--json").json["changes"] == [
        {"sign": "-", "place": "models[n]"}
    ]
    assert applied.good("revisions", "compare", "2", "2").out == (
        "Revisions 2 and 2 say the same.\n"
    )


def test_roll_back(applied: Console) -> None:
    applied.good("apply", "-f", applied.file(MORE))
    said = applied.good("revisions", "rollback", "1", "--dry-run")
    assert said.out == "- models[n]\n1 change to revision 2; nothing was changed.\n"
    applied.good("keys", "create", "app")
    said = applied.good("revisions", "rollback", "1", "-m", "not yet")
    assert said.out == "- models[n]\nRevision 4 is in force, as revision 1 was.\n"
    assert "1 key that was made, changed or revoked by command since stays" in said.err
    assert applied.good("revisions", "list", "--json").json[0]["message"] == "not yet"
    assert applied.good("revisions", "rollback", "1").out == (
        "Nothing changes; revision 4 stays in force.\n"
    )
    told = applied.good("revisions", "rollback", "2", "--json").json
    assert (told["revision"], told["dry_run"]) == (5, False)


def test_a_draft_is_published(applied: Console) -> None:
    assert "Nothing is staged" in applied.good("revisions", "staged").out
    file = applied.file(MORE)
    said = applied.good("apply", "-f", file, "--stage", "-m", "another model")
    assert said.out.startswith("The draft shared has 1 item;")
    assert applied.good("revisions", "list", "--json").json[0]["number"] == 1
    assert "another model" in applied.good("revisions", "staged").out
    assert applied.good("revisions", "staged", "--json").json[0]["items"][0]["name"] == "n"
    assert applied.good("revisions", "staged", "shared").out == (
        "+ models[n]\n+ models[n].provider: p\n2 changes to revision 1.\n"
    )
    assert applied.good("revisions", "publish").out == (
        "Published shared; revision 2 is in force.\n"
    )
    assert applied.good("revisions", "list", "--json").json[0]["message"] == "another model"
    assert applied.good("revisions", "stage", file).out == (
        "Nothing is staged: the file is what is in force.\n"
    )
    assert "nothing is staged in the draft 'shared'" in applied.run("revisions", "publish").err


def test_a_draft_that_was_overtaken(applied: Console) -> None:
    changed = FILE.replace("provider: p", "provider: p\n    upstream_model: u")
    applied.good("revisions", "stage", applied.file(changed), "--draft", "mine")
    applied.good("apply", "-f", applied.file(changed.replace("u\n", "v\n"), "other.yaml"))
    said = applied.run("revisions", "publish", "mine")
    assert (said.status, "changed in force since it was staged" in said.err) == (1, True)
    shown = applied.good("revisions", "staged", "mine")
    assert "models/m was changed in force" in shown.err
    assert "can't be published so" in shown.out
    told = applied.good("revisions", "discard", "mine", "--item", "models/m", "--json").json
    assert told == {"draft": "mine", "discarded": 1}
    said = applied.run("revisions", "discard", "mine")
    assert (said.status, "nothing is staged in the draft 'mine'" in said.err) == (1, True)


def test_stage_is_no_dry_run(applied: Console) -> None:
    said = applied.run("apply", "-f", applied.file(MORE), "--stage", "--dry-run")
    assert (said.status, "exclude each other" in said.err) == (1, True)


def test_export_is_applied_to_an_empty_installation(applied: Console) -> None:
    text = applied.good("export").out
    assert applied.good("config", "export").out == text
    assert applied.good("apply", "-f", "-", stdin=text).out.startswith("Nothing changes")
