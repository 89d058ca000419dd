"""A database with two teams, for tests of their keys."""

from pathlib import Path

from faregate.configuration.document import Document
from faregate.configuration.load import load
from faregate.storage.database import Database
from faregate.storage.revisions import Revisions
from faregate.storage.secrets import SecretBox

BASE = """\
teams: [{name: sales}, {name: support}]
providers: [{name: p, base_url: 'http://h/v1'}]
models:
  - {name: gpt, provider: p, aliases: [fast]}
  - {name: sales/small, team: sales, provider: p}
  - {name: support/dark, team: support, provider: p}
virtual_models: [{name: sales/best, team: sales, targets: [{model: gpt}]}]
applications:
  - {name: sales/shop, team: sales}
  - {name: till, team: sales}
  - {name: support/desk, team: support}
  - {name: tools}
"""


def document(more: str = "") -> Document:
    """The two teams, and what else is said."""
    return load(BASE + more, environment={})


def revisions(database: Database) -> Revisions:
    """The configuration in `database`."""
    return Revisions(database, SecretBox(b"k" * 32))


def make_database(folder: Path) -> Database:
    """A database in which that is in force."""
    database = Database(folder / "faregate.db")
    database.upgrade()
    revisions(database).apply(document(), "ann", "teams")
    return database
