"""A revision that was run in somebody's database stays what it was: its SQL is frozen."""

import hashlib

from stats_assets.database.migrations.frozen import VERSIONS

UNRELEASED = (
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
    "0013",
    "0014",
    "0015",
    "0016",
)  # until they are in a release
FROZEN = {
    "0001_schema.sql": "b0a6937044cacd5b",
    "0002_fact_partitions.sql": "d35c6e036b5d9a99",
    "0003_aggregates.sql": "32120a5819f6c4b9",
    "0003_fill_aggregates.sql": "d5bf34d15af211db",
    "0003_statistics.sql": "ad9f2e9130da241f",
}


def test_no_revision_s_sql_is_edited_afterwards() -> None:
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:16]
        for file in VERSIONS.glob("*.sql")
        if not file.name.startswith(UNRELEASED)
    }
    assert found == FROZEN, "what a revision left out belongs into a new one"
