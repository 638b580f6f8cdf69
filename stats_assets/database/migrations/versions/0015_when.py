"""Uploads of all hashtags or countries by their minute; of a country edits, not features."""

from stats_assets.database.migrations.frozen import run

revision = "0015"
down_revision = "0014"
additive = False  # code of before would add up features


def upgrade() -> None:
    run("0015_when.sql")


def downgrade() -> None:
    raise NotImplementedError("older code adds up another number")
