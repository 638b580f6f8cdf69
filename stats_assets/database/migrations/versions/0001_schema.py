"""The first schema, in a database that is empty, or OSMesa's."""

from pathlib import Path

from alembic import op

from stats_assets.database.migrations.osmesa import set_aside, take_over

revision = "0001"
down_revision = None

SQL = Path(__file__).parents[2] / "sql"


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    assert connection is not None  # noqa: S101 - for the type checker
    found = set_aside(connection)
    connection.execute((SQL / "schema.sql").read_bytes())
    take_over(connection, found)


def downgrade() -> None:
    raise NotImplementedError("there is nothing before the first schema")
