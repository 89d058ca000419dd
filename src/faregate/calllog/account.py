"""A call told to a person: one line, or the whole account.

Much of a record was sent by callers and providers, so whatever could steer a terminal is shown
as an escape instead.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Final

from faregate.calllog.frames import Attempt, CallRecord, Charge, Usage
from faregate.core.findings import Finding, Verdict
from faregate.core.money import CURRENCY, format_amount
from faregate.core.refusals import KINDS
from faregate.ledger.purses import holds_money

WATERFALL_COLUMNS: Final = 40
_SIDES: Final = {
    "caller": "the caller's to mend",
    "operator": "the operator's to mend",
    "provider": "the provider's fault",
}
# Wide enough for most; a longer value pushes its own line out, and is never cut short.
_WIDTHS: Final = (19, 31, 14, 32, 26, 13, 11, 9)
_RIGHT: Final = {5, 6, 7}
_VERDICTS: Final[dict[Verdict, str]] = {
    "passed": "passed",
    "refused": "REFUSED",
    "not_reached": "not reached",
    "not_applicable": "-",
}

HEADER: Final = (
    "TIME", "CALL", "KEY", "MODEL", "STATUS", "TOKENS IN/OUT", "CHARGE", "TOTAL", "FIRST BYTE",
)  # fmt: skip


def printable(text: str, keep: str = "") -> str:
    """`text` with control characters escaped, except those in `keep`."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in keep
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def header_line() -> str:
    """Names above the columns of `call_line`."""
    return _columns(HEADER)


def call_line(record: CallRecord) -> str:
    """One aligned line: when, which, who, what, its end, its size, its time."""
    return _columns(
        (
            f"{_moment(record.started_ns):%Y-%m-%d %H:%M:%S}",
            record.call_id,
            record.key_name or record.key_id or "-",
            _models(record),
            _ending(record),
            _tokens(record.usage),
            "-" if record.charge is None else format_amount(record.charge.charge_nano),
            _duration(record.total_us),
            _duration(record.first_byte_us),
        )
    )


def call_account(record: CallRecord) -> str:
    """Everything known of a call, in sections."""
    sections: list[tuple[str, Iterable[tuple[str, str | None]]]] = [
        (f"Call {record.call_id}", _summary(record)),
        ("Who", _who(record)),
        ("What", _what(record)),
        (f"Money, in {CURRENCY}", _money(record.charge)),
        ("Times", _times(record)),
        ("Refusal", _refusal(record)),
    ]
    lines: list[str] = []
    for title, rows in sections:
        shown = [(name, printable(value)) for name, value in rows if value]
        if shown:
            lines += ["", printable(title), *(f"  {name:<12} {value}" for name, value in shown)]
    if record.attempts:
        lines += ["", "Attempts", *_waterfall(record)]
    if record.decision:
        lines += ["", "Decision", *finding_lines(record.decision)]
    lines += _body("Request body", record.request_body, record.request_body_bytes)
    lines += _body("Reply body", record.reply_body, record.reply_body_bytes)
    return "\n".join(lines[1:])


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """A line a step: its verdict, its name, what it said, its numbers."""
    for finding in findings:
        numbers = ", ".join(f"{name} {value}" for name, value in finding.numbers)
        said = f"{finding.detail} ({numbers})" if numbers else finding.detail
        step, verdict = f"{finding.phase} {finding.policy}", _VERDICTS[finding.verdict]
        yield f"  {verdict:<11}  {printable(step):<24} {printable(said)}".rstrip()


def _columns(cells: Iterable[str]) -> str:
    padded = []
    for at, cell in enumerate(map(printable, cells)):
        width = _WIDTHS[at] if at < len(_WIDTHS) else 0
        padded.append(cell.rjust(width) if at in _RIGHT else cell.ljust(width))
    return "  ".join(padded).rstrip()


def _moment(time_ns: int) -> dt.datetime:
    """Local time; a clock may have been anywhere when it was read."""
    try:
        return dt.datetime.fromtimestamp(time_ns / 1e9, dt.UTC).astimezone()
    except (OverflowError, ValueError, OSError):
        return dt.datetime.fromtimestamp(0, dt.UTC)


def _models(record: CallRecord) -> str:
    if record.model_served and record.model_served != record.model_asked:
        return f"{record.model_asked} -> {record.model_served}"
    return record.model_asked or "-"


def _ending(record: CallRecord) -> str:
    if record.state == "open":
        return "open"
    status = "" if not record.status else f"{record.status} "
    if record.refusal:
        return status + record.refusal
    if record.outcome == "answered":
        return status.strip() or "answered"
    return status + (record.outcome or "closed")


def _tokens(usage: Usage | None) -> str:
    if usage is None:
        return "-"
    known = (usage.input_tokens, usage.output_tokens)
    return "/".join("?" if count is None else str(count) for count in known)


def _duration(time_us: int | None) -> str:
    if time_us is None:
        return "-"
    if time_us < 1_000:
        return f"{time_us} us"
    if time_us < 1_000_000:
        return f"{time_us / 1_000:.1f} ms"
    return f"{time_us / 1_000_000:.2f} s"


