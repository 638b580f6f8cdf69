"""What could not be read is said in the ledger, with how far the server was; what rests on too early a read is due."""

from stats_assets.database.migrations.frozen import run

revision = "0005"
down_revision = "0004"
additive = False


def upgrade() -> None:
    run(
        *(
            "0005_readings.sql",
            "0005_times.sql",
            "0005_verdicts.sql",
            "0005_facts_away.sql",
            "0005_marks.sql",
        ),
        # The texts' collation when all tables are there; grants when the views are made again.
        *("0005_collation.sql", "0005_reading_login.sql"),
    )


def downgrade() -> None:
    raise NotImplementedError("what was said of the bodies is not forgotten again")
