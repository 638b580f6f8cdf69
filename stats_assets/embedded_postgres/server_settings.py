"""What an embedded PostgreSQL is made and started with, as its own settings. A person's settings go before them."""

import logging
import re
import shutil
from pathlib import Path

# a person may set others in postgresql.conf, or by ALTER SYSTEM
DEFAULTS = {
    "max_connections": "200",
    "superuser_reserved_connections": "0",  # nobody works as the superuser
    "shared_buffers": "128MB",
    "max_locks_per_transaction": "128",  # a query over all partitions of facts locks each, and its indexes
    "min_wal_size": "32MB",
    "max_wal_size": "256MB",
    "client_connection_check_interval": "2s",  # the query of a killed program ends, and keeps the server for nobody
}
SHARED_MEMORY, ENOUGH = Path("/dev/shm"), 256 << 20  # noqa: S108 - not ours; a container's has 64 MB
log = logging.getLogger("embedded")


def for_small_memory() -> dict[str, str]:
    """What to start with where /dev/shm is too small for what parallel queries share by it; the log says so."""
    try:
        size = shutil.disk_usage(SHARED_MEMORY).total
    except OSError:
        size = 0
    if size >= ENOUGH:
        return {}
    log.warning(
        "%s has %d MB: what parallel queries share goes to files below data/pg_dynshmem, which is slower. A container"
        " gets more by --shm-size",
        *(SHARED_MEMORY, size >> 20),
    )
    return {"dynamic_shared_memory_type": "mmap"}


def unset_defaults(data: Path) -> dict[str, str]:
    """What an older data directory was made without."""
    texts = [(data / f"postgresql{kind}.conf").read_text(errors="replace") for kind in ("", ".auto")]
    return {
        name: value
        for name, value in DEFAULTS.items()
        if not any(re.search(rf"^\s*{name}\b", text, re.MULTILINE | re.IGNORECASE) for text in texts)
    }
