"""Dagster's records in PostgreSQL, for a login that may only SELECT, too.

Dagster's storage, but that it keeps no cache of partitions' states where the login may not write one: a UI by such a
login would show an error in place of each partitioned asset. What makes the login is database/records_login.py.
"""

from functools import cached_property
from typing import Any

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage
from dagster_postgres.utils import pg_url_from_config
from sqlalchemy import text

MAY = """
SELECT has_column_privilege('asset_keys', 'cached_status_data', 'UPDATE')
    AND current_setting('transaction_read_only') = 'off'
"""


class Events(PostgresEventLogStorage):
    """The event log."""

    def can_write_asset_status_cache(self) -> bool:
        """Asked of PostgreSQL once a process."""
        return self._may_write

    @cached_property
    def _may_write(self) -> bool:
        with self.index_connection() as connection:
            return bool(connection.execute(text(MAY)).scalar())


class RecordsStorage(DagsterPostgresStorage):
    """`storage: custom` of a deployment's dagster.yaml; its configuration is that of `storage: postgres`."""

    def __init__(
        self, postgres_url: str, inst_data: ConfigurableClassData | None = None, **given: Any
    ) -> None:
        super().__init__(postgres_url, inst_data=inst_data, **given)
        self._event_log_storage.__class__ = Events  # to make another would connect once more, in each process

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "RecordsStorage":
        create = config_value.get("should_autocreate_tables", True)
        return cls(pg_url_from_config(config_value), inst_data, should_autocreate_tables=create)
