"""What a sensor's tick decides: the cursor, and which ranges to start runs for. Pure: no clock, no database, no feed.

The state comes from the database, the feed and the Dagster instance; the sensor (orchestration/stream_sensor.py)
gathers it and carries out what is decided here (docs/states.md, section 5).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from stats_assets.database.ledger.ledger import BLOCK, LedgerRow, block_of

MOST_BLOCKS_LOOKED_AT = 20  # candidates for runs in one tick; more than any sensible number of parallel runs
# Half a minute: so long the next look at what is due waits; a run's start is little beside it.
MOST_BLOCKS_A_RUN = 10
MOST_SKIPPED = 50_000  # ledger rows that one tick writes for a seek forward; the next ticks write the rest


@dataclass(frozen=True)
class Range:
    """Sequences start..end, both included: of one block, or of several in a row."""

    start: int
    end: int

    def overlaps(self, block: int) -> bool:
        """Whether it touches the block that begins at `block`."""
        return self.start < block + BLOCK and block <= self.end


@dataclass(frozen=True)
class Stored:
    """What was stored before the tick: the sensor's cursor, and the stream's row. Any of it may be missing."""

    cursor: int | None = None
    """The sensor's, as Dagster has it."""
    checkpoint: int | None = None
    """The same in the database: all from the origin to here is done."""
    origin: int | None = None
    """The first sequence that the stream has to do."""
    seek_to: int | None = None
    """A person wants the cursor there."""
    shown: int | None = None
    """The cursor that the last tick gave."""

    @property
    def set_back(self) -> bool:
        """Whether a person has set the cursor back.

        A tick's cursor that was lost with its process leaves the one before, which is the checkpoint.
        """
        if self.cursor is None or self.checkpoint is None or self.cursor == self.checkpoint:
            return False
        return self.cursor < self.checkpoint or (self.shown is not None and self.cursor < self.shown)


@dataclass(frozen=True)
class Standing:
    """Where cursor and checkpoint are brought to before anything is requested."""

    cursor: int
    begin: int | None = None
    """The origin to store, on a database that knows none."""
    rewind: int | None = None
    """A person set the cursor back to here."""
    skip: int | None = None
    """All from the checkpoint to here is to count as done."""
    mirror: int | None = None
    """The checkpoint to store."""
    seek_to: int | None = None
    """What is left of a person's request."""
    warning: str | None = None
    """Something that a person should know."""


class NowhereToStart(Exception):
    """No checkpoint, no START and no head: nothing can be decided yet."""


def stand(
    stored: Stored, start: int | None, head: int | None, all_done: Callable[[int, int], bool]
) -> Standing:
    """Reconcile the stored cursor with the checkpoint, or do what a seek asks for. Raises NowhereToStart.

    `all_done(after, last)` tells whether every sequence above `after` up to `last` is done. Nothing is skipped beyond
    the head: a seek that lies there is dropped, and one forward waits while the head is unknown.
    """
    cursor, checkpoint, wanted = stored.cursor, stored.checkpoint, stored.seek_to
    warning = None
    if checkpoint is None:
        if wanted is not None and head is not None and wanted > head:
            warning = _beyond(wanted, head)
            wanted = None
        elif wanted is not None and head is None:
            raise NowhereToStart
        origin = next(
            (n for n in (None if wanted is None else wanted + 1, start, head) if n is not None), None
        )
        if origin is None:
            raise NowhereToStart
        return Standing(cursor=origin - 1, begin=origin, warning=warning)
    if cursor is not None and wanted is None and stored.set_back:
        return _rewind(cursor, stored)
    ahead = cursor is not None and cursor > checkpoint
    # A cursor that no tick has shown last is of before a takeover: a seek forward must not look like one back by it.
    current = wanted is None or stored.shown is None or cursor == stored.shown
    if cursor is not None and ahead and current and all_done(checkpoint, cursor):
        checkpoint, ahead = cursor, False
    if wanted is not None:
        return _seek(wanted, checkpoint, stored, head)
    if cursor is not None and ahead:
        to_skip = " To skip what is between: stats-assets seek."
        beyond = head is not None and cursor > head
        warning = (
            f"The cursor {cursor} is ahead of what the database has done ({checkpoint}): a restored backup, or a cursor"
            f" set forward by hand. The database's checkpoint is used: nothing is skipped."
            f"{f' It is beyond the head of the feed, {head}, too.' if beyond else to_skip}"
        )
    return Standing(cursor=checkpoint, mirror=checkpoint, warning=warning)


def _beyond(wanted: int, head: int) -> str:
    return f"The seek to {wanted} is dropped: it lies beyond the feed's head, {head}."


