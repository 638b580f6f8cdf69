"""What was in the newest OsmChange files, and where they came from: by that another address is compared."""

from stats_assets.database.migrations.frozen import run

revision = "0016"
down_revision = "0015"
additive = True


def upgrade() -> None:
    run("0016_contents.sql")


def downgrade() -> None:
    raise NotImplementedError("not needed: older code works with this table")
