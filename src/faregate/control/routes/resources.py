"""All kinds of items of the configuration.

Declared from the table of kinds: what one kind can do, all can.
"""

from faregate.control.operations import Routes
from faregate.control.resources.handlers import operations
from faregate.control.resources.kinds import KINDS

routes = Routes("Configuration")
for _kind in KINDS.values():
    for _operation in operations(_kind):
        routes.add(_operation)
