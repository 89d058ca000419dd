"""Making a data folder ready; loads the SQL layer only for work."""

from pathlib import Path

from faregate.storage.gate_reader import SqliteConfiguration, schema_is_current
from faregate.storage.home import Home
from faregate.storage.secrets import SecretBox


def prepare_home(home: Home) -> list[Path]:
    """Make folders, master key and database; gives what was made.

    A database of an older release is migrated. When all is there it costs a few
    milliseconds, and changes nothing.
    """
    made = home.create()
    SecretBox(home.master_key())
    if not schema_is_current(home.database):
        existed = home.exists
        from faregate.storage.database import Database

        database = Database(home.database)
        try:
            database.upgrade()
        finally:
            database.close()
        if not existed:
            made.append(home.database)
    return made


def open_gate_source(home: Home) -> SqliteConfiguration:
    """The configuration and the keys at `home` as a gate reads them."""
    return SqliteConfiguration(home.database, SecretBox(home.master_key()))
