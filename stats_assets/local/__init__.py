"""The programs of `dev` and `demo` on one machine, kept running: Dagster's three, and the demo feed."""
