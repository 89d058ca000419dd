"""`faregate diagnose` explains a provider's answer offline, and a call before it is made."""

import pytest
from tests.cli.console import Console

EMPTY = '{"error":{"code":"credit_balance_exhausted","message":"no credit"}}'


def test_an_answer_is_explained_to_a_person(empty_console: Console):
    console = empty_console
    file = console.file(f"HTTP/1.1 429 Too Many\nretry-after: 20\n\n{EMPTY}", "answer.txt")
    told = console.good("diagnose", "--provider", "openai", "--response", file).out
    for part in (
        "openai, status 429",
        "payment_required: the account there has no credit left",
        "account: every key of the account is refused alike",
        "never: trying again can't help",
        "it names 20 s",
        'error.code eq "credit_balance_exhausted"',
        "503 provider_unpaid",
        "Top up the account at the provider",
    ):
        assert part in told
    assert "side         operator" in told


def test_and_to_a_program(empty_console: Console):
    told = empty_console.good(
        "diagnose", "--provider", "openai", "--response", "-", "--status", "429",
        "--header", "retry-after: 7", "--json", stdin='{"error":{"type":"requests"}}',
    ).json  # fmt: skip
    assert (told["meaning"], told["retry_after_s"]) == ("rate_limited", 7.0)
    assert told["gate_answers"]["code"] == "provider_rate_limited"
    assert told["gate_answers"]["status"] == 429
    assert told["side"] == "provider"


@pytest.mark.parametrize(
    ("status", "body", "code", "side"),
    [
        (400, '{"error":{"code":"context_length_exceeded"}}', None, "caller"),
        (200, '{"choices":[]}', None, "none"),
        (200, EMPTY, None, "operator"),
        (302, "", "provider_failed", "provider"),
        (500, "<html>", "provider_failed", "provider"),
    ],
)
def test_what_the_gate_answers_its_caller(
    empty_console: Console, status: int, body: str, code: str | None, side: str
):
    arguments = ("diagnose", "--provider", "openai", "--response", "-", "--status", str(status))
    told = empty_console.good(*arguments, "--json", stdin=body).json
    assert (told["gate_answers"]["code"], told["side"]) == (code, side)
    if code is None:
        assert told["gate_answers"]["status"] == status
        said = empty_console.good(*arguments, stdin=body).out
        assert f"passes it on as it came, with status {status}" in said


def test_an_unknown_provider_is_told_the_nearest_and_all(empty_console: Console):
    said = empty_console.run("diagnose", "--provider", "opnai", "--response", "-")
    assert said.status == 1
    assert "no provider 'opnai' is known" in said.err
    assert "did you mean openai" in said.err
    assert "vllm" in said.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--provider", "openai"), "--response is missing"),
        (("--response", "-"), "--provider is missing"),
        (("--provider", "openai", "--response", "/nowhere"), "can't be read"),
        (("--provider", "openai", "--response", "-"), "give it with --status"),
        (("--provider", "openai", "--response", "-", "--header", "x"), "is not a header"),
    ],
)
def test_what_is_missing_is_said(empty_console: Console, arguments: tuple[str, ...], word: str):
    said = empty_console.run("diagnose", *arguments, stdin="<html>")
    assert said.status == 1
    assert word in said.err


def test_what_a_terminal_would_obey_is_escaped(empty_console: Console):
    said = empty_console.good(
        "diagnose", "--provider", "openai", "--response", "-", "--status", "500",
        stdin="\x1b[2Jboo",
    )  # fmt: skip
    assert "\x1b" not in said.out


def test_a_file_beyond_all_refusals_is_refused(empty_console: Console):
    file = empty_console.file("x" * (5 * 1024 * 1024), "large.txt")
    said = empty_console.run("diagnose", "--provider", "openai", "--response", file)
    assert (said.status, "larger than any refusal" in said.err) == (1, True)
