"""What commands share: the installation, and who is asking."""

import getpass
import os
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import msgspec

from faregate.cli.remote_profiles import chosen
from faregate.configuration.document import Document
from faregate.configuration.names import Name
from faregate.core.errors import FaregateError
from faregate.storage.home import Home

if TYPE_CHECKING:
    from faregate.cli.ports import Installation


def opened() -> "AbstractContextManager[Installation]":
    """The installation that the command is for, on this machine or elsewhere."""
    target = chosen()
    if target is not None:
        from faregate.cli.remote import opened_remote

        return opened_remote(target)
    # The SQL layer takes half a second to load: help and mistakes need none of it.
    from faregate.storage.installation import open_installation

    home = Home.from_environment()
    home.require()
    return open_installation(home)


def home_here(what: str) -> Home:
    """The data folder of this machine, for what is done with its files.

    Raises `FaregateError` where the command is for an installation elsewhere.
    """
    target = chosen()
    if target is not None:
        from faregate.cli.remote_connection import not_here

        raise not_here(what, target)
    home = Home.from_environment()
    home.require()
    return home


def clear_document(what: str) -> Document:
    """The configuration in force with its secrets, on this machine.

    Raises `FaregateError` where the command is for an installation elsewhere.
    """
    home = home_here(what)
    from faregate.storage.installation import open_installation

    with open_installation(home) as installation:
        return installation.revisions.current().clear


def actor() -> str:
    """Who runs the command, as the history of revisions names them."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"


def record(act: str, kind: str, name: str, **more: Any) -> None:
    """Write into the audit log what was done, where the act doesn't.

    `more` is as `storage.audit_log.write_entry` takes it. What a name says of its team is kept.
    """
    if chosen() is not None:
        return  # an installation elsewhere writes what it did by itself
    from faregate.storage.audit_log import AuditLog

    team, slash, _ = name.partition("/")
    with opened() as installation:
        AuditLog(installation.database).record(
            actor(), act, f"{kind}/{name}", **{"team": team if slash else None, **more}
        )


def checked_name(name: str) -> str:
    """`name`, if it may be the name of a provider or a key."""
    try:
        return msgspec.convert(name, Name)
    except msgspec.ValidationError as error:
        raise FaregateError(
            f"{name!r} can't be a name",
            fix="use 1 to 63 letters, digits, '.', '_' and '-', beginning with a letter or digit",
        ) from error
