"""What goes out, what a reply means, and when to send again. No I/O."""

import random
import uuid
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

import msgspec

import faregate
from faregate.client.problems import ProblemError, UnreachableError, read_problem
from faregate.client.requests import Answer, Request
from faregate.core.errors import FaregateError

T = TypeVar("T")

PAUSE_S_MAX: Final = 30.0  # a longer wait is the program's own decision
_PAUSE_S: Final = 0.2
_PASSING: Final = frozenset({429, 502, 503, 504})
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Outgoing(NamedTuple):
    """A request as it goes out."""

    method: str
    path: str
    query: dict[str, Any]
    headers: dict[str, str]
    content: bytes | None


def checked_url(url: str, *, insecure: bool = False) -> str:
    """The address of an installation, without a slash at its end.

    Raises `FaregateError` for what is none, and for one over which a token would go in the clear
    to another machine, unless that is allowed by `insecure`.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
        good = good and not (parts.query or parts.fragment or parts.username)
        _ = parts.port
    except ValueError:
        good = False
    if not good:
        raise FaregateError(
            f"{url!r} is not the address of an installation",
            fix="write it as https://faregate.example.com or http://127.0.0.1:8403",
        )
    if parts.scheme == "http" and parts.hostname not in _LOCAL and not insecure:
        raise FaregateError(
            f"{url} is not encrypted: everybody on the way could read the token",
            fix="use https://, or a tunnel to the machine: ssh -L 8403:127.0.0.1:8403 HOST",
        )
    return url.rstrip("/")


def outgoing(request: Request[Any], token: str | None) -> Outgoing:
    """What is sent for `request`; what may be repeated gets a key of its own."""
    headers = {"Accept": "application/json", "User-Agent": f"faregate/{faregate.__version__}"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if request.version is not None:
        version = request.version
        headers["If-Match"] = version if version == "*" else f'"{version}"'
    if request.repeatable:
        headers["Idempotency-Key"] = uuid.uuid4().hex
    content = None
    if request.body is not msgspec.UNSET:
        headers["Content-Type"] = request.media_type
        content = msgspec.json.encode(request.body)
    return Outgoing(request.method, request.path, dict(request.query), headers, content)


def answer(request: Request[T], status: int, headers: Mapping[str, str], body: bytes) -> Answer[T]:
    """What a reply says. Raises `ProblemError`, `UnreachableError`."""
    if status >= 400:
        problem = read_problem(status, body)
        raise problem or UnreachableError(
            f"the answer {status} is not the management API's",
            fix="check the address: it is the management port's, such as http://127.0.0.1:8403",
        )
    version = headers.get("etag")
    version = version.strip('"') if version is not None else None
    value: Any = None
    if request.reply is bytes:
        value = body
    elif request.reply is not None and status != 204:
        try:
            value = msgspec.json.decode(body, type=request.reply)
        except msgspec.DecodeError as error:
            raise UnreachableError(
                f"the answer of {request.method} {request.path} can't be read: {error}",
                fix="check the address, and that this client is not older than the installation",
            ) from error
    return Answer(value, version, status)


def unreachable(url: str, error: Exception) -> UnreachableError:
    """Nobody answered, or not to the end."""
    reason = str(error) or type(error).__name__
    return UnreachableError(
        f"{url} can't be reached: {reason}",
        fix="check the address and the network, and that 'faregate serve' runs there",
    )


def pause_s(error: FaregateError, attempt: int) -> float | None:
    """Seconds before the same is sent again; None where that can't help.

    `attempt` counts from 0. For what may be repeated, and for connections that never came about.
    """
    usual: float = _PAUSE_S * 2**attempt
    if isinstance(error, ProblemError):
        told = error.problem.retry_after_s
        if error.status not in _PASSING and error.code != "idempotency_key_in_use":
            return None
        # A lock after wrong guesses is not to be waited out by a program.
        if error.status == 429 and told is None:
            return None
        usual = max(usual, float(told or 0))
    elif not isinstance(error, UnreachableError):
        return None
    if usual > PAUSE_S_MAX:
        return None
    return usual + random.uniform(0, usual / 4)  # noqa: S311 - not a secret
