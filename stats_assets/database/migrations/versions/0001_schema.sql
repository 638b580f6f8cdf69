-- The tables. Names and columns that OSMesa's clients query come first in each table, in OSMesa's order; ours follow.
-- No foreign keys between the two streams' tables: either stream may come first.

-- Streams: what is done -------------------------------------------------------------------------------------------

CREATE TABLE streams (
    stream text PRIMARY KEY,
    origin bigint,
    checkpoint bigint,
    instance_id text,           -- the Dagster instance that drives it
    lease_until timestamptz,    -- until then no other instance may
    seek_to bigint,             -- a request that no tick has taken yet
    pauses int NOT NULL DEFAULT 0,
    paused_until timestamptz,   -- the feed failed: no runs until then
    pause_reason text
);
COMMENT ON TABLE streams IS 'Where each stream stands; checkpoint: every sequence from origin to it is done';

CREATE TABLE checkpoints (
    proc_name text PRIMARY KEY,
    sequence bigint NOT NULL
);
COMMENT ON TABLE checkpoints IS 'OSMesa''s view of streams.checkpoint; 0 means none';

CREATE TABLE ledger_blocks (
    stream text NOT NULL,
    block bigint NOT NULL,      -- its first sequence, a multiple of 100
    done int NOT NULL DEFAULT 0 CHECK (done BETWEEN 0 AND 100),
    epoch int NOT NULL DEFAULT 0,  -- raised by a rewind: what was done in an older epoch is due again
    PRIMARY KEY (stream, block)
);

CREATE TABLE ledger (
    stream text NOT NULL,
    sequence bigint NOT NULL,
    result text NOT NULL DEFAULT 'none' CHECK (result IN ('none', 'committed', 'skipped')),
    work text NOT NULL DEFAULT 'idle' CHECK (work IN ('idle', 'trying', 'waiting', 'quarantined', 'hole')),
    epoch int NOT NULL DEFAULT -1,  -- the block's epoch when it was last done; done = not below the block's
    content_hash text,
    actions bigint,
    fetched_at timestamptz,
    flagged text,               -- why the counted body, or one kept beside it, is doubtful
    definitions text,           -- hash of the definitions that it was counted with
    settled_at timestamptz,
    done_at timestamptz,        -- when a body was last committed, or found to be the counted one
    run_id text,
    since timestamptz,
    not_before timestamptz,
    reason text,
    attempts int NOT NULL DEFAULT 0,
    previous text NOT NULL DEFAULT 'idle',  -- work before it was tried: what it goes back to when nothing comes of it
    missing_since timestamptz,  -- the feed has later ones, but not this one
    suspect boolean NOT NULL DEFAULT false,  -- a run died on its group: next time it is taken alone
    PRIMARY KEY (stream, sequence)
);
CREATE INDEX ledger_work ON ledger (stream, work, sequence) WHERE work <> 'idle';

CREATE TABLE run_leases (
    run_id text PRIMARY KEY,
    stream text NOT NULL,
    start_sequence bigint NOT NULL,
    end_sequence bigint NOT NULL,
    heartbeat timestamptz NOT NULL DEFAULT now(),
    released boolean NOT NULL DEFAULT false  -- the range is free, the run still works (statistics)
);

-- Facts: what each sequence says -----------------------------------------------------------------------------------

CREATE TABLE changeset_edits (
    sequence bigint NOT NULL,
    changeset_id bigint NOT NULL,
    user_id bigint,
    edited_at timestamptz NOT NULL,
    total_edits bigint NOT NULL,
    counts jsonb NOT NULL,
    measurements jsonb NOT NULL,
    PRIMARY KEY (sequence, changeset_id)
);

CREATE TABLE changeset_edits_countries (
    sequence bigint NOT NULL,
    changeset_id bigint NOT NULL,
    region text NOT NULL,
    edit_count bigint NOT NULL,
    counts jsonb NOT NULL,
    measurements jsonb NOT NULL,
    PRIMARY KEY (sequence, changeset_id, region)
);

