"""A connection to an installation elsewhere, in the words of commands."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from faregate.cli.remote_profiles import LOCAL, Target
from faregate.client.management import Client
from faregate.client.problems import FieldError, ProblemError
from faregate.client.requests import Answer, Page, Request
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

T = TypeVar("T")
_NS = 1_000_000_000


class Connection:
    """Sends requests.

    All that goes wrong is a `FaregateError` of the kind it has here too.
    """

    def __init__(self, target: Target, client: Client) -> None:
        self.target = target
        self._client = client

    @property
    def url(self) -> str:
        """The installation's address."""
        return self._client.url

    def send(self, request: Request[T]) -> T:
        """What comes back."""
        return self.fetch(request).value

    def fetch(self, request: Request[T]) -> Answer[T]:
        """The same with its version."""
        try:
            return self._client.fetch(request)
        except ProblemError as error:
            raise explained(error, self.target) from error

    def all(self, request: Request[Page[T]]) -> Iterator[T]:
        """All items of a list."""
        try:
            yield from self._client.all(request)
        except ProblemError as error:
            raise explained(error, self.target) from error

    def newest(self, request: Request[Page[T]], count: int) -> list[T]:
        """The first so many items of a list."""
        found: list[T] = []
        for item in self.all(request):
            if len(found) == count:
                break
            found.append(item)
        return found


@contextmanager
def connected(target: Target) -> Iterator[Connection]:
    """A connection to `target`, as long as the block lasts."""
    profile = target.profile
    with Client(
        profile.url, profile.token or None, ca=profile.ca, insecure=profile.insecure
    ) as client:
        yield Connection(target, client)


def explained(error: ProblemError, target: Target) -> FaregateError:
    """The error of commands that a problem stands for."""
    text, fix = error.message.rstrip("."), error.fix
    if error.status == 401:
        profile = "" if target.name is None else f" --profile {target.name}"
        return UnidentifiedError(
            f"{target.profile.url} doesn't take the token: {text}",
            fix=f"run 'faregate login {target.profile.url}{profile}' again",
        )
    if error.status == 403:
        who = target.profile.user or "you"
        return ForbiddenError(f"{who} may not do this: {text}", fix=fix)
    if error.status == 404:
        return MissingError(text, fix=fix)
    if error.status == 412:
        return StaleError(text, fix=fix or "look at it again, then repeat the command")
    if error.status == 409:
        return ConflictError(text, fix=fix)
    if error.status == 429:
        return WaitError(text, wait_s=error.problem.retry_after_s or 1, fix=fix)
    if error.errors:
        first, *others = (_of_field(one, fix) for one in error.errors)
        first.others = tuple(others)
        return first
    if error.status in (500, 503):
        return StorageError(f"{target.profile.url}: {text}", fix=fix)
    return FaregateError(text, fix=fix)


def _of_field(error: FieldError, fix: str | None) -> ConfigurationError:
    text = f"{error.field}: {error.message}" if error.field else error.message
    return ConfigurationError(text, fix=error.fix or fix)


def not_here(what: str, target: Target) -> FaregateError:
    """`what` needs the machine that the installation runs on."""
    return FaregateError(
        f"{what} works only on the machine of the installation, not over {target.profile.url}",
        fix=f"run it there; for the installation on this machine: --profile {LOCAL}",
    )


def since_1970(moment: str) -> int:
    """Nanoseconds of a moment as the management API writes it."""
    at = dt.datetime.fromisoformat(moment)
    micros = (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    return micros * 1_000


def maybe_since_1970(moment: str | None) -> int | None:
    """The same; None stays None."""
    return None if moment is None else since_1970(moment)


def written(time_ns: int | None) -> str | None:
    """A moment for a body; None stays None."""
    moment = at(time_ns)
    return None if moment is None else moment.isoformat()


def at(time_ns: int | None) -> dt.datetime | None:
    """A moment for a query; None stays None."""
    return None if time_ns is None else dt.datetime.fromtimestamp(time_ns / _NS, dt.UTC)
