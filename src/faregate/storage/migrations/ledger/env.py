"""How alembic runs the ledger's steps: in the transaction it is given."""

from alembic import context

from faregate.storage.ledger_connection import VERSION_TABLE
from faregate.storage.ledger_tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
    version_table=VERSION_TABLE,
)
context.run_migrations()
