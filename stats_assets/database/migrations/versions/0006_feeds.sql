-- Revision 0006. The feeds as they were last seen: asked by ticks, kept for all; what they refuse, for how long; and how
-- often a settled body was read in vain.

CREATE TABLE heads (
    stream text COLLATE "C" PRIMARY KEY,
    head bigint,                -- the newest sequence that the feed said it has
    feed_time timestamptz,      -- the feed's own time at that head: its last_run, else the end of the head's minute
    asked_at timestamptz,       -- when it was last asked, with an answer
    moved_at timestamptz,       -- when that head was first seen
    delay_seconds float8,       -- how long after the end of its minute a head was seen; null: not learned
    failed_at timestamptz,      -- when asking last failed, after that answer; null: it did not
    failure text
);
COMMENT ON TABLE heads IS 'What each feed said last of how far it reaches: asked by the sensors'' ticks';

ALTER TABLE streams
    ADD COLUMN paused_at timestamptz,       -- when the last pause began: who began before that meets the same outage
    ADD COLUMN quiet_until timestamptz,     -- the feed refused to be asked: until then nobody of this stream asks
    ADD COLUMN quiet_reason text,
    ADD COLUMN numbering int NOT NULL DEFAULT 0,    -- raised when the feed's numbers began again
    ADD COLUMN seek_from_feed boolean NOT NULL DEFAULT false,   -- the request seek_to is of a feed that began again
    ADD COLUMN archive_not_above bigint,    -- above this sequence, archived bodies written before archive_since are
    ADD COLUMN archive_since timestamptz;   -- another numbering's

ALTER TABLE ledger
    ADD COLUMN rereads int NOT NULL DEFAULT 0,  -- how often it was read to settle, and the server was no further
    ADD COLUMN reread_at timestamptz;           -- not before that is it read again to settle
COMMENT ON COLUMN ledger.rereads IS 'Reads to settle that brought nothing newer: a proxy, or a cache';
