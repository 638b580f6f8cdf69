"""What a process does about Python's collector of garbage once all that stays is loaded. No other care for memory."""

import gc

MORE_OBJECTS = 100_000, 10, 10
"""When circles are looked for: after so many new objects, and each tenth time among older ones, too.

Nothing of a body is held by a circle: with Python's own 700 a tenth of counting and more was looking for them.
"""

kept = False
"""Whether it is done, here or in the process that this one is a fork of. To ask `gc` takes 20 ms: it counts them."""


def keep_what_is_loaded() -> None:
    """Take all that is there now out of the collections: they need not go through it, and no fork copies it by that.

    Dagster's definitions are a quarter of a million objects, which take a tenth of a second each time.
    """
    global kept
    gc.collect()
    gc.freeze()
    kept = True
    gc.set_threshold(*MORE_OBJECTS)
