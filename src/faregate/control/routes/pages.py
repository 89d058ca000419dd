"""The pages that links of invitations and of new passwords lead to."""

from starlette.responses import Response

from faregate.control.context import Context
from faregate.control.link_pages import INVITATION, PASSWORD_RESET
from faregate.control.operations import Routes

routes = Routes("Login")


@routes.get("/accept-invitation", None, reply=bytes, media_type="text/html")
def show_invitation_page(context: Context) -> Response:
    """The page where an invitation's link leads."""
    return INVITATION.served()


@routes.get("/reset-password", None, reply=bytes, media_type="text/html")
def show_password_page(context: Context) -> Response:
    """The page where the link for a new password leads."""
    return PASSWORD_RESET.served()
