"""What the management process does beside answering: a list of tasks."""

import asyncio
import contextlib
from typing import Final

from faregate.control.audit_retention import AuditRetention
from faregate.control.management import Management
from faregate.control.resources.kinds import KINDS
from faregate.control.webhook_delivery import WebhookDelivery
from faregate.control.worker import Task

_LOOK_S: Final = 1.0


def background_tasks(management: Management) -> tuple[Task, ...]:
    """The tasks over `management`."""
    return (WebhookDelivery(management), AuditRetention(management), Warming(management))


class Warming:
    """Has lists made before somebody asks for the first one of a revision."""

    def __init__(self, management: Management) -> None:
        self._management = management
        self._seen: int | None = None

    async def __call__(self, stopping: asyncio.Event) -> None:
        """Look for a new revision each second, until the event is set."""
        while not stopping.is_set():
            await asyncio.to_thread(self.warm)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _LOOK_S)

    def warm(self) -> None:
        """Make the lists of all kinds, where the revision is a new one."""
        number = self._management.installation.revisions.written()[0]
        if number != self._seen:
            for kind in KINDS.values():
                self._management.index.of(kind)
            self._seen = number
