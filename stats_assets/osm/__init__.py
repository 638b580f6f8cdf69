"""What is counted: from feed documents to statistics. Pure: no I/O beyond a file object, no Dagster, no SQL."""
