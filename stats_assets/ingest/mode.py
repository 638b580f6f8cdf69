"""How a run goes about its range: as the live stream, for what is due once more, or as a person asked. One value."""

from typing import Final, Literal, NamedTuple


class Mode(NamedTuple):
    """A run's mode. LIVE, LATE and BY_HAND are the plain ones."""

    kind: Literal["live", "late", "by hand"] = "live"
    from_feed: bool = False
    """Whether what the archive has is read anew from the feed, too."""
    wait_for_feed: float = 0.0
    """For how many seconds in all a run by hand waits for a feed that fails, before it ends."""

    @property
    def by_hand(self) -> bool:
        """Whether all of the range is counted again, whatever was done before."""
        return self.kind == "by hand"

    @property
    def late(self) -> bool:
        """Whether it does what is due once more though it is done."""
        return self.kind == "late"

    @property
    def pauses_stream(self) -> bool:
        """Whether the stream pauses when the feed or the database fails in it."""
        return self.kind == "live"

    @property
    def reads_archive(self) -> bool:
        """Whether a body that the archive has is taken from there."""
        return not (self.from_feed or self.late)


LIVE: Final = Mode()
LATE: Final = Mode("late")
BY_HAND: Final = Mode("by hand")
