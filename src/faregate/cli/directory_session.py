"""What commands on people and programs share.

The directory, and who is asking.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from faregate.cli.service import MANAGEMENT_PORT_VARIABLE
from faregate.cli.session import actor, home_here
from faregate.identity.actors import Actor
from faregate.identity.permissions import Principal, machine_principal
from faregate.storage.first_owner import FirstOwner

if TYPE_CHECKING:
    from faregate.storage.directory import Directory


class DirectoryHere(NamedTuple):
    """The directory of the installation on this machine.

    `by` is whoever runs the command; `url` is where links lead.
    """

    directory: "Directory"
    by: Principal
    url: str

    def link(self, page: str, token: str) -> str:
        """The address of a page that takes a token.

        Behind #, so that no log has it.
        """
        return f"{self.url}/{page}#token={token}"


@contextmanager
def opened_directory(what: str = "this command") -> Iterator[DirectoryHere]:
    """The people and programs of this machine's installation.

    Raises `StorageError`, and `FaregateError` where `what` is for an installation elsewhere.
    """
    # The SQL layer takes half a second to load: help and mistakes need none of it.
    from faregate.storage.directory import directory_of
    from faregate.storage.installation import open_installation
    from faregate.storage.secrets import SecretBox

    home = home_here(what)
    with open_installation(home) as installation:
        directory = directory_of(installation, SecretBox(home.master_key()))
        settings = directory.settings()
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        port = os.environ.get(MANAGEMENT_PORT_VARIABLE) or settings.port
        url = settings.public_url or f"http://{host}:{port}"
        by = machine_principal(Actor("command", actor()))
        yield DirectoryHere(directory, by, url.rstrip("/"))


def first_login(owner: FirstOwner) -> str:
    """What the first owner is told, once."""
    return (
        f"The owner of this installation is {owner.email}, with a password for one login:\n\n"
        f"  {owner.password}\n\n"
        "It is shown only now, and must be changed at that login; "
        "'faregate users reset-password' makes another."
    )
