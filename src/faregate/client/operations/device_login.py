"""The management API: device login. Written by `make docs`."""

import msgspec

from faregate.client.requests import Request, place

__all__ = [
    "DeviceApproval",
    "DeviceAsked",
    "DevicePoll",
    "DeviceStart",
    "DeviceStarted",
    "DeviceToken",
    "approve_device_login",
    "deny_device_login",
    "get_device_login",
    "poll_device_login",
    "show_device_page",
    "start_device_login",
]


class DeviceApproval(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the command may do.

    What the command may do: all that you may, or these permissions. For so many days.
    """

    scopes: list[str] | None = None
    valid_days: int = 90


class DeviceAsked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A login that waits: compare it with what the command says of itself."""

    client: str
    address: str
    created_at: str
    expires_at: str


class DevicePoll(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The code that the command keeps."""

    device_code: str


class DeviceStart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who asks, in words for the person who approves."""

    client: str


class DeviceStarted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Two codes: one for a person, and one for the command to ask with."""

    device_code: str
    user_code: str
    verification_url: str
    verification_url_complete: str
    expires_in_s: int
    interval_s: int


class DeviceToken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A personal token of whoever approved; it is told once."""

    token: str
    token_id: str
    name: str
    expires_at: str | None


def approve_device_login(user_code: str, body: DeviceApproval) -> Request[None]:
    """Let a command in with a new token of your own."""
    return Request(
        "POST", place("/v1/device/{user_code}/approve", user_code=user_code), None, body=body
    )


def deny_device_login(user_code: str) -> Request[None]:
    """Refuse a command that asks to be let in."""
    return Request("POST", place("/v1/device/{user_code}/deny", user_code=user_code), None)


def get_device_login(user_code: str) -> Request[DeviceAsked]:
    """Show who asks to be let in with a code."""
    return Request("GET", place("/v1/device/{user_code}", user_code=user_code), DeviceAsked)


def poll_device_login(body: DevicePoll) -> Request[DeviceToken]:
    """Ask what became of a login."""
    return Request("POST", place("/v1/device/token"), DeviceToken, body=body)


def show_device_page() -> Request[bytes]:
    """The page where a person types the code that a command shows."""
    return Request("GET", place("/device"), bytes)


def start_device_login(body: DeviceStart) -> Request[DeviceStarted]:
    """Begin a login of a command; needs no login itself."""
    return Request("POST", place("/v1/device"), DeviceStarted, body=body)
