"""A call is told in full, in line with the others, and steers no terminal."""

import msgspec
from tests.calllog.calls import body, call_id, charge, closed, decided, settled, started

from faregate.calllog.account import (
    WATERFALL_COLUMNS,
    call_account,
    call_line,
    header_line,
    printable,
)
from faregate.calllog.frames import Attempt, CallRecord, Charge, Frame, Usage
from faregate.calllog.records import WorkerCalls, attach_body, attach_decision
from faregate.core.findings import Finding


def _record(*frames: Frame) -> CallRecord:
    changes = WorkerCalls("0-1-1").add(frames)
    return [*changes.opened, *changes.closed][0]


def test_line_of_an_answered_call():
    line = call_line(_record(started(1), settled(1)))
    for part in (call_id(1), "billing", "small -> small-2", "200", "10/20", "10.0 ms", "2.0 ms"):
        assert part in line


def test_line_of_a_refused_call():
    assert "401 key_unknown" in call_line(_record(closed(1)))


def test_line_of_other_endings():
    cancelled = settled(1, outcome="cancelled", usage=Usage(10))
    assert " open" in call_line(_record(started(1)))
    assert "200 cancelled" in call_line(_record(started(1), cancelled))
    assert "10/?" in call_line(_record(started(1), cancelled))
    calls = WorkerCalls("w")
    calls.add([started(1)])
    assert " lost" in call_line(calls.lose().closed[0])


def test_columns_are_aligned():
    header = header_line()
    answered = call_line(_record(started(1), settled(1)))
    refused = call_line(_record(closed(2)))
    assert header.index("CALL") == answered.index("call_") == refused.index("call_")
    assert header.index("STATUS") == answered.index("200") == refused.index("401")


def test_a_charge_has_a_column():
    free = call_line(_record(started(1), settled(1)))
    paid = call_line(_record(started(1), settled(1, charge=charge(12_300_000))))
    end = header_line().index("CHARGE") + len("CHARGE")
    assert paid[:end].endswith(" 0.0123")
    assert free[:end].endswith(" -")


def test_account_tells_who_pays_and_what_moved():
    payers = {"application": "shop", "team": "web", "customer": "c1", "run": "r1"}
    purses = ("wallet:acme", "quota:p/q:shop:2026-11")
    moved = Charge("acme", purses, (12_300_000, 1_030), 12_300_000, 9_000_000, 5, "estimated")
    account = call_account(_record(started(1, **payers), settled(1, charge=moved)))
    for part in (
        "application  shop",
        "team         web",
        "customer     c1",
        "run          r1",
        "Money, in USD",
        "charge       0.0123, by estimate",
        "cost         0.009",
        "shortfall    0.000000005",
        "wallet       acme",
        "moved        0.0123 of wallet:acme",
        "moved        1,030 of quota:p/q:shop:2026-11",
    ):
        assert part in account


def test_account_of_a_call_without_a_price():
    moved = Charge("", ("limit:l:key",), (1,), 0, None, 0, "stated")
    account = call_account(_record(started(1), settled(1, charge=moved)))
    assert "charge       0.00, as the provider states the usage" in account
    assert not {"cost ", "shortfall", "wallet"} & set(account.split())


def test_account_tells_the_decision():
    record = _record(closed(1))
    attach_decision(record, decided(1))
    lines = call_account(record).splitlines()
    at = lines.index("Decision")
    assert lines[at + 1].split() == ["passed", "IDENTIFY", "keys", "the", "key", "is", "known"]
    assert lines[at + 2].startswith("  REFUSED      RESERVE credit")
    assert lines[at + 2].endswith("too little (needed 0.0123)")


def test_account_of_an_answered_call():
    account = call_account(_record(started(1), settled(1)))
    for part in (
        call_id(1),
        "billing (key_1)",
        "127.0.0.1",
        "POST /v1/chat/completions, 250 bytes",
        "small -> small-2",
        "10 in, 20 out",
        "first byte   2.0 ms",
        "https://acme.test/v1",
        "200 ok",
    ):
        assert part in account
    assert "Refusal" not in account
    assert "body" not in account


def test_account_tells_what_is_billed_beside_tokens():
    usage = Usage(10, 2, images=3, web_searches=1, service_tier="flex\x1b[2J")
    account = call_account(_record(started(1), settled(1, usage=usage)))
    assert "10 in, 2 out, 3 images, 1 web searches, at the tier flex" in account
    assert "\x1b" not in account


def test_account_of_a_refusal_says_what_to_do():
    account = call_account(_record(closed(1)))
    assert "This key is not known here: the caller's to mend" in account
    assert "Check that the whole key was copied" in account
    assert "no such key" in account


def test_account_of_a_code_that_is_not_known_any_more():
    account = call_account(_record(closed(1, refusal="gone_code")))
    assert "gone_code" in account


def test_account_of_an_open_call():
    account = call_account(_record(started(1)))
    assert "state        open" in account
    assert "Times" not in account


def test_waterfall_shows_attempts_in_their_time():
    first = Attempt("acme", "https://a.test", "m", 0, None, 5_000, 0, "upstream_unreachable", False)
    second = Attempt("spare", "https://b.test", "m", 5_000, 7_500, 10_000, 200, "ok", True)
    account = call_account(_record(started(1), settled(1, attempts=(first, second))))
    bars = [line.split("|")[1] for line in account.splitlines() if "|" in line]
    quarter = WATERFALL_COLUMNS // 4
    assert bars == [
        "." * 2 * quarter + " " * 2 * quarter,
        " " * 2 * quarter + "." * quarter + "=" * quarter,
    ]


def test_an_attempt_of_no_time_is_seen():
    attempt = Attempt(
        "acme", "https://a.test", "m", 10_000, None, 10_000, 0, "upstream_busy", False
    )
    account = call_account(_record(started(1), settled(1, attempts=(attempt,))))
    assert [line.count(".") for line in account.splitlines() if line.startswith("  1  |")] == [1]


def test_bodies_are_shown():
    record = _record(started(1), settled(1))
    attach_body(record, body(1, b'{"a":\n\t1}'))
    assert '  {"a":\n  \t1}' in call_account(record)


def test_nothing_steers_the_terminal():
    hostile = "\x1b]0;title\x07\x1b[2J\r\u202e"
    record = _record(started(1, user_agent=hostile, model_asked=hostile), settled(1))
    attach_body(record, body(1, hostile.encode()))
    record.run = record.customer = hostile
    record.charge = Charge(hostile, (f"budget:b:{hostile}",), (1,), 1, None, 0, "stated")
    record.decision = (Finding(hostile, hostile, "passed", hostile, ((hostile, hostile),)),)
    for text in (call_line(record), call_account(record)):
        assert not {"\x1b", "\x07", "\r", "\u202e"} & set(text)
    assert printable("a\nb") == "a\\nb"


def test_a_clock_from_nowhere_is_told():
    record = _record(closed(1, started_ns=2**63 - 1))
    assert call_line(msgspec.structs.replace(record, started_ns=-(10**30)))
    assert call_line(record)