CREATE TABLE changeset_metadata (
    changeset_id bigint PRIMARY KEY,
    sequence bigint NOT NULL,       -- of the version that won: the highest
    user_id bigint,
    created_at timestamptz,
    closed_at timestamptz,
    closed_sequence bigint,         -- of the version that closed_at comes from
    open boolean NOT NULL,
    editor text,
    comment text,
    hashtags text[] NOT NULL,
    min_lon double precision,
    min_lat double precision,
    max_lon double precision,
    max_lat double precision,
    num_changes bigint,
    comments_count bigint
);

CREATE TABLE errors (
    id bigint NOT NULL,
    type smallint,
    sequence bigint,
    tags jsonb,
    nds bigint[],
    changeset bigint,
    uid bigint,
    "user" text,
    updated timestamptz,
    visible boolean,
    version bigint,
    ordinal int NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (sequence, type, id, ordinal)
);

CREATE TABLE users (
    id bigint PRIMARY KEY,
    name text,
    name_at timestamptz,        -- the evidence for the name: its time, its stream (1 changesets, 0 diffs), its sequence
    name_rank smallint,
    name_sequence bigint
);

CREATE TABLE statistics_queue (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    changeset_id bigint NOT NULL,
    sequence bigint             -- of changeset_edits; null: the metadata changed
);
COMMENT ON TABLE statistics_queue IS 'Changesets whose facts changed since they were last applied; append only';

-- Statistics: written by the applier alone -------------------------------------------------------------------------

CREATE TABLE countries (
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    name text,
    code text NOT NULL UNIQUE
);

CREATE TABLE hashtags (
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    hashtag text NOT NULL UNIQUE
);
CREATE INDEX hashtags_prefix ON hashtags (hashtag text_pattern_ops);

CREATE TABLE changesets (
    id bigint PRIMARY KEY,
    measurements jsonb NOT NULL,
    counts jsonb NOT NULL,
    total_edits bigint NOT NULL,
    editor text,
    user_id bigint,
    created_at timestamptz,
    closed_at timestamptz,
    augmented_diffs bigint[] NOT NULL,
    updated_at timestamptz NOT NULL,
    comment text,
    min_lon double precision,
    min_lat double precision,
    max_lon double precision,
    max_lat double precision,
    comments_count bigint,
    num_changes bigint,
    open boolean,
    edited_at timestamptz       -- its newest edit
);
CREATE INDEX changesets_user_id ON changesets (user_id);
CREATE INDEX changesets_created_at_index ON changesets (created_at);
CREATE INDEX changesets_closed_at_index ON changesets (closed_at);
CREATE INDEX changesets_updated_at_index ON changesets (updated_at);

CREATE TABLE changesets_countries (
    changeset_id bigint NOT NULL,
    country_id bigint NOT NULL,
    edit_count bigint NOT NULL,
    augmented_diffs bigint[] NOT NULL,
    counts jsonb NOT NULL,
    measurements jsonb NOT NULL,
    PRIMARY KEY (changeset_id, country_id)
);
CREATE INDEX changesets_countries_country_id_changeset_id_index ON changesets_countries (country_id, changeset_id);

CREATE TABLE changesets_hashtags (
    changeset_id bigint NOT NULL,
    hashtag_id bigint NOT NULL,
    PRIMARY KEY (changeset_id, hashtag_id)
);
CREATE INDEX changesets_hashtags_hashtag_id_changeset_id_index ON changesets_hashtags (hashtag_id, changeset_id);

CREATE TABLE refreshments (
    mat_view text PRIMARY KEY,
    updated_at timestamptz
);
INSERT INTO refreshments VALUES
    ('user_statistics', 'epoch'), ('country_statistics', 'epoch'), ('hashtag_statistics', 'epoch');
