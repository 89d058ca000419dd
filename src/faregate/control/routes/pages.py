"""The pages that links of invitations and of new passwords lead to."""

from starlette.responses import Response

from faregate.control.context import Context
from faregate.control.link_pages import INVITATION, PASSWORD_RESET, LinkPage
from faregate.control.operations import Routes

routes = Routes("Login")


@routes.get("/accept-invitation", None, reply=bytes, media_type="text/html")
def show_invitation_page(context: Context) -> Response:
    """The page where an invitation's link leads."""
    return _served(INVITATION)


@routes.get("/reset-password", None, reply=bytes, media_type="text/html")
def show_password_page(context: Context) -> Response:
    """The page where the link for a new password leads."""
    return _served(PASSWORD_RESET)


def _served(page: LinkPage) -> Response:
    headers = {"Content-Security-Policy": page.policy, "Cache-Control": "no-store"}
    return Response(page.html, 200, headers, "text/html")
