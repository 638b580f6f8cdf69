-- Revision 0011. What was uploaded when, for whom: by the minutes of the diffs, as aggregate_days is by the changesets' time.
-- A minute, a quarter hour and a day are (begin, end]: an upload at 00:00:00 is of the day before.

CREATE FUNCTION minute_of(at timestamptz) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT least(ceil((extract(epoch FROM at) - 1347432900) / 60) - 1, 2147483647)::integer
$$;
COMMENT ON FUNCTION minute_of IS 'The sequence of augmented diffs in whose minute a time is';

CREATE FUNCTION minute_ends(sequence bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_timestamp(1347432960 + 60 * sequence)
$$;

CREATE FUNCTION step_of(sequence bigint, minutes integer) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_timestamp((1347432959 + 60 * sequence) / (60 * minutes) * (60 * minutes))
$$;
COMMENT ON FUNCTION step_of IS 'When the step of so many minutes begins that a sequence is in: quarters of an hour, UTC days';

CREATE TABLE uploads (
    changeset_id bigint NOT NULL,
    owner text COLLATE "C" NOT NULL CHECK (owner IN ('user', 'hashtag', 'country', 'world', 'union')),
    owner_id bigint NOT NULL,
    sequence integer NOT NULL,
    user_id bigint,
    edits bigint NOT NULL,
    before integer,
    PRIMARY KEY (changeset_id, owner, owner_id, sequence)
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE INDEX uploads_sequence ON uploads (owner, owner_id, sequence) INCLUDE (changeset_id, user_id, edits, before);
CREATE INDEX uploads_again ON uploads (owner, owner_id, sequence) INCLUDE (before, user_id)
    WHERE step_of(before, 1440) < step_of(sequence, 1440);
CREATE INDEX uploads_nobody ON uploads (owner, owner_id, sequence) WHERE user_id IS NULL;
COMMENT ON TABLE uploads IS 'Each minute in which each counted changeset was uploaded, for each owner that counts it';
COMMENT ON COLUMN uploads.user_id IS 'The changeset''s user';
COMMENT ON COLUMN uploads.edits IS 'Edits of the changeset in that minute; of a country: of what lies there';
COMMENT ON COLUMN uploads.before IS 'The changeset''s upload before that one, for this owner; null: its first';

CREATE TABLE upload_sums (
    owner text COLLATE "C" NOT NULL CHECK (owner IN ('user', 'hashtag', 'country', 'world', 'union')),
    owner_id bigint NOT NULL,
    minutes smallint NOT NULL CHECK (minutes IN (15, 1440)),
    begins timestamptz NOT NULL,
    changesets bigint NOT NULL,
    users bigint NOT NULL,
    edits bigint NOT NULL,
    counts jsonb NOT NULL,
    measurements jsonb NOT NULL,
    PRIMARY KEY (owner, owner_id, minutes, begins)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX upload_sums_begins ON upload_sums (minutes, begins);
COMMENT ON TABLE upload_sums IS 'What was uploaded for an owner in a quarter of an hour (but for users) and on a UTC day';
COMMENT ON COLUMN upload_sums.users IS 'Distinct users of its changesets, which have one';

CREATE TABLE people_days (
    clock text COLLATE "C" NOT NULL CHECK (clock IN ('upload', 'changeset')),
    owner text COLLATE "C" NOT NULL CHECK (owner IN ('hashtag', 'country', 'world', 'union')),
    owner_id bigint NOT NULL,
    day date NOT NULL,
    user_id bigint NOT NULL,
    changesets bigint NOT NULL,
    edits bigint NOT NULL,
    before date,
    PRIMARY KEY (user_id, clock, owner, owner_id, day)
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE INDEX people_days_day ON people_days (clock, owner, owner_id, day) INCLUDE (user_id, changesets, edits, before);
COMMENT ON TABLE people_days IS 'Who edited for an owner on a UTC day, by the minutes of uploads or by the changesets'' time';
COMMENT ON COLUMN people_days.before IS 'The user''s day before that one, for this owner; null: the first';

CREATE TABLE roll_ups (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    whole boolean NOT NULL
);
COMMENT ON TABLE roll_ups IS 'Whether uploads, upload_sums, people_days and the world hold all: false from an update until a rebuild';
INSERT INTO roll_ups (whole) SELECT NOT EXISTS (SELECT FROM changesets);
