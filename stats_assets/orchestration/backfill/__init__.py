"""A backfill of an exact range of sequences, through Dagster: its runs are seen in the UI, one a block.

What its modules log is for the person who has asked for it.
"""
