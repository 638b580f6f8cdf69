"""The C module of the strict grammar, where the package was built with one, and what is said of it.

Here: whether it is there, at no cost for whoever asks. Not here: the grammar in Python (strict), in C (`_strict.c`).
"""

try:
    from stats_assets.osm import _strict as _found
except ImportError:  # no compiler when it was built, or one of another machine
    MODULE = None
else:
    MODULE = _found

READER = "Python" if MODULE is None else "C"
"""What reads the actions of augmented diffs, as far as lxml need not."""


def sentence() -> str:
    """What reads, and what to do about it."""
    if MODULE is not None:
        return "Augmented diffs are read by the C module."
    return (
        "Augmented diffs are read in Python, with the same results, about a third as fast as by the C module: the"
        " package was built where there was no C compiler. To have it, install one (gcc), and the package anew."
    )
