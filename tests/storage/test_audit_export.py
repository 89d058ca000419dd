"""An export has all of an entry, and is safe to open."""

import csv
import io
import json
from pathlib import Path

import pytest

from faregate.core.bounds import AUDIT_VALUE_BYTES_MAX
from faregate.identity.actors import Actor
from faregate.identity.audit_chain import AuditEntry
from faregate.storage.audit_export import cell_text, entry_facts, export_lines
from faregate.storage.audit_log import AuditLog
from faregate.storage.database import Database

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "audit.md"
ENTRY = AuditEntry(
    sequence=7,
    created_ns=1_700_000_000_123_456_789,
    actor=Actor("user", "=1+1", "user_1", "tok_1", "192.0.2.7"),
    act="login.fail",
    object="users/x",
    outcome="refused",
    after='{"n":1}',
    hash=b"\xab" * 32,
)


def test_facts_have_every_field() -> None:
    facts = entry_facts(ENTRY)
    assert (facts["at"], facts["after"], facts["before"]) == (
        "2023-11-14T22:13:20.123Z",
        {"n": 1},
        None,
    )
    names = {name.replace("actor_name", "actor") for name in ENTRY.fields()}
    assert set(facts) == (names - {"sequence"}) | {"entry", "at", "hash"}
    assert (cell_text(None), cell_text({"n": 1}), cell_text(5)) == ("", '{"n":1}', "5")


def test_the_guides_own_program_reckons_the_hashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(tmp_path / "faregate.db")
    database.upgrade()
    log = AuditLog(database)
    log.record("ann", "keys.create", "keys/käse", after={"b": [1.5, 1e22, "ü\n"], "a": None})
    log.record(ENTRY.actor, "a.b", "c", team="t", before="x" * AUDIT_VALUE_BYTES_MAX, detail="é")
    log.record("ann", "keys.delete", "keys/a", before={}, outcome="failed")
    lines = "".join(export_lines(log.walk(), "jsonl"))
    (tmp_path / "audit.jsonl").write_text(lines, encoding="utf-8")
    program = GUIDE.read_text().partition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    exec(program, {})
    (tmp_path / "audit.jsonl").write_text(lines.replace("keys.delete", "keys.create"))
    with pytest.raises(AssertionError, match="3"):
        exec(program, {})


def test_lines_of_json() -> None:
    (line,) = export_lines([ENTRY], "jsonl")
    assert json.loads(line) == entry_facts(ENTRY)


def test_cells_that_a_spreadsheet_would_reckon_are_quoted() -> None:
    rows = list(csv.DictReader(io.StringIO("".join(export_lines([ENTRY, ENTRY], "csv")))))
    assert len(rows) == 2
    assert rows[0]["actor"] == "'=1+1"
    assert (rows[0]["after"], rows[0]["hash"]) == ('{"n":1}', "ab" * 32)


def test_what_was_tampered_with_is_still_shown() -> None:
    broken = AuditEntry(1, 2**70, Actor("system", ""), "a", "b", before="{")
    facts = entry_facts(broken)
    assert (facts["before"], facts["at"]) == ("{", str(2**70))
