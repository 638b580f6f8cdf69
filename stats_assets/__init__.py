"""OpenStreetMap editing statistics, kept up to date minute by minute, as Dagster assets in PostgreSQL."""

from importlib.metadata import version

__version__ = version("stats-assets")
