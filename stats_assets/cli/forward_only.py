"""What `migrate --additive-only` refuses: revisions that code of before can't work with, ours and Dagster's own."""

from dagster import DagsterInstance

from stats_assets.database import migrations

EXIT = 4
"""The exit code that says so: a deployment stops what runs, and keeps a copy, before it goes on (deploy/)."""


def pending(url: str) -> list[str]:
    """Each such revision that lies between the databases and this code, in words; none: the old code can come back.

    A database without a schema has none. Of Dagster's revisions nobody says whether they only add: each counts.
    Raises DatabaseUnreachable, MigrationRefused.
    """
    with DagsterInstance.get() as instance:
        return [f"revision {one} of the statistics" for one in migrations.forward_only(url)] + of_dagster(
            instance
        )


def of_dagster(instance: DagsterInstance) -> list[str]:
    """Its own schema's, where its storage has revisions."""
    storages = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    versions = {one.alembic_version() for one in storages if one is not None}
    return [
        f"Dagster's own, from {at} to {newest}"
        for at, newest in filter(None, versions)
        if at is not None and at != newest
    ]
