-- Revision 0014. A feed may have several addresses: what is known of each, which one is in use, and which one a body came
-- from. And what a feed says of how far its bodies are settled.

CREATE TABLE addresses (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream text COLLATE "C" NOT NULL,
    url text COLLATE "C" NOT NULL,      -- without credentials
    server text COLLATE "C" NOT NULL,   -- by which requests and limits count
    head bigint,                -- the newest sequence that it said it has
    reached timestamptz,        -- the time that it had reached by that
    answered_at timestamptz,    -- when it last said so
    failed_at timestamptz,      -- when it did not, after that
    failure text,
    failures int NOT NULL DEFAULT 0,    -- in a row
    bad_at timestamptz,         -- when its bodies could not be used, while its head could
    bad text,
    well_since timestamptz,     -- since when nothing was wrong with it; null: something is, or it was not asked
    left_at timestamptz,        -- when it was last left for another
    leaves int NOT NULL DEFAULT 0,      -- how often in a row: the longer it has to be well before it is used again
    first bigint,               -- the first sequence that it can answer, as found out
    numbering int,              -- the stream's numbering that its numbers were found to be of
    other_numbering text,       -- why its numbers are not the stream's
    compared_at timestamptz,    -- when that was found
    quiet_until timestamptz,    -- of what is not in use: as in streams
    quiet_reason text,
    refusals int NOT NULL DEFAULT 0,
    UNIQUE (stream, url)
);
COMMENT ON TABLE addresses IS 'Where a stream''s feed is, or was, read from: what is known of each place';

CREATE TABLE server_requests (
    stream text COLLATE "C" NOT NULL,
    server text COLLATE "C" NOT NULL,
    hour timestamptz NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('head', 'body')),
    number int NOT NULL,
    bytes bigint NOT NULL,
    PRIMARY KEY (stream, server, hour, kind)
);
COMMENT ON TABLE server_requests IS 'Requests (table requests) by server; kept for a week';

ALTER TABLE asked ADD COLUMN server text COLLATE "C" NOT NULL DEFAULT '';   -- whom; '': not said, by code of before

ALTER TABLE streams
    ADD COLUMN in_use int,              -- the address (addresses.id) that the stream is read from
    ADD COLUMN in_use_since timestamptz,
    ADD COLUMN in_use_why text;         -- why it is not the first one; null: it is
COMMENT ON COLUMN streams.quiet_until IS 'Of the address in use; those of others are in addresses';

ALTER TABLE ledger
    ADD COLUMN address int,             -- where the counted body came from (addresses.id); null: not known
    ADD COLUMN settled_by int,          -- whose read has settled it
    ADD COLUMN canonical text COLLATE "C";      -- its actions' hash in one form, until it is settled
COMMENT ON COLUMN ledger.canonical IS 'By this two servers'' bodies are compared; content_hash is of bytes';

ALTER TABLE heads ADD COLUMN settled bigint;    -- the newest sequence whose body is final; -1: none; null: not said
