"""A problem says its code, its fields and the way out; other bodies are none."""

from faregate.client.problems import read_problem
from faregate.control.problems import FieldError, ProblemError


def test_all_members() -> None:
    wrong = FieldError("timeouts.connect_s", "it is below zero", "write 2.5")
    sent = ProblemError(422, "invalid", "It is wrong.", errors=(wrong,), fix="mend it")
    seen = read_problem(422, bytes(sent.response().body))
    assert seen is not None
    assert (seen.status, seen.code, seen.message) == (422, "invalid", "It is wrong.")
    assert (seen.fix, seen.fixes) == ("mend it", ("mend it",))
    [error] = seen.errors
    assert (error.field, error.message, error.fix) == (wrong.field, wrong.message, wrong.fix)


def test_others() -> None:
    assert read_problem(500, b"<html>") is None
    assert read_problem(500, b'{"detail": "no"}') is None
