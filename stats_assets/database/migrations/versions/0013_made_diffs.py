"""How far the maker of augmented diffs is, for who can't look into its store."""

from stats_assets.database.migrations.frozen import run

revision = "0013"
down_revision = "0012"
additive = True


def upgrade() -> None:
    run("0013_made_diffs.sql")


def downgrade() -> None:
    raise NotImplementedError("not needed: older code works with this table")
