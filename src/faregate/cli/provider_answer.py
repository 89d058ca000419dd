"""faregate diagnose --provider: what an answer means, told offline."""

import difflib
import sys
import time
from pathlib import Path
from typing import Final

import msgspec
import typer

from faregate.calllog.account import printable
from faregate.cli.output import print_json
from faregate.core.errors import FaregateError
from faregate.core.refusals import KINDS
from faregate.providers.answers import Judgement, ProviderAnswer, judge, parse_field, read_answer
from faregate.providers.refusals import REFUSAL_BODY_BYTES_MAX, retry_after_seconds
from faregate.providers.rules import ANY_VENDOR, Rule, all_rules
from faregate.providers.vendors import VENDORS

_FILE_BYTES_MAX: Final = 16 * REFUSAL_BODY_BYTES_MAX

_MEANINGS: Final = {
    "payment_required": "the account there has no credit left",
    "quota_exhausted": "a quota or a spend limit there is used up",
    "rate_limited": "too many requests or tokens in a short time",
    "overloaded": "the provider has too much to do just now",
    "auth": "the provider key is not accepted",
    "permission": "the account may not do this there",
    "invalid_request": "the request itself is at fault",
    "context_length": "the request is too long for the model",
    "content_refused": "what the request says, or its answer, is refused",
    "failed": "an error that no rule explains",
    "none": "no refusal",
}
_SCOPES: Final = {
    "key": "other keys of the account may go on",
    "account": "every key of the account is refused alike",
    "model": "other models of the provider may go on",
    "request": "other requests may go on",
}
_RETRIES: Final = {
    "never": "trying again can't help until something is changed",
    "backoff": "try again, waiting longer each time",
    "retry_after": "try again after the time that the provider names",
    "after_reset": "try again when the quota renews",
}
_ADVICE: Final = {
    "payment_required": "Top up the account at the provider, then run 'faregate providers test'; "
    "until then let another provider serve the model.",
    "quota_exhausted": "Raise the quota or the spend limit at the provider, or wait for it to "
    "renew; until then let another provider serve the model.",
    "rate_limited": "Nothing to mend: callers are told to wait. If it goes on, ask the provider "
    "for a higher rate, or set a limit of your own below it.",
    "overloaded": "Nothing to mend: callers are told to try again. If it goes on, look at the "
    "provider's status page.",
    "auth": "Make a new key at the provider, replace it with 'faregate providers add NAME "
    "--replace --key-stdin', then run 'faregate providers test'.",
    "permission": "Check at the provider which models, regions and projects the key may use.",
    "invalid_request": "Nothing to mend here: the caller gets the provider's own words, and "
    "mends its request.",
    "context_length": "Nothing to mend here: the caller shortens its request, or a virtual model "
    "names a fallback for what is too long.",
    "content_refused": "Nothing to mend here: the caller changes what it asks, or a virtual model "
    "names a fallback for what is refused.",
    "failed": "Look at the provider's status page; if the answer is a page that isn't the "
    "provider's, check base_url and what stands between.",
    "none": "Nothing to do.",
}


class GateAnswer(msgspec.Struct, frozen=True):
    """What the gate makes of it; `code` of None: passed on as it came."""

    status: int
    code: str | None
    title: str | None


class MatchedRule(msgspec.Struct, frozen=True):
    """The row of refusals.json that matched, counted from 0."""

    row: int
    conditions: list[str]
    evidence: str
    source: str


class Told(msgspec.Struct, frozen=True):
    """The whole diagnosis of one answer."""

    provider: str
    status: int
    status_guessed: bool
    in_stream: bool
    meaning: str
    detail: str
    scope: str
    retry: str
    retry_after_s: float | None
    side: str
    rule: MatchedRule | None
    gate_answers: GateAnswer
    operator_does: str


def known_providers() -> list[str]:
    """Every name that --provider takes."""
    named = {numbered.rule.provider for numbered in all_rules()} - {ANY_VENDOR}
    return sorted(named | set(VENDORS))


def diagnose_answer(
    provider: str, file: str, status: int | None, headers: list[str], *, as_json: bool
) -> None:
    """Print what the answer in `file` means; raises `FaregateError`."""
    _require_known(provider)
    try:
        fields = tuple(map(parse_field, headers))
    except ValueError as error:
        raise FaregateError(str(error), fix="such as --header 'retry-after: 20'") from None
    answer = read_answer(_read(file), status, fields)
    judged = judge(provider, answer)
    if judged is None:
        raise FaregateError(
            "the answer doesn't say its status",
            fix="give it with --status, or a file as 'curl -i' writes it",
        )
    told = tell(provider, answer, judged, time.time())
    if as_json:
        print_json(told)
    else:
        for line in lines(told):
            typer.echo(printable(line))


