"""A PostgreSQL of our own for a machine without one: made, started, shared by all programs, stopped when it is not
needed. Knows nothing of what is kept in it.
"""
