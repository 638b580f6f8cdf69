"""The deployment kit: what `make TARGET` in deploy/ does. It never runs on ECS, and the system knows nothing of it."""
