"""People may have themselves hidden."""

from stats_assets.database.migrations.frozen import run

revision = "0012"
down_revision = "0011"
additive = True


def upgrade() -> None:
    run("0012_hidden_people.sql")


def downgrade() -> None:
    raise NotImplementedError("not needed: older code works with these tables")
