"""The facts in partitions, and which leases are of runs by hand."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

SQL = Path(__file__).parents[2] / "sql"


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    assert connection is not None  # noqa: S101 - for the type checker
    connection.execute((SQL / "fact_partitions.sql").read_bytes())


def downgrade() -> None:
    raise NotImplementedError("facts are not brought back into one table")
