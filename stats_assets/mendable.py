"""What a person can mend, and how a refusal of the system's reads. Which errors are of this kind, and what they say, is
said where they are.
"""

import re

_CLASS = re.compile(r"^(?:(?:\w+\.)+\w+: |\w*(?:Error|Exception): |\(\w+\.\w+\) )")
"""What a traceback's last line begins with, and SQLAlchemy's messages."""


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


def cause_of(error: BaseException) -> str:
    """What is behind an error, as a part of a sentence: the system's words, else its class, too."""
    while cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = cause
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}"


def without_class(said: str) -> str:
    """A line of others' about an error, without the class that it begins with."""
    return _CLASS.sub("", said, count=1)
