"""The invented world: its map, mappers and changesets, minute by minute, from a seed."""
