"""The feeds: sources, heads, sequences, archive, HTTP. Knows nothing of Dagster, SQL or statistics."""
