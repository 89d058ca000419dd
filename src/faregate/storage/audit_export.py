"""Entries of the audit log as programs read them: JSON lines, CSV."""

import csv
import datetime as dt
import io
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

import msgspec

from faregate.identity.actors import Actor
from faregate.identity.audit_chain import AuditEntry
from faregate.storage.audit_log import AuditLog, AuditQuery

ExportFormat = Literal["jsonl", "csv"]

MEDIA_TYPES: Final[dict[ExportFormat, str]] = {"jsonl": "application/x-ndjson", "csv": "text/csv"}

_EMPTY: Final = AuditEntry(0, 0, Actor("system", ""), "", "")
# A spreadsheet would reckon such a cell; who failed to log in may have chosen its text.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def entry_facts(entry: AuditEntry) -> dict[str, Any]:
    """An entry for a program; `created_ns` is exact, `at` is for people."""
    who = entry.actor
    return {
        "entry": entry.sequence,
        "at": moment_text(entry.created_ns),
        "created_ns": entry.created_ns,
        "actor": who.name,
        "actor_kind": who.kind,
        "actor_id": who.id,
        "token": who.token,
        "address": who.address,
        "act": entry.act,
        "object": entry.object,
        "team": entry.team,
        "outcome": entry.outcome,
        "before": _decoded(entry.before),
        "after": _decoded(entry.after),
        "detail": entry.detail,
        "hash": entry.hash.hex(),
    }


def head_facts(log: AuditLog) -> dict[str, Any]:
    """Number and hash of the newest entry; 0 where there is none."""
    found = log.head()
    return {
        "entry": 0 if found is None else found.sequence,
        "hash": "" if found is None else found.hash.hex(),
    }


def verdict_facts(log: AuditLog, noted: tuple[int, str] | None = None) -> dict[str, Any]:
    """Whether the log is whole, and still has the head that was `noted`."""
    verdict = log.verify()
    problem = verdict.problem
    if problem is None and noted is not None and noted[0]:
        held = log.holds(*noted)
        gone = "was taken away by retention" if held is None else "is not the one that was noted"
        problem = None if held else f"entry {noted[0]} {gone}"
    return {
        "ok": problem is None,
        "problem": problem,
        "broken_at": verdict.broken_at,
        "entries": verdict.entries,
        "first": verdict.start + 1,
        "head": {"entry": verdict.head, "hash": verdict.head_hash},
        "seals_checked": verdict.sealed,
    }


def told_query(query: AuditQuery) -> str:
    """The filters of an export, for its own entry."""
    told = [
        f"{name} {value}"
        for name in ("actor", "act", "object", "team", "outcome")
        if (value := getattr(query, name)) is not None
    ]
    times = (("since", query.since_ns), ("until", query.until_ns))
    told += [f"{name} {moment_text(at_ns)}" for name, at_ns in times if at_ns is not None]
    return ", ".join(told) or "all entries"


def export_lines(entries: Iterable[AuditEntry], form: ExportFormat) -> Iterator[str]:
    """The lines of an export with their ends; CSV begins with names."""
    return facts_lines(map(entry_facts, entries), form)


def facts_lines(entries: Iterable[dict[str, Any]], form: ExportFormat) -> Iterator[str]:
    """The same of what `entry_facts` gave."""
    if form == "csv":
        yield _csv_line(entry_facts(_EMPTY))
    for facts in entries:
        if form == "csv":
            yield _csv_line(_cell(value) for value in facts.values())
        else:
            yield msgspec.json.encode(facts).decode() + "\n"


def cell_text(value: Any) -> str:
    """A value of `entry_facts` as one text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _cell(value: Any) -> str:
    text = cell_text(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv_line(values: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(values)
    return text.getvalue()


def _decoded(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text  # somebody changed it: shown as it is, and told by `verify`


def moment_text(time_ns: int) -> str:
    """A moment to the millisecond, as 2027-01-31T12:00:00.000Z."""
    try:
        at = dt.datetime.fromtimestamp(time_ns / 1_000_000_000, dt.UTC)
    except (OverflowError, ValueError, OSError, TypeError):
        return str(time_ns)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
