"""Every problem is told in the words of commands, with the way out."""

import pytest

from faregate.cli.remote_connection import (
    at,
    explained,
    maybe_since_1970,
    not_here,
    since_1970,
    written,
)
from faregate.cli.remote_profiles import Profile, Target
from faregate.client.problems import FieldError, Problem, ProblemError
from faregate.core.errors import (
    ConfigurationError,
    ConflictError,
    FaregateError,
    ForbiddenError,
    MissingError,
    StaleError,
    StorageError,
    UnidentifiedError,
    WaitError,
)

TARGET = Target("prod", Profile("https://prod.example.com", "fgp_x", "ann@example.com"))


def problem(status: int, *errors: FieldError, fix: str | None = None) -> ProblemError:
    fixes = (fix,) if fix else ()
    return ProblemError(Problem("T", status, "c", "It is so.", errors=errors, fixes=fixes))


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        (401, UnidentifiedError, "https://prod.example.com doesn't take the token: It is so"),
        (403, ForbiddenError, "ann@example.com may not do this: It is so"),
        (404, MissingError, "It is so"),
        (409, ConflictError, "It is so"),
        (412, StaleError, "It is so"),
        (429, WaitError, "It is so"),
        (503, StorageError, "https://prod.example.com: It is so"),
        (418, FaregateError, "It is so"),
    ],
)
def test_kinds(status: int, kind: type[FaregateError], text: str) -> None:
    error = explained(problem(status, fix="do this"), TARGET)
    assert type(error) is kind
    assert error.message == text
    assert error.fix


def test_a_login_that_is_over_says_how_to_renew_it() -> None:
    error = explained(problem(401), TARGET)
    assert error.fix == "run 'faregate login https://prod.example.com --profile prod' again"


def test_every_field_is_named() -> None:
    first, second = FieldError("a.b", "is wrong", "mend it"), FieldError("", "so is this")
    error = explained(problem(422, first, second, fix="mend all"), TARGET)
    assert isinstance(error, ConfigurationError)
    assert (error.message, error.fix) == ("a.b: is wrong", "mend it")
    assert [(one.message, one.fix) for one in error.others] == [("so is this", "mend all")]


def test_what_needs_the_machine() -> None:
    error = not_here("faregate serve", TARGET)
    assert "only on the machine" in error.message
    assert error.fix == "run it there; for the installation on this machine: --profile local"


def test_moments() -> None:
    assert since_1970("2026-12-01T00:00:00.250Z") == 1_796_083_200_250_000_000
    assert maybe_since_1970(None) is None
    moment = at(1_796_083_200_000_000_000)
    assert moment is not None
    assert moment.isoformat() == written(1_796_083_200_000_000_000) == "2026-12-01T00:00:00+00:00"
    assert at(None) is written(None) is None
