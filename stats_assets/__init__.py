"""OpenStreetMap editing statistics, kept up to date minute by minute, as Dagster assets in PostgreSQL."""
