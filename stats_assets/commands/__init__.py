"""What each command of `stats-assets` does; cli.py gives them their names."""
