"""An installation, opened to be changed: its revisions, its keys.

Loads the SQL layer; what only reads for a gate uses `gate_reader` alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from faregate.identity.audit_chain import audit_key
from faregate.storage.database import Database
from faregate.storage.home import Home
from faregate.storage.keys import Keys
from faregate.storage.ledger_grants import ConfiguredGrants
from faregate.storage.revisions import Revisions
from faregate.storage.secrets import SecretBox


class Installation(NamedTuple):
    """What commands work on."""

    home: Home
    database: Database
    revisions: Revisions
    keys: Keys
    grants: ConfiguredGrants


@contextmanager
def open_installation(home: Home) -> Iterator[Installation]:
    """The installation at `home`, its tables brought to this release."""
    home.require()
    master_key = home.master_key()
    box = SecretBox(master_key)
    database = Database(home.database, audit_key(master_key))
    try:
        database.upgrade()
        grants = ConfiguredGrants(home)
        revisions = Revisions(database, box, grants=grants)
        yield Installation(home, database, revisions, Keys(database), grants)
    finally:
        database.close()
