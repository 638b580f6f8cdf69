"""What can be wrong with a store: one exception a case, whose text says what happened, to what, and what to do."""


class StoreError(Exception):
    """A store that can't be used."""


class StoreMissing(StoreError):
    """There is none yet, or it is another thing's folder."""


class StoreInUse(StoreError):
    """Another process has it open."""


class StoreUnfit(StoreError):
    """Its folder lies where a store can't live."""


class StoreOfOtherFormat(StoreError):
    """It was made by another version."""


class StoreDamaged(StoreError):
    """What is in it is not what was written."""


class StoreFull(StoreError):
    """The disk, or what the process may use of it, is full. What was committed is whole."""
