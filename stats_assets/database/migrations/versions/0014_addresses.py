"""A feed may have several addresses, and may say how far its bodies are settled."""

from stats_assets.database.migrations.frozen import run

revision = "0014"
down_revision = "0013"
additive = True


def upgrade() -> None:
    run("0014_addresses.sql")


def downgrade() -> None:
    raise NotImplementedError("not needed: older code works with these tables")
