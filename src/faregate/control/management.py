"""Everything that the management API works on, opened once for a process."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from faregate.control.index import Index
from faregate.control.running import Running
from faregate.control.single_sign_on import IdentityProviders
from faregate.core.clock import Clock, SystemClock
from faregate.core.errors import FaregateError
from faregate.identity.operator import operator_token
from faregate.identity.permissions import Principal
from faregate.storage.audit_log import AuditLog
from faregate.storage.directory import Directory, directory_of
from faregate.storage.home import Home
from faregate.storage.idempotency import Idempotency
from faregate.storage.installation import Installation, open_installation
from faregate.storage.secrets import SecretBox

_log = logging.getLogger(__name__)


@dataclass
class Management:
    """The stores of one installation."""

    home: Home
    installation: Installation
    box: SecretBox
    clock: Clock
    audit: AuditLog
    idempotency: Idempotency
    running: Running
    directory: Directory
    identity_providers: IdentityProviders

    @cached_property
    def index(self) -> Index:
        """The items of the configuration in force."""
        return Index(self.installation.revisions)

    def has_team(self, team: str) -> bool:
        """Whether there is a team of this name."""
        return any(one.name == team for one in self.installation.revisions.written()[1].teams)

    def note_refused(
        self, principal: Principal, operation: str, permission: str, team: str | None
    ) -> None:
        """Record that somebody tried what they may not do."""
        try:
            self.audit.record(
                principal.actor,
                "access.refused",
                f"operations/{operation}",
                team=team,
                outcome="refused",
                detail=f"it needs {permission}",
            )
        except FaregateError as error:
            _log.error("a refusal could not be recorded: %s", error)


@contextmanager
def open_management(
    home: Home,
    clock: Clock | None = None,
    describe: Callable[[], dict[str, Any] | None] = lambda: None,
) -> Iterator[Management]:
    """The stores of the installation at `home`; raises `FaregateError`.

    `describe` gives what the running service says of itself, None where nothing runs.
    """
    with ExitStack() as stack:
        installation = stack.enter_context(open_installation(home))
        clock = clock or SystemClock()
        box = SecretBox(home.master_key())
        yield Management(
            home=home,
            installation=installation,
            box=box,
            clock=clock,
            audit=AuditLog(installation.database, clock),
            idempotency=Idempotency(installation.database, box, clock),
            identity_providers=IdentityProviders(box, clock),
            running=Running(describe, operator_token(home.master_key())),
            directory=directory_of(installation, box, clock),
        )
