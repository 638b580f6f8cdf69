"""What Alembic runs: the revisions over the connection that `migrate` hands in."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    version_table_schema=connection.exec_driver_sql("SELECT current_schema()").scalar(),
)
with context.begin_transaction():
    context.run_migrations()
