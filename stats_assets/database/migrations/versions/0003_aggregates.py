"""The aggregates by owner, day and key, and what verification and OSMesa's codes need."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"

SQL = Path(__file__).parents[2] / "sql"


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    assert connection is not None  # noqa: S101 - for the type checker
    for name in ("aggregates.sql", "statistics.sql", "fill_aggregates.sql"):
        connection.execute((SQL / name).read_bytes())


def downgrade() -> None:
    raise NotImplementedError("the older aggregates are not made again")
