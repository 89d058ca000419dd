"""The first owner, made once.

And the way back in for who is on the machine.
"""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from faregate.core.errors import MissingError
from faregate.identity.actors import Author, as_actor
from faregate.identity.permissions import machine_principal
from faregate.identity.roles import OWNER
from faregate.storage.home import Home
from faregate.storage.sqlite_errors import explain

if TYPE_CHECKING:
    from faregate.storage.database import Database
    from faregate.storage.directory import Directory

FIRST_EMAIL: Final = "admin@localhost"


class FirstOwner(NamedTuple):
    """An owner, and a password for one login, then to be changed."""

    email: str
    password: str


def has_people(database: Path) -> bool:
    """Whether there is any user; loads no SQL layer. Raises `StorageError`."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True)) as file:
            found = file.execute("SELECT EXISTS (SELECT 1 FROM users)").fetchone()
    except sqlite3.Error as error:
        raise explain(database, error) from error
    return bool(found[0])


def make_first_owner(home: Home, author: Author, email: str | None = None) -> FirstOwner | None:
    """Make the owner of an installation that has no users.

    None where there are some.

    The database must be of this release. Raises `ConfigurationError` for a wrong address.
    """
    if has_people(home.database):
        return None
    # Here, for it loads the SQL layer, which a plain start does without.
    from faregate.storage.installation import open_installation

    with open_installation(home) as installation:
        return first_owner(installation.database, author, email or FIRST_EMAIL)


def first_owner(database: "Database", author: Author, email: str) -> FirstOwner | None:
    """The same in a database that is open; of two at once, one makes it."""
    from faregate.identity.tokens import new_one_time_password
    from faregate.storage.audit_log import write_entry
    from faregate.storage.directory_rows import read_users, require_user
    from faregate.storage.password_changes import write_password
    from faregate.storage.password_hashes import PasswordHashes
    from faregate.storage.users import insert_user, write_roles

    password = new_one_time_password()
    stored = PasswordHashes().hash(password)
    now_ns = time.time_ns()
    with database.writing() as connection:
        if read_users(connection):
            return None
        user_id = insert_user(connection, now_ns, email, "Administrator", "active")
        write_roles(connection, user_id, (), (OWNER,), now_ns)
        user = require_user(connection, user_id)
        write_password(connection, now_ns, user, stored, must_change=True)
        write_entry(connection, now_ns, author, "users.create", f"users/{user.email}", after=user)
    return FirstOwner(user.email, password)


def recover_owner(directory: "Directory", author: Author, email: str) -> FirstOwner:
    """Make this user an owner who can log in again, whatever was before.

    For the machine alone.

    The second factor is left as it is. Raises `ConfigurationError` for a wrong address.
    """
    by = machine_principal(as_actor(author))
    try:
        user = directory.users.get(email)
    except MissingError:
        user = directory.users.create(by, email, roles=(OWNER,))
    else:
        if user.state == "invited":
            directory.users.remove(by, user.user_id)
            user = directory.users.create(by, email, roles=(OWNER,))
        if OWNER not in user.roles or user.state != "active":
            directory.users.set_state(by, user.user_id, "active")
            user = directory.users.set_roles(by, user.user_id, (*{*user.roles, OWNER},))
    user, password = directory.passwords.one_time(by, user.user_id)
    return FirstOwner(user.email, password)
