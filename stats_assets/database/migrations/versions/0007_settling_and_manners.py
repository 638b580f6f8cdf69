"""Whose head a head was, which numbering a body is of, what each feed was asked, and how often it refused in a row."""

from stats_assets.database.migrations.frozen import run

revision = "0007"
down_revision = "0006"
additive = True


def upgrade() -> None:
    run("0007_heads.sql", "0007_settling.sql", "0007_asked.sql")


def downgrade() -> None:
    raise NotImplementedError("what was asked of the feeds is not forgotten again")
