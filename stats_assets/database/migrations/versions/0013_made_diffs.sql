-- Revision 0013. Augmented diffs of our own making: what the feed said last, how far the store is, what is wrong.
CREATE TABLE made_diffs (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    feed text COLLATE "C",
    head bigint,
    head_time timestamptz,
    asked_at timestamptz,
    feed_trouble text,
    quiet_until timestamptz,
    store text COLLATE "C",
    read_from text COLLATE "C",
    begins timestamptz,
    settled_to timestamptz,
    reached timestamptz,
    sequence bigint,
    made bigint,
    tallies jsonb NOT NULL DEFAULT '{}',
    noted jsonb NOT NULL DEFAULT '[]',
    kept_at timestamptz,
    doing text,
    trouble text,
    attempts integer NOT NULL DEFAULT 0,
    not_before timestamptz,
    ticked_at timestamptz
);
COMMENT ON TABLE made_diffs IS 'Augmented diffs of our own making: what others must see of the store; a copy, which decides nothing of what is made';
COMMENT ON COLUMN made_diffs.sequence IS 'The newest OsmChange file that was read; head: the newest that the feed has';
COMMENT ON COLUMN made_diffs.made IS 'The newest minute whose document was made';
COMMENT ON COLUMN made_diffs.noted IS 'The newest versions that came late, or are of the future, with where they were put';
COMMENT ON COLUMN made_diffs.doing IS 'What a run is at, in words, while it is at it';
