"""Cookies of logins, and what proves that a page of ours asks.

The session's cookie can't be read by scripts. A second one holds a token that a page sends back in
a header: another site's page can make a browser send cookies, but can neither read that token nor
say that it is of the same origin.
"""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from faregate.control.management import Management
from faregate.control.problems import ProblemError
from faregate.identity.tokens import cross_site_token, is_cross_site_token

SESSION_COOKIE: Final = "faregate_session"
CSRF_COOKIE: Final = "faregate_csrf"
CSRF_HEADER: Final = "X-CSRF-Token"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# With it a browser takes the cookie from this very host alone, over TLS (RFC 6265bis, 4.1.3.2).
_OF_HOST: Final = "__Host-"


def is_secure(management: Management) -> bool:
    """Whether people reach it over TLS."""
    return (management.directory.settings().public_url or "").startswith("https://")


def session_token(request: Request, management: Management) -> str | None:
    """The token in the session's cookie."""
    return request.cookies.get(_named(SESSION_COOKIE, is_secure(management)))


def give_session(response: Response, token: str, management: Management) -> None:
    """Set both cookies.

    They go when the browser is closed, and the session ends here.
    """
    secure = is_secure(management)
    for name, value, hidden in (
        (SESSION_COOKIE, token, True),
        (CSRF_COOKIE, cross_site_token(token), False),
    ):
        response.set_cookie(
            _named(name, secure), value, path="/", secure=secure, httponly=hidden, samesite="lax"
        )


def take_session(response: Response, management: Management) -> None:
    """Have the browser forget both cookies."""
    secure = is_secure(management)
    for name, hidden in ((SESSION_COOKIE, True), (CSRF_COOKIE, False)):
        response.delete_cookie(
            _named(name, secure), path="/", secure=secure, httponly=hidden, samesite="lax"
        )


def refuse_other_sites(request: Request, management: Management) -> None:
    """Raise `ProblemError` (403) where another site's page sends this."""
    public_url = management.directory.settings().public_url
    if not is_same_origin(request.headers, public_url, request.url.scheme, strict=False):
        raise _cross_site("it comes from a page of another site")


def require_own_page(request: Request, management: Management, token: str) -> None:
    """Raise `ProblemError` (403) unless a page of ours sends this."""
    public_url = management.directory.settings().public_url
    if not is_same_origin(request.headers, public_url, request.url.scheme):
        raise _cross_site("it doesn't say that it comes from a page of this site")
    if not is_cross_site_token(request.headers.get(CSRF_HEADER, ""), token):
        raise _cross_site(f"{CSRF_HEADER} is missing, or isn't this session's")


def is_same_origin(
    headers: Headers, public_url: str | None, scheme: str, *, strict: bool = True
) -> bool:
    """Whether these headers say that a page of this site sends them.

    `strict`: one of them must say so; else it is enough that none says otherwise.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin" and (strict or site != "none"):
        return False
    if origin is not None and origin != _own_origin(headers, public_url, scheme):
        return False
    return not strict or site is not None or origin is not None


def _own_origin(headers: Headers, public_url: str | None, scheme: str) -> str:
    if public_url is not None:
        parts = urlsplit(public_url)
        return f"{parts.scheme}://{parts.netloc}"
    return f"{scheme}://{headers.get('host', '')}"


def _named(name: str, secure: bool) -> str:
    return f"{_OF_HOST}{name}" if secure else name


def _cross_site(reason: str) -> ProblemError:
    return ProblemError(
        403,
        "cross_site",
        f"A change by cookie was refused: {reason}.",
        fix=f"send Origin, and {CSRF_HEADER} with the value of the cookie {CSRF_COOKIE}; "
        "behind a proxy, set settings.management.public_url; programs send a token instead",
    )
