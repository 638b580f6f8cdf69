"""How far the feeds are, what they refuse, and reads to settle that were in vain: known to all, not to one process."""

from stats_assets.database.migrations.frozen import run

revision = "0006"
down_revision = "0005"
additive = True


def upgrade() -> None:
    run("0006_feeds.sql")


def downgrade() -> None:
    raise NotImplementedError("what was seen of the feeds is not forgotten again")
