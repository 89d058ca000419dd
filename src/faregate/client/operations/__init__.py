"""All operations of the management API, and the types of what they take and give."""

from faregate.client.operations.calls import *  # noqa: F403
from faregate.client.operations.catalogue import *  # noqa: F403
from faregate.client.operations.events import *  # noqa: F403
from faregate.client.operations.files_and_batches import *  # noqa: F403
from faregate.client.operations.nodes import *  # noqa: F403
