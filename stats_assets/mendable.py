"""What a person can mend. Which errors are of this kind, and what they say, is said where they are."""


class Mendable(Exception):
    """A wrong setting, a server that is down: the message says what to do, and a command says no more."""
