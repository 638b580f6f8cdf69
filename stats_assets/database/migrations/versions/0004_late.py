"""What is due once more though it is done is found by an index; since when something is given up is known."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(
        "CREATE INDEX ledger_unsettled ON ledger (stream, sequence) WHERE result = 'committed' AND settled_at IS NULL"
    )
    op.execute("ALTER TABLE ledger ADD COLUMN given_up_at timestamptz")
    op.execute("UPDATE ledger SET given_up_at = since WHERE work IN ('quarantined', 'hole')")
    op.execute("UPDATE ledger SET not_before = now() WHERE work IN ('quarantined', 'hole')")


def downgrade() -> None:
    raise NotImplementedError
