"""Augmented diffs of our own making: from a planet and OsmChange, without Overpass. Pure but for its store."""
