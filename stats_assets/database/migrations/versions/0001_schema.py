"""The first schema."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

SQL = Path(__file__).parents[2] / "sql"


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    assert connection is not None  # noqa: S101 - for the type checker
    for name in ("schema.sql", "statistics.sql"):
        connection.execute((SQL / name).read_bytes())


def downgrade() -> None:
    raise NotImplementedError("there is nothing before the first schema")
