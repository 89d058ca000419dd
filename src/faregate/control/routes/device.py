"""Logins of commands.

Asked for on one machine, approved by a person elsewhere (RFC 8628).
"""

from typing import Annotated

import msgspec
from fastapi import Path
from starlette.responses import Response

from faregate.control.context import Context
from faregate.control.device_page import DEVICE
from faregate.control.moments import moment
from faregate.control.operations import Reply, Routes
from faregate.control.problems import ProblemError
from faregate.core.errors import WaitError
from faregate.storage.access_tokens import AccessTokens
from faregate.storage.device_logins import TOKEN_VALID_S, DeviceLogins, Polled

routes = Routes("Device login")

_NS = 1_000_000_000
_DAY_S = 86_400
_VALID_DAYS_MAX = 365
UserCode = Annotated[
    str, Path(max_length=64, description="The short code that the command shows: BCDF-GHJK.")
]


class DeviceStart(msgspec.Struct, frozen=True):
    """Who asks, in words for the person who approves."""

    client: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class DeviceStarted(msgspec.Struct, frozen=True):
    """Two codes: one for a person, and one for the command to ask with."""

    device_code: str
    user_code: str
    verification_url: str
    verification_url_complete: str
    expires_in_s: int
    interval_s: int


class DevicePoll(msgspec.Struct, frozen=True):
    """The code that the command keeps."""

    device_code: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class DeviceToken(msgspec.Struct, frozen=True):
    """A personal token of whoever approved; it is told once."""

    token: str
    token_id: str
    name: str
    expires_at: str | None


class DeviceAsked(msgspec.Struct, frozen=True):
    """A login that waits: compare it with what the command says of itself."""

    client: str
    address: str
    created_at: str
    expires_at: str


class DeviceApproval(msgspec.Struct, frozen=True):
    """What the command may do: all that you may, or these permissions.

    For so many days.
    """

    scopes: list[str] | None = None
    valid_days: Annotated[int, msgspec.Meta(ge=1, le=_VALID_DAYS_MAX)] = TOKEN_VALID_S // _DAY_S


@routes.post(
    "/v1/device",
    None,
    reply=DeviceStarted,
    status=201,
    errors=(429,),
    example={"client": "faregate on laptop"},
)
def start_device_login(context: Context, body: DeviceStart) -> DeviceStarted:
    """Begin a login of a command; needs no login itself."""
    try:
        codes = _logins(context).begin(body.client, context.caller.address)
    except WaitError as error:
        raise ProblemError(
            429, "too_many_logins", f"{error.message}.", fix=error.fix, retry_after_s=error.wait_s
        ) from error
    public_url = context.management.directory.settings().public_url
    place = f"{(public_url or str(context.request.base_url)).rstrip('/')}/device"
    left_ns = codes.expires_ns - context.management.clock.wall_ns()
    return DeviceStarted(
        device_code=codes.device_code,
        user_code=codes.user_code,
        verification_url=place,
        verification_url_complete=f"{place}?code={codes.user_code}",
        expires_in_s=max(left_ns // _NS, 0),
        interval_s=codes.interval_s,
    )


@routes.get("/device", None, reply=bytes, media_type="text/html", takes_any_query=True)
def show_device_page(context: Context) -> Response:
    """The page where a person types the code that a command shows."""
    return DEVICE.served()


@routes.post("/v1/device/token", None, reply=DeviceToken, example={"device_code": "the long code"})
def poll_device_login(context: Context, body: DevicePoll) -> DeviceToken:
    """Ask what became of a login.

    400 `authorization_pending` until it is approved.
    """
    told = _logins(context).poll(body.device_code)
    if told.state != "approved":
        raise _not_yet(told)
    return DeviceToken(told.token, told.token_id, told.name, moment(told.expires_ns))


@routes.get("/v1/device/{user_code}", "self", reply=DeviceAsked)
def get_device_login(context: Context, user_code: UserCode) -> DeviceAsked:
    """Show who asks to be let in with a code."""
    found = _logins(context).find(user_code)
    return DeviceAsked(
        found.client, found.address, moment(found.created_ns), moment(found.expires_ns)
    )


@routes.post(
    "/v1/device/{user_code}/approve",
    "self",
    status=204,
    errors=(403, 409),
    example={"valid_days": 30},
)
def approve_device_login(context: Context, user_code: UserCode, body: DeviceApproval) -> Reply:
    """Let a command in with a new token of your own."""
    _logins(context).approve(context.principal, user_code, body.scopes, body.valid_days * _DAY_S)
    return Reply(status=204)


@routes.post("/v1/device/{user_code}/deny", "self", status=204, errors=(409,))
def deny_device_login(context: Context, user_code: UserCode) -> Reply:
    """Refuse a command that asks to be let in."""
    _logins(context).deny(context.principal, user_code)
    return Reply(status=204)


def _logins(context: Context) -> DeviceLogins:
    management = context.management
    database = management.installation.database
    tokens = AccessTokens(database, management.clock)
    return DeviceLogins(database, management.box, tokens, management.clock)


_WAITING = {
    "pending": ("authorization_pending", "Nobody has approved it yet."),
    "slow_down": ("slow_down", "It is asked too often."),
    "denied": ("access_denied", "It was refused."),
    "expired": ("expired_token", "The code is over, or was used."),
}


def _not_yet(told: Polled) -> ProblemError:
    code, detail = _WAITING[told.state]
    waits = told.state in ("pending", "slow_down")
    return ProblemError(
        400,
        code,
        detail,
        fix=f"ask again after {told.interval_s} s" if waits else "run 'faregate login' again",
        retry_after_s=told.interval_s if waits else None,
    )
