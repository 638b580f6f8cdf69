-- Revision 0007, on. What each feed was asked: so that all runs together ask it seldom enough, and people can count.

CREATE TABLE asked (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),    -- the answer's end, once there is one
    answer text COLLATE "C" CHECK (answer IN ('good', 'bad', 'duplicate'))  -- null: none yet, or its run died
);
CREATE INDEX asked_by_sequence ON asked (stream, sequence, asked_at);
CREATE INDEX asked_by_time ON asked (stream, asked_at);
COMMENT ON TABLE asked IS 'The last requests for bodies of an Overpass: no id is asked so often that it is refused';

CREATE TABLE requests (
    stream text COLLATE "C" NOT NULL,
    hour timestamptz NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('head', 'body')),
    number int NOT NULL,
    bytes bigint NOT NULL,      -- of bodies, as sent
    PRIMARY KEY (stream, hour, kind)
);
COMMENT ON TABLE requests IS 'How many requests each feed got, an hour; kept for a week';

ALTER TABLE streams ADD COLUMN refusals int NOT NULL DEFAULT 0;     -- in a row, by a limit: the quiet grows with them