def _require_known(provider: str) -> None:
    known = known_providers()
    if provider in known:
        return
    near = difflib.get_close_matches(provider.lower(), known, n=2, cutoff=0.5)
    suggestion = f"did you mean {' or '.join(near)}? " if near else ""
    raise FaregateError(
        f"no provider {provider!r} is known",
        fix=f"{suggestion}known are {', '.join(known)}; "
        "openai_compatible is for any other that speaks OpenAI's format",
    )


def _read(file: str) -> bytes:
    try:
        if file == "-":
            data = sys.stdin.buffer.read(_FILE_BYTES_MAX + 1)
        else:
            with Path(file).open("rb") as opened:
                data = opened.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise FaregateError(
            f"{file} can't be read: {error.strerror}", fix="name a file, or - for standard input"
        ) from error
    if len(data) > _FILE_BYTES_MAX:
        raise FaregateError(
            f"{file} is larger than any refusal", fix="give the answer alone, below 4 MiB"
        )
    return data


def tell(provider: str, answer: ProviderAnswer, judged: Judgement, now_s: float) -> Told:
    """What is known of an answer, in the words of people."""
    found = judged.found
    # What begins well goes to the caller as it came, errors within it as well.
    passes = judged.status < 300 or found.refusal_code is None
    kind = None if passes else KINDS[found.refusal_code or ""]
    side = kind.side if kind is not None else "caller"
    if found.refusal_code is not None:
        side = KINDS[found.refusal_code].side
    rule = all_rules()[found.rule].rule if found.rule is not None else None
    return Told(
        provider=provider,
        status=judged.status,
        status_guessed=judged.guessed,
        in_stream=judged.streamed,
        meaning=found.meaning,
        detail=found.detail,
        scope=found.scope,
        retry=found.retry,
        retry_after_s=retry_after_seconds(answer.fields, answer.body, now_s),
        side="none" if found.meaning == "none" else side,
        rule=_matched(found.rule, rule) if found.rule is not None and rule is not None else None,
        gate_answers=GateAnswer(
            kind.status if kind is not None else judged.status,
            kind.code if kind is not None else None,
            kind.title if kind is not None else None,
        ),
        operator_does=_ADVICE[found.meaning],
    )


def _matched(row: int, rule: Rule) -> MatchedRule:
    statuses = " or ".join(map(str, rule.status))
    conditions = ["any status" if "*" in rule.status else f"status {statuses}"]
    conditions += [
        f"{clause.path} {clause.op} {msgspec.json.encode(clause.value).decode()}"
        for clause in rule.match
    ]
    whose = "any provider" if rule.provider == ANY_VENDOR else rule.provider
    return MatchedRule(row, [f"from {whose}", *conditions], rule.evidence, rule.source)


def lines(told: Told) -> list[str]:
    """The diagnosis for a person."""
    status = f"{told.status}" + (
        " (a guess: the answer doesn't say)" if told.status_guessed else ""
    )
    where = ", in a stream" if told.in_stream else ""
    detail = f" ({told.detail})" if told.detail else ""
    rows = [
        ("answer", f"{told.provider}, status {status}{where}"),
        ("meaning", f"{told.meaning}: {_MEANINGS[told.meaning]}{detail}"),
    ]
    if told.meaning != "none":
        wait = f"; it names {told.retry_after_s:g} s" if told.retry_after_s is not None else ""
        rows += [
            ("scope", f"{told.scope}: {_SCOPES[told.scope]}"),
            ("side", told.side),
            ("retry", f"{told.retry}: {_RETRIES[told.retry]}{wait}"),
        ]
    if told.rule is not None:
        rows += [
            ("rule", f"row {told.rule.row}: {', '.join(told.rule.conditions)}"),
            ("source", f"{told.rule.evidence}: {told.rule.source}"),
        ]
    else:
        rows.append(("rule", "none matches; the status alone was read"))
    made = told.gate_answers
    passed = f"passes it on as it came, with status {made.status}"
    answers = passed if made.code is None else f"{made.status} {made.code}: {made.title}"
    rows += [("gate answers", answers), ("operator", told.operator_does)]
    return [f"{name:<13}{value}" for name, value in rows]
