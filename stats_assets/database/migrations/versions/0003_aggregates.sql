-- Revision 0003. What is applied says by itself when and for whom a changeset counts, and the aggregates are a row an
-- owner, a row an owner and day, and a row an owner and key of a breakdown. Functions and views are statistics.sql's.

DROP VIEW IF EXISTS user_statistics, hashtag_statistics, hashtag_user_statistics, country_statistics;
DROP FUNCTION IF EXISTS aggregate_sums, aggregate_top, aggregate_span, contributions_of, aggregate_members_of;
DROP AGGREGATE IF EXISTS jsonb_sum(jsonb);
DROP FUNCTION IF EXISTS jsonb_sum_of;
DROP TABLE IF EXISTS aggregates, aggregate_members;

-- When a changeset counts (definitions, section 7: its time); null: it counts nowhere. The link tables repeat it, so
-- that an owner's first and last edit, and its changesets of a time, are one probe of an index each.
ALTER TABLE changesets ADD COLUMN counted_at timestamptz GENERATED ALWAYS AS (
    CASE WHEN total_edits > 0 THEN coalesce(closed_at, created_at, edited_at) END
) STORED;
ALTER TABLE changesets_countries ADD COLUMN counted_at timestamptz;
ALTER TABLE changesets_hashtags ADD COLUMN user_id bigint, ADD COLUMN counted_at timestamptz;
UPDATE changesets_countries SET counted_at = c.counted_at FROM changesets AS c WHERE c.id = changeset_id;
UPDATE changesets_hashtags AS l SET counted_at = c.counted_at, user_id = c.user_id
FROM changesets AS c WHERE c.id = changeset_id;

DROP INDEX changesets_user_id;
CREATE INDEX changesets_user_id ON changesets (user_id, counted_at);
DROP INDEX changesets_countries_country_id_changeset_id_index;
CREATE INDEX changesets_countries_country_id ON changesets_countries (country_id, counted_at, changeset_id);
DROP INDEX changesets_hashtags_hashtag_id_changeset_id_index;
CREATE INDEX changesets_hashtags_hashtag_id ON changesets_hashtags (hashtag_id, counted_at, changeset_id);
CREATE INDEX changesets_hashtags_user_id ON changesets_hashtags (hashtag_id, user_id, counted_at);

-- An aggregate is owned by a user (a), a hashtag (a), a country (a), or a user (b) within a hashtag (a); b is else 0.
CREATE TABLE aggregates (
    owner text NOT NULL CHECK (owner IN ('user', 'hashtag', 'country', 'hashtag_user')),
    a bigint NOT NULL,
    b bigint NOT NULL,
    changesets bigint NOT NULL,
    edits bigint NOT NULL,
    counts jsonb NOT NULL,
    measurements jsonb NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (owner, a, b)
);
CREATE INDEX aggregates_most ON aggregates (owner, edits DESC, a) WHERE b = 0;
CREATE INDEX aggregates_hashtag_user ON aggregates (b) WHERE owner = 'hashtag_user';

CREATE TABLE aggregate_days (
    owner text NOT NULL CHECK (owner IN ('user', 'hashtag', 'country')),
    a bigint NOT NULL,
    day date NOT NULL,
    changesets bigint NOT NULL,
    edits bigint NOT NULL,
    counts jsonb NOT NULL,
    measurements jsonb NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (owner, a, day)
);
CREATE INDEX aggregate_days_day ON aggregate_days (owner, day);

-- A breakdown's keys: users by their id (key is ''), all others by their text (id is 0).
CREATE TABLE aggregate_keys (
    owner text NOT NULL CHECK (owner IN ('user', 'hashtag', 'country')),
    a bigint NOT NULL,
    measure text NOT NULL CHECK (measure IN ('editor', 'country', 'hashtag', 'user')),
    id bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    changesets bigint NOT NULL,
    edits bigint NOT NULL,
    PRIMARY KEY (owner, a, measure, id, key)
);
CREATE INDEX aggregate_keys_most ON aggregate_keys (owner, a, measure, edits DESC, id, key);

-- Codes of OSMesa's (Natural Earth's) for places that have another code here.
CREATE TABLE country_aliases (
    alias text PRIMARY KEY,
    code text NOT NULL
);
INSERT INTO country_aliases VALUES
    ('ALD', 'ALA'), ('CLP', 'CPT'), ('KOS', 'XKX'), ('PSX', 'PSE'), ('SAH', 'ESH'), ('SDS', 'SSD'), ('USA-PR', 'PRI');
UPDATE countries AS c SET code = n.code
FROM country_aliases AS n
WHERE c.code = n.alias AND NOT EXISTS (SELECT FROM countries AS o WHERE o.code = n.code);

CREATE INDEX users_name ON users USING hash (name);  -- a name of any length
CREATE INDEX ledger_definitions ON ledger (stream, definitions, sequence) WHERE result = 'committed';

-- How far a verification, or a rebuild, has come: see verification.py.
CREATE TABLE passes (
    name text PRIMARY KEY,
    part text,                  -- null: the last one came to its end
    position bigint,
    began timestamptz NOT NULL,
    ended timestamptz,          -- when one last came to its end
    differences bigint NOT NULL,
    differences_before bigint NOT NULL  -- of the whole pass before this one; 0 at this one's end
);

-- For LIKE '%…%', as OSMesa has it; where the extension can't be had, prefixes are served by hashtags_prefix alone.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX trgm_idx_hashtags ON hashtags USING gin (hashtag gin_trgm_ops);
EXCEPTION WHEN undefined_file OR insufficient_privilege OR feature_not_supported OR undefined_object THEN
    NULL;
END
$$;
