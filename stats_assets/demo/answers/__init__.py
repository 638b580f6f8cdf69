"""What the demo feed answers: the formats of both feeds, and what can go wrong with each answer."""
