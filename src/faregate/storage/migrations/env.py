"""How alembic runs the steps: inside the transaction that it is given."""

from alembic import context

from faregate.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
