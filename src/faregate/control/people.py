"""What the routes of people and programs share: who acts, tokens, links."""

import datetime as dt
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import msgspec
from fastapi import Path
from msgspec import Meta

from faregate.control.context import Context
from faregate.control.moments import moment, to_ns
from faregate.control.operations import Handler, Method, Routes
from faregate.control.problems import FieldError, ProblemError
from faregate.storage.access_tokens import AccessToken, NewAccessToken

Password = Annotated[str, Meta(max_length=1_000)]
Email = Annotated[str, Meta(max_length=300)]
TokenText = Annotated[str, Meta(max_length=256)]
Code = Annotated[str, Meta(max_length=64)]
Selector = Annotated[str, Path(max_length=300, description="Its id or e-mail address.")]
TeamName = Annotated[str, Path(max_length=63, description="The team's name.")]


class AccessTokenFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A token, without itself."""

    token_id: str
    name: str
    # its first characters
    prefix: str
    # permissions; null: all that its owner has
    scopes: list[str] | None
    created_at: str
    # when it stops working; null where it never does
    expires_at: str | None
    used_at: str | None
    used_address: str | None


class NewToken(msgspec.Struct, frozen=True):
    """A token that was made; it is shown now and never again."""

    token: str
    facts: AccessTokenFacts


class TokenWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token to be made."""

    # unique among its owner's tokens
    name: Annotated[str, Meta(max_length=100)]
    # permissions that it is narrowed to; null: all that its owner has
    scopes: list[str] | None = None
    # when it stops working, with a time zone; null: never
    expires_at: dt.datetime | None = None

    def expires_ns(self) -> int | None:
        """Nanoseconds since 1970. Raises `ProblemError`."""
        return to_ns(self.expires_at, "expires_at")


class Link(msgspec.Struct, frozen=True):
    """A secret that was made, as a token and as an address to open.

    Shown once.
    """

    token: str
    url: str
    expires_at: str


def token_facts(token: AccessToken) -> AccessTokenFacts:
    """A token as it is shown."""
    return AccessTokenFacts(
        token_id=token.token_id,
        name=token.name,
        prefix=token.prefix,
        scopes=None if token.scopes is None else sorted(token.scopes),
        created_at=moment(token.created_ns),
        expires_at=moment(token.expires_ns),
        used_at=moment(token.used_ns),
        used_address=token.used_address,
    )


def new_token_reply(made: NewAccessToken) -> NewToken:
    """A new token as it is shown once."""
    return NewToken(made.secret, token_facts(made.record))


def link(context: Context, page: str, token: str, expires_ns: int) -> Link:
    """An address of a page that takes a token.

    Behind #, so that no log has it.
    """
    base = context.management.directory.settings().public_url or str(context.request.base_url)
    return Link(token, f"{base.rstrip('/')}/{page}#token={token}", moment(expires_ns))


def own_user(context: Context) -> str:
    """The user who asks. Raises `ProblemError` (403) where it is a program."""
    if context.caller.user_id is None:
        raise ProblemError(
            403,
            "no_user",
            "This is about a person's own things, and it is a program that asks.",
            fix="log in as a user",
        )
    return context.caller.user_id


def own_session(context: Context) -> str:
    """The session of the user who asks.

    Raises `ProblemError` (403) for a token.

    What decides how somebody logs in isn't left to tokens, which lie about in files.
    """
    own_user(context)
    if context.caller.session_id is None:
        raise ProblemError(
            403,
            "login_required",
            "This needs a login with the password, not a token.",
            fix="POST /v1/login, then repeat it with the session's cookie",
        )
    return context.caller.session_id


def refuse_empty(field: str, value: str) -> None:
    """Raise `ProblemError` (422) for an empty text."""
    if not value:
        raise ProblemError(
            422, "invalid", f"{field} is empty.", errors=(FieldError(field, "it is empty"),)
        )


def in_both(
    routes: Routes, method: Method, path: str, permission: str, **more: Any
) -> Callable[[Handler], Handler]:
    """An operation of the organisation, and the same in a team.

    The handler looks at `Context.team` for its tenant: None is the organisation.
    """

    def declare(handler: Handler) -> Handler:
        routes._declare(method, path, permission, more)(handler)
        routes._declare(method, path.replace("/v1/", "/v1/teams/{team}/", 1), permission, more)(
            _of_team(handler)
        )
        return handler

    return declare


def _of_team(handler: Handler) -> Handler:
    def in_team(**arguments: Any) -> Any:
        del arguments["team"]
        return handler(**arguments)

    verb, _, rest = handler.__name__.partition("_")
    signature = inspect.signature(handler)
    parameter = inspect.Parameter("team", inspect.Parameter.KEYWORD_ONLY, annotation=TeamName)
    keyword = [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in signature.parameters.values()
    ]
    in_team.__name__ = f"{verb}_team_{rest}"
    in_team.__doc__ = inspect.getdoc(handler)
    in_team.__annotations__ = {
        **get_type_hints(handler, include_extras=True),
        "team": TeamName,
    }
    in_team.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*keyword, parameter]
    )
    return in_team
