-- Revision 0007, of the heads: whose head it was, how far the feed ever was in this numbering, and when a stream began.

ALTER TABLE heads
    ADD COLUMN source text,                     -- whose head it was: the feed's address, without credentials
    ADD COLUMN highest bigint,                  -- the highest head that was believed, in this numbering
    ADD COLUMN numbering int NOT NULL DEFAULT 0;    -- that of `highest`: streams.numbering then
COMMENT ON COLUMN heads.moved_at IS 'When `highest` was first seen: a feed that goes back a little has not moved';
COMMENT ON COLUMN heads.feed_time IS
    'The feed''s own time: its last_run; of minutes the end of the head''s minute, if that is earlier';

ALTER TABLE streams ADD COLUMN begun_at timestamptz;    -- when its origin was set
