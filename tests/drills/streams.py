"""Where both streams stand against a feed of the test's own, and whether what came out is the truth."""

from stats_assets.database.connection import connect
from stats_assets.database.ledger.stream_rows import stream_of
from stats_assets.database.statistics.applier import queued
from stats_assets.demo.feed import DemoFeed
from stats_assets.streams import STREAMS
from tests.drills.waiting import until
from tests.truth import differences, statistics_of, truth_of


class Streams:
    """The feed's head and our checkpoints."""

    def __init__(self, feed: DemoFeed, url: str) -> None:
        self.feed, self.url = feed, url

    def at_head(self) -> bool:
        with connect(self.url) as connection:
            rows = [stream_of(connection, stream) for stream in STREAMS]
        heads = {"augmented_diffs": self.feed.head, "changesets": self.feed.changesets_head}
        return {row.stream: row.checkpoint for row in rows if row} == heads

    def at_rest(self) -> bool:
        """Whether the statistics have all of it, too."""
        if not self.at_head():
            return False
        with connect(self.url) as connection:
            return not queued(connection)

    def go_on(self, what: str) -> None:
        """Three more minutes pass, and soon they are in."""
        self.feed.advance(3)
        until(self.at_head, f"the streams to go on after {what}")

    def must_be_exact(self) -> None:
        until(self.at_rest, "the statistics to take up what has changed")
        with connect(self.url) as connection:
            assert differences(truth_of(self.feed.url), statistics_of(connection)) == []
