"""The facts in partitions, and which leases are of runs by hand."""

from stats_assets.database.migrations.frozen import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run("0002_fact_partitions.sql")


def downgrade() -> None:
    raise NotImplementedError("facts are not brought back into one table")
