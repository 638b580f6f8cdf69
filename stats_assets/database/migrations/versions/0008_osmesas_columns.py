"""OSMesa's own SQL, and that of its clients, works on our tables; none of it costs minutes; alerts are kept."""

from stats_assets.database.migrations.frozen import replacing_views, run

revision = "0008"
down_revision = "0007"
additive = False


def upgrade() -> None:
    with replacing_views("0008_views.sql"):
        run("0008_columns.sql", "0008_nobody.sql", "0008_contributions.sql")
        run("0008_breakdowns.sql", "0008_fill_breakdowns.sql")
    run("0008_alerts.sql")


def downgrade() -> None:
    raise NotImplementedError("older code does not know these names")
