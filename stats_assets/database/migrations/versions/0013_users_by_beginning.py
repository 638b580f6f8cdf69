"""Users are found by the beginning of their names."""

from stats_assets.database.migrations.frozen import run

revision = "0013"
down_revision = "0012"
additive = True


def upgrade() -> None:
    run("0013_users_by_beginning.sql")


def downgrade() -> None:
    raise NotImplementedError("not needed: older code works with this index")