def _seek(wanted: int, checkpoint: int, stored: Stored, head: int | None) -> Standing:
    if wanted < checkpoint:
        return _rewind(wanted, stored)
    warning = None
    if wanted > checkpoint and head is None:
        warning = f"The seek to {wanted} waits until the feed's head is known: it may lie beyond it."
        return Standing(cursor=checkpoint, mirror=checkpoint, seek_to=wanted, warning=warning)
    if head is not None and wanted > max(checkpoint, head):
        wanted, warning = checkpoint, _beyond(wanted, head)
    # The request stands until the cursor is seen there: if this tick dies, its old cursor must not look like a rewind.
    if wanted == checkpoint:
        left = None if stored.cursor == wanted else wanted
        return Standing(cursor=checkpoint, mirror=checkpoint, seek_to=left, warning=warning)
    reached = min(wanted, checkpoint + MOST_SKIPPED)
    return Standing(
        cursor=reached,
        skip=reached,
        mirror=checkpoint,
        seek_to=wanted,
        warning=f"Seeking from {checkpoint} to {wanted}: what is not done up to {reached} is skipped.",
    )


def _rewind(target: int, stored: Stored) -> Standing:
    reached = target if stored.origin is None else max(target, stored.origin - 1)
    warning = f"The cursor was set back to {target}: all above it is done again."
    if reached != target:
        warning = (
            f"The cursor was set back to {target}, but the stream begins at {stored.origin}: all from there is done"
            f" again. What is before it is done by a backfill."
        )
    return Standing(cursor=reached, rewind=reached, warning=warning)


@dataclass(frozen=True)
class State:
    """What a tick sees above its cursor."""

    cursor: int
    head: int | None
    now: datetime
    slots: int
    """How many more runs may be started."""
    in_flight: Sequence[Range]
    """Ranges that runs work on, or wait with."""
    blocks: Mapping[int, int]
    """How many sequences are done, by block."""
    held: Mapping[int, int]
    """How many are neither done nor due (tried, or waiting), by block."""
    rows: Callable[[Sequence[int]], Mapping[int, Sequence[LedgerRow]]]
    """The ledger's rows of these blocks, by block."""
    late: Sequence[int] = ()
    """What is due once more though it is done, in order."""
    blocks_a_run: int = 1
    """How many blocks a run may have: far behind, fewer starts."""
    parallel: int = 1
    """How many runs there may be at once: what is left is shared by so many, though some are still at work."""


@dataclass(frozen=True)
class Decision:
    """What a tick does next."""

    cursor: int
    """The new one."""
    requests: Sequence[Range] = field(default_factory=tuple)
    """The ranges to start runs for."""
    late: Range | None = None
    """The range of a run for what is due once more."""


def decide(state: State) -> Decision:
    """Advance over what is done without a gap, then request what is due and free: at most one range a block, and
    where there are more of them than slots, several blocks a range.

    What is late comes last, a block's at a time, when nothing else could use the slot.
    """
    cursor = state.cursor
    while state.blocks.get(block_of(cursor + 1), 0) == BLOCK:
        cursor = block_of(cursor + 1) + BLOCK - 1
    head = state.head if state.head is not None else cursor
    current = block_of(cursor + 1)
    candidates = sorted({current, *_with_due(state, current, head)})
    rows = state.rows(candidates)
    for row in rows[current]:
        if row.sequence == cursor + 1 and row.done:
            cursor = row.sequence
    free: list[Range] = []
    for block in candidates:
        due = [
            row.sequence for row in rows[block] if cursor < row.sequence <= head and _is_due(row, state.now)
        ]
        if due and not any(flight.overlaps(block) for flight in state.in_flight):
            free.append(Range(due[0], due[-1]))
    requests = _joined(free, max(state.slots, state.parallel), state.blocks_a_run)[: state.slots]
    late = None
    if state.late and len(requests) < state.slots:
        late = Range(state.late[0], max(n for n in state.late if block_of(n) == block_of(state.late[0])))
    return Decision(cursor, tuple(requests), late)


def _joined(free: Sequence[Range], runs: int, most: int) -> list[Range]:
    """Neighbouring blocks' ranges as one, as many as let each run have its share; never over a block between."""
    share = min(most, -(-len(free) // max(1, runs)))
    joined: list[Range] = []
    blocks = 0
    for one in free:
        last = joined[-1] if joined else None
        if last and blocks < share and block_of(last.end) + BLOCK == block_of(one.start):
            joined[-1], blocks = Range(last.start, one.end), blocks + 1
        else:
            joined.append(one)
            blocks = 1
    return joined


def _with_due(state: State, first: int, head: int) -> list[int]:
    """The first blocks from `first` on in which something is due; blocks that only wait don't hide later ones."""
    found: list[int] = []
    for block in range(first, head + 1, BLOCK):
        # In the head's own block some may be above it, if the head went back: its rows tell.
        if block + BLOCK > head or state.blocks.get(block, 0) + state.held.get(block, 0) < BLOCK:
            found.append(block)
            if len(found) == MOST_BLOCKS_LOOKED_AT:
                break
    return found


def _is_due(row: LedgerRow, now: datetime) -> bool:
    if row.done or row.work == "trying":
        return False
    return row.work != "waiting" or row.not_before is None or row.not_before <= now
