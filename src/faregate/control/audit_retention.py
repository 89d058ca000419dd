"""Takes away what the audit log needn't keep, as the settings say."""

import asyncio
import logging
from typing import Final

from faregate.control.management import Management
from faregate.core.errors import FaregateError
from faregate.storage.audit_log import keep_days

_log = logging.getLogger(__name__)

EACH_S: Final = 3_600.0


class AuditRetention:
    """A task of the management process."""

    def __init__(self, management: Management) -> None:
        self._management = management

    async def __call__(self, stopping: asyncio.Event) -> None:
        """Look once an hour until `stopping` is set."""
        while not stopping.is_set():
            await asyncio.to_thread(self.keep)
            try:
                await asyncio.wait_for(stopping.wait(), EACH_S)
            except TimeoutError:
                continue

    def keep(self) -> int:
        """Take away what is too old; gives the count of entries.

        A broken log is left alone.
        """
        management = self._management
        settings = management.installation.revisions.written()[1].settings.management
        try:
            return keep_days(management.audit, settings.audit_keep_days, management.clock.wall_ns())
        except FaregateError as error:
            _log.error("the audit log was not shortened: %s", error)
        return 0
