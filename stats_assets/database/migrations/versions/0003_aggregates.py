"""The aggregates by owner, day and key, and what verification and OSMesa's codes need."""

from stats_assets.database.migrations.frozen import run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run("0003_aggregates.sql", "0003_statistics.sql", "0003_fill_aggregates.sql")


def downgrade() -> None:
    raise NotImplementedError("the older aggregates are not made again")
