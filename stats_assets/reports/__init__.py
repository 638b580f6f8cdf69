"""A page as one file that needs nothing else: no server, no script, no other host."""
