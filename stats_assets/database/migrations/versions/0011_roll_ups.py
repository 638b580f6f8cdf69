"""What was uploaded when, for whom; the world; virtual hashtags."""

from stats_assets.database.migrations.frozen import run

revision = "0011"
down_revision = "0010"
additive = False  # code of before would leave holes in what it does not know


def upgrade() -> None:
    run("0011_uploads.sql", "0011_unions.sql", "0011_functions.sql", "0011_milestones.sql")


def downgrade() -> None:
    raise NotImplementedError("older code does not keep the roll-ups")
