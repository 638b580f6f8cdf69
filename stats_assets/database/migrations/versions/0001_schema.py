"""The first schema, in a database that is empty, or OSMesa's."""

from alembic import op

from stats_assets.database.migrations.frozen import run
from stats_assets.database.migrations.osmesa import set_aside, take_over

revision = "0001"
down_revision = None


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    assert connection is not None  # noqa: S101 - for the type checker
    found = set_aside(connection)
    run("0001_schema.sql")
    take_over(connection, found)


def downgrade() -> None:
    raise NotImplementedError("there is nothing before the first schema")
