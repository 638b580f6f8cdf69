"""The feeds: sources, heads, sequence arithmetic, archive, HTTP. Knows nothing of Dagster, SQL or statistics."""
