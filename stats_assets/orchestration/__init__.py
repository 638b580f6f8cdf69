"""Everything that Dagster loads or runs: assets, checks, jobs, sensors, what a run is called. Reads, decides and calls;
the work itself is in ingest/, what is said of it in monitoring/.
"""
