"""What runs, and whether it is well."""

import msgspec

import faregate
from faregate.control.context import Context
from faregate.control.operations import Routes

routes = Routes("Nodes")


class Health(msgspec.Struct, frozen=True):
    """The management process answers."""

    status: str
    version: str


@routes.get("/v1/health", None, reply=Health)
def get_health(context: Context) -> Health:
    """Whether the management API answers; needs no login."""
    return Health("alive", faregate.__version__)
