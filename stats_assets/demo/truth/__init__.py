"""The truth about the invented world, from its own books: no feed file is read, nothing is counted by osm/."""
