"""What goes wrong, as application/problem+json (RFC 9457).

Beside the RFC's members each problem has a `code` that never changes its meaning, `errors` that
name the fields, and `fixes`.
"""

import re

import msgspec
from starlette.responses import Response

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

MEDIA_TYPE = "application/problem+json"
_LABEL = re.compile(r"\[[^\]]*\]")  # of an item, which may have spaces

TITLES = {
    400: "The request can't be read",
    401: "You are not logged in",
    403: "You may not do this",
    404: "There is no such thing",
    405: "The method is not taken here",
    409: "It is in the way of what is there",
    410: "It is over",
    412: "It was changed meanwhile",
    413: "The body is too large",
    415: "The media type is not taken here",
    422: "It can't be honoured",
    428: "Say which version you mean",
    429: "Too many tries",
    500: "A mistake of Faregate's own",
    503: "It can't be done now",
}


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True):
    """One mistake. `field` is where: `timeouts.connect_s`, or empty."""

    field: str
    message: str
    fix: str | None = None


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refusal of the management API."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    fixes: tuple[str, ...] = ()
    retry_after_s: int | None = None


class ProblemError(Exception):
    """A problem on its way to whoever asked; `headers` go with it."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        fix: str | None = None,
        retry_after_s: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.headers = dict(headers or {})
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)
        self.problem = Problem(
            type=f"/problems/{code}",
            title=TITLES[status],
            status=status,
            code=code,
            detail=detail,
            errors=errors,
            fixes=(fix,) if fix else (),
            retry_after_s=retry_after_s,
        )

    def response(self) -> Response:
        """As it goes out."""
        return Response(
            msgspec.json.encode(self.problem),
            self.problem.status,
            {"Cache-Control": "no-store", **self.headers},
            MEDIA_TYPE,
        )


_KINDS: tuple[tuple[type[FaregateError], int, str], ...] = (
    (StaleError, 412, "stale"),
    (ConflictError, 409, "conflict"),
    (MissingError, 404, "not_found"),
    (ForbiddenError, 403, "forbidden"),
    (UnidentifiedError, 401, "login_failed"),
    (WaitError, 429, "too_many_tries"),
    (ConfigurationError, 422, "invalid"),
    (StorageError, 503, "storage_unavailable"),
    (FaregateError, 422, "invalid"),
)


def explained(error: FaregateError) -> ProblemError:
    """The problem that this error is."""
    status, code = next((s, c) for kind, s, c in _KINDS if isinstance(error, kind))
    errors: tuple[FieldError, ...] = ()
    if isinstance(error, ConfigurationError):
        errors = tuple(map(field_error, (error, *error.others)))
    wait_s = error.wait_s if isinstance(error, WaitError) else None
    return ProblemError(
        status, code, error.message, errors=errors, fix=error.fix, retry_after_s=wait_s
    )


def field_error(error: ConfigurationError) -> FieldError:
    """The two parts of `place: what is wrong`, as in the configuration."""
    place, colon, rest = error.message.partition(": ")
    if colon and " " not in _LABEL.sub("", place):
        return FieldError(place, rest, error.fix)
    return FieldError("", error.message, error.fix)


def missing(what: str = "it") -> ProblemError:
    """404, the same for what is not there and what may not be seen."""
    return ProblemError(404, "not_found", f"There is no such thing: {what}.")
