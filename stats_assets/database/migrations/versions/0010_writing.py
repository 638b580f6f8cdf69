"""What changes each minute is in no index where a query can do without, and rows have room for their next version."""

from stats_assets.database.migrations.frozen import replacing_views, run

revision = "0010"
down_revision = "0009"
additive = True


def upgrade() -> None:
    with replacing_views("0010_views.sql"):
        run("0010_lists.sql", "0010_ranked.sql", "0010_room.sql", "0010_sessions.sql")


def downgrade() -> None:
    raise NotImplementedError("not needed: older code works with these tables")
