"""What a person can mend, and how a refusal of the system's reads. Which errors are of this kind, and what they say, is
said where they are.
"""


class Mendable(Exception):
    """A wrong setting, a server that is down: the message says what to do, and a command says no more."""


def reason_of(error: Exception, named: object = None) -> str:
    """What the error says, as a part of a sentence that names that file: of a refusal of the system's no number.

    The file that it was refused for is said where it is another one.
    """
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    other = error.filename is not None and str(error.filename) != str(named)
    return f"{error.strerror} ({error.filename})" if other else error.strerror
