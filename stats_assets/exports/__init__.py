"""Answers as tables and files: CSV, NDJSON, Parquet. They know no HTTP and no SQL."""
