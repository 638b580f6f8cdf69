"""A copy of the kit's own database, taken before something that can't be undone by the programs alone."""

from datetime import UTC, datetime

from deploy.kit.aws import Aws, look
from deploy.kit.config import Config

PATIENCE = 7200.0


def take(aws: Aws, config: Config, before: str) -> None:
    """Take one and wait for it; where the database is another's, say whose affair that is."""
    if not config.own_database:
        aws.say(
            f"The database is not the kit's: whether there is a copy of it from before {before}, only you know."
        )
        return
    name = f"{config.named('database')}-before-{before}-{datetime.now(UTC):%Y%m%d%H%M%S}"
    about = {"DBInstanceIdentifier": config.named("database"), "DBSnapshotIdentifier": name}
    if not _status(aws, name):
        aws.change(f"take a snapshot of the database: {name}", "rds", "create_db_snapshot", **about)
    aws.until(
        f"snapshot {name}", lambda: _status(aws, name) == "available", PATIENCE, "RDS's events say why."
    )


def _status(aws: Aws, name: str) -> str:
    """Empty: there is none."""
    found = look(aws, "rds", "describe_db_snapshots", DBSnapshotIdentifier=name)
    return str(found["DBSnapshots"][0]["Status"]) if found and found["DBSnapshots"] else ""
