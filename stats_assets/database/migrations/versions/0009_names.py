"""The keys of the aggregates have names, and a database is known again."""

from stats_assets.database.migrations.frozen import replacing_views, run

revision = "0009"
down_revision = "0008"
additive = False


def upgrade() -> None:
    with replacing_views("0009_views.sql"):
        run("0009_names.sql", "0009_functions.sql")


def downgrade() -> None:
    raise NotImplementedError("older code does not know these names")
