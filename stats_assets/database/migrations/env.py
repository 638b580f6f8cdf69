"""What Alembic runs: the revisions over the connection that `migrate` hands in."""

from typing import Any

from alembic import context

connection, made = (context.config.attributes[name] for name in ("connection", "made"))
MARKS = "0005"  # has made the table


def mark(ctx: object, step: Any, heads: object, run_args: object) -> None:
    """Say in the database which code may go on working: a revision that does not only add needs code that knows it."""
    of = step.up_revision
    made(int(of.revision))
    if of is not None and of.revision >= MARKS and not of.module.additive:
        connection.exec_driver_sql(f"UPDATE schema_marks SET oldest_code = '{of.revision}'")  # noqa: S608 - a constant


context.configure(
    connection=connection,
    version_table_schema=connection.exec_driver_sql("SELECT current_schema()").scalar(),
    on_version_apply=mark,
)
with context.begin_transaction():
    context.run_migrations()
