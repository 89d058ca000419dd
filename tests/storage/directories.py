"""A directory on a real file, with people in it, for the tests of its stores."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from tests.databases import make_database

from faregate.configuration.commerce import Team
from faregate.configuration.document import Document
from faregate.core.clock import ManualClock
from faregate.identity.actors import Actor
from faregate.identity.permissions import Principal, machine_principal
from faregate.identity.sessions import SessionRules
from faregate.storage import directory_tables as tables
from faregate.storage.audit_log import AuditLog
from faregate.storage.database import Database
from faregate.storage.directory import Directory
from faregate.storage.directory_rows import held_of_user
from faregate.storage.logins import Attempt, SignedIn
from faregate.storage.password_hashes import Cost
from faregate.storage.revisions import Revisions
from faregate.storage.secrets import SecretBox

CHEAP = Cost(1, 8, 1)
MACHINE = machine_principal(Actor("command", "root"))
PASSWORD = "violet river canoe"
ADDRESS = "192.0.2.7"


class People:
    """A directory with the teams sales and care; everybody has the same password."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        make_database(folder / "faregate.db")
        self.database = Database(folder / "faregate.db")
        self.rules = SessionRules.of_hours(8, 72)
        self.box = SecretBox(b"k" * 32)
        self.directory = Directory(self.database, self.box, self.clock, lambda: self.rules, CHEAP)
        self.revisions = Revisions(self.database, self.box)
        self.audit = AuditLog(self.database, self.clock)
        self._hash = self.directory.passwords._hashes.hash(PASSWORD)
        teams = (Team(name="sales"), Team(name="care"))
        self.revisions.apply(Document(teams=teams), "root", "teams")

    def add(self, email: str, *roles: str, **teams: str) -> str:
        """A user with these roles, and one in each team; gives the id."""
        user = self.directory.users.create(MACHINE, email, email.split("@")[0], roles)
        for team, role in teams.items():
            self.directory.members.set(MACHINE, team, user.user_id, (role,))
        with self.database.writing() as connection:
            connection.execute(
                tables.users.update()
                .where(tables.users.c.user_id == user.user_id)
                .values(password_hash=self._hash)
            )
        return user.user_id

    def principal(self, user_id: str, scopes: frozenset[str] | None = None) -> Principal:
        """A user as the management API knows them."""
        user = self.directory.users.get(user_id)
        with self.database.reading() as connection:
            held = held_of_user(connection, user_id)
        actor = Actor("user", user.email, user_id, None, ADDRESS)
        return Principal(actor, held, scopes)

    def sign_in(
        self,
        email: str,
        password: str = PASSWORD,
        code: str | None = None,
        address: str = ADDRESS,
    ) -> SignedIn:
        """Log in, without a wish for a code left open."""
        found = self.directory.logins.sign_in(Attempt(email, password, code, address, "tests"))
        assert found is not None
        return found

    def acts(self, since: int = 0) -> list[str]:
        """The acts of the audit log, oldest first, behind the entry of this number."""
        return [entry.act for entry in self.audit.walk(after=since)]

    def last(self, act: str) -> Any:
        """The newest entry of an act."""
        return next(one for one in self.audit.find(limit=500) if one.act == act)

    def mark(self) -> int:
        """The number of the newest entry."""
        head = self.audit.head()
        return head.sequence if head else 0

    def rows(self, table: sa.Table) -> list[Any]:
        """All rows of a table."""
        with self.database.reading() as connection:
            return list(connection.execute(sa.select(table)))

    def content(self) -> bytes:
        """All bytes of the database on the disk."""
        path = self.database.path
        return path.read_bytes() + path.with_name(path.name + "-wal").read_bytes()
