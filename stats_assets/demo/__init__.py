"""An offline world: invented mappers, their feeds served by both protocols, and the truth about them."""
