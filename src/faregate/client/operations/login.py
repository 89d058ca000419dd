"""The management API: login. Written by `make docs`."""

import msgspec

from faregate.client.operations.shapes import LoginReply
from faregate.client.requests import Request, place

__all__ = [
    "Login",
    "LoginProvider",
    "LoginProviders",
    "Reset",
    "list_login_providers",
    "log_in",
    "log_out",
    "reset_password",
    "show_invitation_page",
    "show_password_page",
]


class Login(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody shows to log in."""

    email: str
    password: str
    code: str | None = None


class LoginProvider(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An identity provider to log in with: a button, and where it leads."""

    name: str
    title: str
    start_url: str


class LoginProviders(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All of them."""

    items: list[LoginProvider]


class Reset(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new password, by the token of a link."""

    token: str
    new_password: str


def list_login_providers() -> Request[LoginProviders]:
    """List the identity providers that people log in with."""
    return Request("GET", place("/v1/single-sign-on"), LoginProviders)


def log_in(body: Login) -> Request[LoginReply]:
    """Log in with a password; the session is in the cookie that comes back."""
    return Request("POST", place("/v1/login"), LoginReply, body=body)


def log_out() -> Request[None]:
    """End the session that asks, and take its cookies away."""
    return Request("POST", place("/v1/logout"), None)


def reset_password(body: Reset) -> Request[None]:
    """Choose a new password by a link's token; all sessions end."""
    return Request("POST", place("/v1/password-resets/use"), None, body=body)


def show_invitation_page() -> Request[bytes]:
    """The page where an invitation's link leads."""
    return Request("GET", place("/accept-invitation"), bytes)


def show_password_page() -> Request[bytes]:
    """The page where the link for a new password leads."""
    return Request("GET", place("/reset-password"), bytes)
