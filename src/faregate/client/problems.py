"""What the management API refuses, as exceptions.

Each problem (RFC 9457) has a `code` that never changes its meaning, names the fields that are
wrong, and says the way out.
"""

import msgspec

from faregate.core.errors import FaregateError


class FieldError(msgspec.Struct, frozen=True):
    """One mistake; `field` is where, or empty."""

    field: str
    message: str
    fix: str | None = None


class Problem(msgspec.Struct, frozen=True):
    """The body of a refusal."""

    title: str
    status: int
    code: str
    detail: str
    type: str = "about:blank"
    errors: tuple[FieldError, ...] = ()
    fixes: tuple[str, ...] = ()
    retry_after_s: int | None = None


class ProblemError(FaregateError):
    """The management API refused; `problem` has all that it says."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail, fix=next(iter(problem.fixes), None))
        self.problem = problem

    @property
    def status(self) -> int:
        """The HTTP status: 404, 412 and so on."""
        return self.problem.status

    @property
    def code(self) -> str:
        """The name of the problem: `not_found`, `stale` and so on."""
        return self.problem.code

    @property
    def errors(self) -> tuple[FieldError, ...]:
        """What is wrong, by field."""
        return self.problem.errors

    @property
    def fixes(self) -> tuple[str, ...]:
        """Ways out, the best first."""
        return self.problem.fixes


class UnreachableError(FaregateError):
    """No usable answer came from the management API."""


def read_problem(status: int, body: bytes) -> ProblemError | None:
    """The problem in a reply; None where it is none."""
    try:
        return ProblemError(msgspec.json.decode(body, type=Problem))
    except msgspec.DecodeError:
        return None
