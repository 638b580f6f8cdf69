"""The work: where a feed's head is, what a tick decides, and how a run fetches, counts and commits its sequences.
Needs no Dagster; how feeds speak is feeds/, what is counted osm/, what is kept database/.
"""
