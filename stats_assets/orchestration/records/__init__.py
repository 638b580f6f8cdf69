"""Dagster's own records on one machine: where they are, how they are packed, and when they go."""