def _summary(record: CallRecord) -> Iterator[tuple[str, str | None]]:
    yield "state", f"{record.state}, {_ending(record)}" if record.state == "closed" else "open"
    yield "started", f"{_moment(record.started_ns):%Y-%m-%d %H:%M:%S.%f %z}"
    yield "detail", None if record.refusal else record.detail
    yield "worker", record.worker
    yield "revision", str(record.revision)


def _who(record: CallRecord) -> Iterator[tuple[str, str | None]]:
    names = [record.key_name, f"({record.key_id})" if record.key_id else ""]
    yield "key", " ".join(filter(None, names)) or "none"
    yield "application", record.application
    yield "team", record.team
    yield "customer", record.customer
    yield "run", record.run
    yield "acting", record.acting
    yield "address", record.client_address
    yield "user agent", record.user_agent


def _what(record: CallRecord) -> Iterator[tuple[str, str | None]]:
    yield "request", f"{record.method} {record.path}, {record.request_bytes:,} bytes"
    yield "model", _models(record)
    yield "provider", record.provider
    events = f", {record.events:,} events" if record.streamed else ""
    yield "reply", None if record.state == "open" else f"{record.reply_bytes:,} bytes{events}"
    yield "tokens", _usage(record.usage)


def _usage(usage: Usage | None) -> str | None:
    if usage is None:
        return None
    counts = [
        (usage.input_tokens, "in"),
        (usage.output_tokens, "out"),
        (usage.cached_input_tokens, "of the input cached"),
        (usage.cache_write_tokens, "of the input written to the cache"),
        (usage.reasoning_tokens, "of the output reasoning"),
        (usage.images, "images"),
        (usage.audio_input_ms, "ms of audio"),
        (usage.characters, "characters"),
        (usage.search_units, "search units"),
        (usage.web_searches, "web searches"),
        (usage.tool_calls, "calls of the vendor's tools"),
    ]
    told = [f"{count:,} {name}" for count, name in counts if count is not None]
    if usage.service_tier is not None:
        told.append(f"at the tier {usage.service_tier}")
    return ", ".join(told)


def _money(charge: Charge | None) -> Iterator[tuple[str, str | None]]:
    if charge is None:
        return
    by = "as the provider states the usage" if charge.basis == "stated" else "by estimate"
    yield "charge", f"{format_amount(charge.charge_nano)}, {by}"
    yield "cost", None if charge.cost_nano is None else format_amount(charge.cost_nano)
    if charge.shortfall_nano:
        yield "shortfall", f"{format_amount(charge.shortfall_nano)}, not to be had: the operator's"
    yield "wallet", charge.wallet
    for purse_id, used in zip(charge.purses, charge.used, strict=False):
        amount = format_amount(used) if holds_money(purse_id) else f"{used:,}"
        yield "moved", f"{amount} of {purse_id}"


def _times(record: CallRecord) -> Iterator[tuple[str, str | None]]:
    yield "queued", None if record.queue_us is None else _duration(record.queue_us)
    yield "first byte", None if record.first_byte_us is None else _duration(record.first_byte_us)
    yield "total", None if record.total_us is None else _duration(record.total_us)


def _refusal(record: CallRecord) -> Iterator[tuple[str, str | None]]:
    if not record.refusal:
        return
    yield "code", record.refusal
    kind = KINDS.get(record.refusal)
    if kind is not None:
        yield "meaning", f"{kind.title}: {_SIDES[kind.side]}"
    yield "detail", record.detail
    if kind is not None:
        yield "try again", "yes" if kind.retryable else "no, it won't help"
        yield "fix", kind.fix


def _waterfall(record: CallRecord) -> Iterator[str]:
    """A line an attempt: dots while it waits for the first byte, bars while bytes come."""
    ends = [attempt.ended_us for attempt in record.attempts]
    whole_us = max(1, record.total_us or 0, *ends)
    for number, attempt in enumerate(record.attempts, 1):
        status = f"{attempt.status} " if attempt.status else ""
        reused = "kept connection" if attempt.connection_reused else "new connection"
        to = " ".join(filter(None, (attempt.provider, attempt.upstream_model, attempt.upstream)))
        yield f"  {number}  |{_bar(attempt, whole_us)}| {status}{printable(attempt.result)}"
        yield f"     {printable(to)}, {reused}"
        times = f"     begun {_duration(attempt.begun_us)}, ended {_duration(attempt.ended_us)}"
        if attempt.first_byte_us is not None:
            times += f", first byte {_duration(attempt.first_byte_us)}"
        yield times


def _bar(attempt: Attempt, whole_us: int) -> str:
    def column(time_us: int) -> int:
        return min(WATERFALL_COLUMNS, max(0, time_us) * WATERFALL_COLUMNS // whole_us)

    begin = min(column(attempt.begun_us), WATERFALL_COLUMNS - 1)
    end = max(column(attempt.ended_us), begin + 1)
    first = attempt.first_byte_us
    middle = end if first is None else min(max(column(first), begin), end)
    bar = " " * begin + "." * (middle - begin) + "=" * (end - middle)
    return bar.ljust(WATERFALL_COLUMNS)


def _body(title: str, text: str | None, whole_bytes: int | None) -> list[str]:
    if text is None:
        return []
    size = f", {whole_bytes:,} bytes before that" if whole_bytes is not None else ""
    shown = printable(text, "\n\t")
    lines = (f"  {line}" for line in shown.split("\n"))
    return ["", f"{title} (masked, perhaps cut{size})", *lines]
