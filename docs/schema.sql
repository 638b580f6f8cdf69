-- The schema as it is now: what all revisions (database/migrations/versions/) have made together.
-- To read, not to run. Written by `make schema`; a test compares it.

CREATE FUNCTION aggregate_members_of(ids bigint[]) RETURNS TABLE(owner text, owner_id bigint, member_id bigint, changeset_id bigint, day date, edits bigint, counts jsonb, measurements jsonb, user_id bigint, editor text)
    LANGUAGE sql STABLE
    AS $$
    WITH counted AS (
        SELECT id, (counted_at AT TIME ZONE 'UTC')::date AS day, total_edits::bigint, counts, measurements,
            user_id, editor
        FROM changesets
        WHERE id = ANY (ids) AND counted_at IS NOT NULL
    )
    SELECT 'user', user_id, 0, c.* FROM counted AS c WHERE user_id IS NOT NULL
    UNION ALL
    SELECT 'union', union_id, 0, c.* FROM counted AS c JOIN changesets_unions ON changeset_id = id
    UNION ALL
    SELECT 'hashtag', hashtag_id, 0, c.* FROM counted AS c JOIN changesets_hashtags ON changeset_id = id
    UNION ALL
    SELECT 'hashtag_user', hashtag_id, c.user_id, c.*
    FROM counted AS c JOIN changesets_hashtags ON changeset_id = id
    WHERE c.user_id IS NOT NULL
    UNION ALL
    SELECT 'country', country_id, 0, c.id, c.day, l.edit_count, l.counts_there, l.measurements_there, c.user_id, c.editor
    FROM counted AS c JOIN changesets_countries AS l ON l.changeset_id = c.id
$$;

CREATE FUNCTION breakdowns_of(o text, i bigint, j bigint) RETURNS TABLE(first_edit timestamp with time zone, last_edit timestamp with time zone, editor_changesets jsonb, editor_edits jsonb, day_changesets jsonb, day_edits jsonb, country_changesets jsonb, country_edits jsonb, hashtag_changesets jsonb, hashtag_edits jsonb, user_changesets jsonb, user_edits jsonb)
    LANGUAGE sql STABLE
    AS $$
    SELECT
        CASE o
            WHEN 'user' THEN (SELECT min(counted_at) FROM changesets WHERE user_id = i)
            WHEN 'hashtag' THEN (SELECT min(tagged_at) FROM changesets_hashtags WHERE hashtag_id = i)
            WHEN 'union' THEN (SELECT min(united_at) FROM changesets_unions WHERE union_id = i)
            WHEN 'country' THEN (SELECT min(counted_there_at) FROM changesets_countries WHERE country_id = i)
            ELSE (SELECT min(tagged_at) FROM changesets_hashtags WHERE hashtag_id = i AND tagged_by = j)
        END,
        CASE o
            WHEN 'user' THEN (SELECT max(counted_at) FROM changesets WHERE user_id = i)
            WHEN 'hashtag' THEN (SELECT max(tagged_at) FROM changesets_hashtags WHERE hashtag_id = i)
            WHEN 'union' THEN (SELECT max(united_at) FROM changesets_unions WHERE union_id = i)
            WHEN 'country' THEN (SELECT max(counted_there_at) FROM changesets_countries WHERE country_id = i)
            ELSE (SELECT max(tagged_at) FROM changesets_hashtags WHERE hashtag_id = i AND tagged_by = j)
        END,
        editors.*, days.*, places.*, tags.*, mappers.*
    FROM (
        SELECT jsonb_object_agg(key, changesets), jsonb_object_agg(key, edits) FROM (
            SELECT * FROM aggregate_keys WHERE j = 0 AND owner = o AND owner_id = i AND measure = 'editor'
            ORDER BY edits DESC, id, key LIMIT 10
        ) AS top
    ) AS editors, (
        SELECT jsonb_object_agg(day, changesets), jsonb_object_agg(day, edits)
        FROM aggregate_days WHERE o = 'user' AND owner = 'user' AND owner_id = i
    ) AS days, (
        SELECT jsonb_object_agg(key, changesets), jsonb_object_agg(key, edits)
        FROM aggregate_keys WHERE j = 0 AND owner = o AND owner_id = i AND measure = 'country'
    ) AS places, (
        SELECT jsonb_object_agg(key, changesets), jsonb_object_agg(key, edits) FROM (
            SELECT * FROM aggregate_keys WHERE j = 0 AND owner = o AND owner_id = i AND measure = 'hashtag'
            ORDER BY edits DESC, id, key LIMIT CASE o WHEN 'user' THEN 50 ELSE 10 END
        ) AS top
    ) AS tags, (
        SELECT jsonb_object_agg(id::text, changesets), jsonb_object_agg(id::text, edits) FROM (
            SELECT * FROM aggregate_keys WHERE j = 0 AND owner = o AND owner_id = i AND measure = 'user'
            ORDER BY edits DESC, id, key LIMIT 10
        ) AS top
    ) AS mappers
$$;

CREATE FUNCTION contributions_of(ids bigint[]) RETURNS TABLE(owner text, owner_id bigint, member_id bigint, day date, measure text, id bigint, key text, value numeric, changesets bigint)
    LANGUAGE sql STABLE
    AS $$
    WITH members AS MATERIALIZED (SELECT * FROM aggregate_members_of(ids)),
    sums AS (
        SELECT owner, owner_id, member_id, day, 'total' AS measure, '' AS key, edits::numeric AS value, 1 AS changesets
        FROM members
        UNION ALL
        SELECT owner, owner_id, member_id, day, 'counts', e.key, e.value::numeric, 0
        FROM members, jsonb_each_text(counts) AS e
        UNION ALL
        SELECT owner, owner_id, member_id, day, 'measurements', e.key, e.value::numeric, 0
        FROM members, jsonb_each_text(measurements) AS e
    ),
    keys AS (
        SELECT owner, owner_id, 'editor' AS measure, 0 AS id, editor AS key, edits
        FROM members WHERE owner = 'user' AND editor IS NOT NULL
        UNION ALL
        SELECT owner, owner_id, 'country', 0, countries.code, l.edit_count
        FROM members
        JOIN changesets_countries AS l USING (changeset_id)
        JOIN countries ON countries.id = l.country_id
        WHERE owner = 'user'
        UNION ALL
        SELECT owner, owner_id, 'hashtag', 0, hashtags.hashtag, edits
        FROM members
        JOIN changesets_hashtags AS l USING (changeset_id)
        JOIN hashtags ON hashtags.id = l.hashtag_id
        WHERE owner IN ('user', 'country')
        UNION ALL
        SELECT owner, owner_id, 'user', user_id, '', edits
        FROM members WHERE owner IN ('hashtag', 'country', 'union') AND user_id IS NOT NULL
    )
    SELECT owner, owner_id, member_id, day, measure, 0, key, sum(value), sum(changesets)
    FROM sums
    GROUP BY GROUPING SETS ((owner, owner_id, member_id, measure, key), (owner, owner_id, member_id, day, measure, key))
    HAVING GROUPING(day) = 1 OR owner <> 'hashtag_user'
    UNION ALL
    SELECT owner, owner_id, 0, NULL, measure, id, key, sum(edits), count(*)
    FROM keys GROUP BY owner, owner_id, measure, id, key
$$;

CREATE FUNCTION facts_away(sequences bigint[]) RETURNS SETOF bigint
    LANGUAGE sql STABLE
    AS $$
    SELECT s
    FROM unnest(sequences) AS s
    LEFT JOIN ledger AS l ON l.stream = 'augmented_diffs' AND l.sequence = s
    LEFT JOIN fact_ranges AS r ON r.first = s - s % 100000
    WHERE l.facts > (SELECT count(*) FROM changeset_edits AS f WHERE f.sequence = s)
        OR l.country_facts > (SELECT count(*) FROM changeset_edits_countries AS f WHERE f.sequence = s)
        OR ((l.facts IS NULL OR l.country_facts IS NULL) AND r.state <> 'here')
$$;

CREATE FUNCTION fits(hashtag text, patterns text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT bool_or(hashtag LIKE replace(regexp_replace(pattern, '([\\%_])', '\\\1', 'g'), '*', '%'))
    FROM unnest(patterns) AS pattern
$$;

COMMENT ON FUNCTION fits(hashtag text, patterns text[]) IS 'Whether the hashtag is one of these, in which a * stands for any characters';

CREATE FUNCTION jsonb_append_known(parts text, key bigint, value bigint) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
BEGIN
    IF key IS NULL THEN
        RETURN parts;
    END IF;
    RETURN concat(parts, '"', key, '":', coalesce(value::text, 'null'), ',');
END $$;

CREATE FUNCTION jsonb_object_of_known(parts text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT ('{' || rtrim(parts, ',') || '}')::jsonb WHERE parts IS NOT NULL
$$;

CREATE FUNCTION jsonb_sum_of(objects jsonb[]) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT coalesce(jsonb_object_agg(key, total), '{}')
    FROM (
        SELECT key, trim_scale(sum(value::numeric)) AS total
        FROM unnest(objects) AS object, jsonb_each_text(object)
        GROUP BY key
    ) AS sums
    WHERE total <> 0
$$;

CREATE FUNCTION list_of(o text, i bigint, m text, most integer, had jsonb, ids bigint[], keys text[]) RETURNS TABLE(changesets jsonb, edits jsonb)
    LANGUAGE sql STABLE
    AS $$
    SELECT CASE WHEN sure THEN near.changesets ELSE far.changesets END, CASE WHEN sure THEN near.edits ELSE far.edits END
    FROM (
        SELECT jsonb_object_agg(name, t.changesets) FILTER (WHERE t.id IS NOT NULL) AS changesets,
            jsonb_object_agg(name, t.edits) FILTER (WHERE t.id IS NOT NULL) AS edits,
            min(n.number) < most OR (count(t.id) = most AND bool_and(
                t.edits > e.edits OR (t.edits = e.edits AND (t.id, t.key) <= (e.id, e.key COLLATE "C"))
            )) AS sure
        FROM (SELECT count(*) AS number FROM jsonb_object_keys(had)) AS n
        LEFT JOIN (
            SELECT CASE m WHEN 'user' THEN h.key::bigint ELSE 0 END AS id, CASE m WHEN 'user' THEN '' ELSE h.key END AS key,
                h.value::bigint AS edits
            FROM jsonb_each(had) AS h ORDER BY 3, 1 DESC, CASE m WHEN 'user' THEN '' ELSE h.key END COLLATE "C" DESC LIMIT 1
        ) AS e ON true
        LEFT JOIN (
            SELECT k.id, k.key, CASE m WHEN 'user' THEN k.id::text ELSE k.key END AS name, k.changesets, k.edits
            FROM (
                SELECT * FROM unnest(ids, keys) AS c (id, key)
                UNION
                SELECT CASE m WHEN 'user' THEN h::bigint ELSE 0 END, CASE m WHEN 'user' THEN '' ELSE h END
                FROM jsonb_object_keys(had) AS h
            ) AS c
            CROSS JOIN LATERAL (  -- each by itself: a join of another kind would read all keys of the owner
                SELECT * FROM aggregate_keys AS a
                WHERE a.owner = o AND a.owner_id = i AND a.measure = m AND a.id = c.id AND a.key = c.key OFFSET 0
            ) AS k
            ORDER BY k.edits DESC, k.id, k.key LIMIT most
        ) AS t ON true
    ) AS near
    LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(name, top.changesets) AS changesets, jsonb_object_agg(name, top.edits) AS edits
        FROM (
            SELECT CASE m WHEN 'user' THEN k.id::text ELSE k.key END AS name, k.changesets, k.edits FROM aggregate_keys AS k
            WHERE NOT near.sure AND k.owner = o AND k.owner_id = i AND k.measure = m
            ORDER BY k.edits DESC, k.id, k.key LIMIT most
        ) AS top
    ) AS far ON true
    WHERE keys IS NOT NULL OFFSET 0  -- apart from the query that asks: where there is nothing to do it is not begun
$$;

CREATE FUNCTION minute_ends(sequence bigint) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT to_timestamp(1347432960 + 60 * sequence)
$$;

CREATE FUNCTION minute_of(at timestamp with time zone) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT least(ceil((extract(epoch FROM at) - 1347432900) / 60) - 1, 2147483647)::integer
$$;

COMMENT ON FUNCTION minute_of(at timestamp with time zone) IS 'The sequence of augmented diffs in whose minute a time is';

CREATE FUNCTION rank_aggregates() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        TRUNCATE aggregates_ranked;
    ELSIF TG_OP = 'DELETE' THEN
        DELETE FROM aggregates_ranked AS r USING gone AS g
        WHERE (r.owner, r.owner_id, r.member_id) = (g.owner, g.owner_id, g.member_id);
    ELSE
        INSERT INTO aggregates_ranked AS r
        SELECT owner, owner_id, member_id, changesets, edits, first_edit, last_edit, updated_at FROM fresh
        ON CONFLICT (owner, owner_id, member_id) DO UPDATE SET changesets = excluded.changesets, edits = excluded.edits,
            first_edit = excluded.first_edit, last_edit = excluded.last_edit, updated_at = excluded.updated_at;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION sessions_seen() RETURNS TABLE(pid integer, since timestamp with time zone, state text, kind text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT pid, xact_start, state, backend_type FROM pg_stat_activity
$$;

CREATE FUNCTION step_of(sequence bigint, minutes integer) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT to_timestamp((1347432959 + 60 * sequence) / (60 * minutes) * (60 * minutes))
$$;

COMMENT ON FUNCTION step_of(sequence bigint, minutes integer) IS 'When the step of so many minutes begins that a sequence is in: quarters of an hour, UTC days';

CREATE AGGREGATE jsonb_object_agg(key bigint, value bigint) (
    SFUNC = jsonb_append_known,
    STYPE = text,
    FINALFUNC = jsonb_object_of_known
);

COMMENT ON AGGREGATE jsonb_object_agg(key bigint, value bigint) IS 'PostgreSQL''s, but that a key of null is left out, not refused';

CREATE AGGREGATE jsonb_sum(jsonb) (
    SFUNC = array_append,
    STYPE = jsonb[],
    INITCOND = '{}',
    FINALFUNC = jsonb_sum_of
);

COMMENT ON AGGREGATE jsonb_sum(jsonb) IS 'Flat objects of numbers added key by key, exactly; zero keys left out';

CREATE TABLE addresses (
    id integer NOT NULL,
    stream text NOT NULL COLLATE pg_catalog."C",
    url text NOT NULL COLLATE pg_catalog."C",
    server text NOT NULL COLLATE pg_catalog."C",
    head bigint,
    reached timestamp with time zone,
    answered_at timestamp with time zone,
    failed_at timestamp with time zone,
    failure text,
    failures integer DEFAULT 0 NOT NULL,
    bad_at timestamp with time zone,
    bad text,
    well_since timestamp with time zone,
    left_at timestamp with time zone,
    leaves integer DEFAULT 0 NOT NULL,
    first bigint,
    numbering integer,
    other_numbering text,
    compared_at timestamp with time zone,
    quiet_until timestamp with time zone,
    quiet_reason text,
    refusals integer DEFAULT 0 NOT NULL
);

COMMENT ON TABLE addresses IS 'Where a stream''s feed is, or was, read from: what is known of each place';

ALTER TABLE addresses ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME addresses_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE aggregate_days (
    owner text NOT NULL COLLATE pg_catalog."C",
    owner_id bigint NOT NULL,
    day date NOT NULL,
    changesets bigint NOT NULL,
    edits bigint NOT NULL,
    counts jsonb NOT NULL,
    measurements jsonb NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT aggregate_days_owner_check CHECK ((owner = ANY (ARRAY['user'::text, 'hashtag'::text, 'country'::text, 'union'::text])))
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.05');

CREATE TABLE aggregate_keys (
    owner text NOT NULL COLLATE pg_catalog."C",
    owner_id bigint NOT NULL,
    measure text NOT NULL COLLATE pg_catalog."C",
    id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    changesets bigint NOT NULL,
    edits bigint NOT NULL,
    CONSTRAINT aggregate_keys_measure_check CHECK ((measure = ANY (ARRAY['editor'::text, 'country'::text, 'hashtag'::text, 'user'::text]))),
    CONSTRAINT aggregate_keys_owner_check CHECK ((owner = ANY (ARRAY['user'::text, 'hashtag'::text, 'country'::text, 'union'::text])))
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.05');

CREATE TABLE aggregates (
    owner text NOT NULL COLLATE pg_catalog."C",
    owner_id bigint NOT NULL,
    member_id bigint NOT NULL,
    changesets bigint NOT NULL,
    edits bigint NOT NULL,
    counts jsonb NOT NULL,
    measurements jsonb NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    first_edit timestamp with time zone,
    last_edit timestamp with time zone,
    editor_changesets jsonb,
    editor_edits jsonb,
    day_changesets jsonb,
    day_edits jsonb,
    country_changesets jsonb,
    country_edits jsonb,
    hashtag_changesets jsonb,
    hashtag_edits jsonb,
    user_changesets jsonb,
    user_edits jsonb,
    CONSTRAINT aggregates_owner_check CHECK ((owner = ANY (ARRAY['user'::text, 'hashtag'::text, 'country'::text, 'hashtag_user'::text, 'union'::text])))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05', toast.autovacuum_vacuum_scale_factor='0.05');

COMMENT ON COLUMN aggregates.owner_id IS 'The user, hashtag or country; of a user within a hashtag the hashtag';

COMMENT ON COLUMN aggregates.member_id IS 'The user within the hashtag; else 0';

COMMENT ON COLUMN aggregates.day_edits IS 'This and the like: what breakdowns_of says; null where it has no key';

CREATE TABLE aggregates_ranked (
    owner text NOT NULL COLLATE pg_catalog."C",
    owner_id bigint NOT NULL,
    member_id bigint NOT NULL,
    changesets bigint NOT NULL,
    edits bigint NOT NULL,
    first_edit timestamp with time zone,
    last_edit timestamp with time zone,
    updated_at timestamp with time zone NOT NULL
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.05');

COMMENT ON TABLE aggregates_ranked IS 'Numbers and times of aggregates, for the indexes over them; kept by triggers';

CREATE TABLE alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE alert_hooks (
    hook text NOT NULL COLLATE pg_catalog."C",
    looked_at timestamp with time zone NOT NULL,
    delivered_at timestamp with time zone,
    failed_at timestamp with time zone,
    failure text,
    retry_at timestamp with time zone
);

COMMENT ON TABLE alert_hooks IS 'Whether each alert hook works; a row each that is set';

CREATE TABLE alerts (
    hook text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    stream text COLLATE pg_catalog."C",
    size bigint NOT NULL,
    said text NOT NULL,
    todo text NOT NULL,
    ended text NOT NULL,
    since timestamp with time zone NOT NULL,
    due boolean NOT NULL,
    told_at timestamp with time zone,
    told_size bigint NOT NULL,
    gone_at timestamp with time zone,
    tried_at timestamp with time zone
);

COMMENT ON TABLE alerts IS 'The problems that stand, or are just over, and what each alert hook was told of them';

CREATE TABLE asked (
    id bigint NOT NULL,
    stream text NOT NULL COLLATE pg_catalog."C",
    sequence bigint NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    answer text COLLATE pg_catalog."C",
    server text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT asked_answer_check CHECK ((answer = ANY (ARRAY['good'::text, 'bad'::text, 'duplicate'::text])))
);

COMMENT ON TABLE asked IS 'The last requests for bodies of an Overpass: no id is asked so often that it is refused';

ALTER TABLE asked ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME asked_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE changeset_edits (
    sequence bigint NOT NULL,
    changeset_id bigint NOT NULL,
    user_id bigint,
    edited_at timestamp with time zone NOT NULL,
    total_edits bigint NOT NULL,
    counts jsonb NOT NULL,
    measurements jsonb NOT NULL
)
PARTITION BY RANGE (sequence);

CREATE TABLE changeset_edits_countries (
    sequence bigint NOT NULL,
    changeset_id bigint NOT NULL,
    region text NOT NULL COLLATE pg_catalog."C",
    edit_count bigint NOT NULL,
    counts jsonb NOT NULL,
    measurements jsonb NOT NULL
)
PARTITION BY RANGE (sequence);

CREATE TABLE changeset_metadata (
    changeset_id bigint NOT NULL,
    sequence bigint NOT NULL,
    user_id bigint,
    created_at timestamp with time zone,
    closed_at timestamp with time zone,
    closed_sequence bigint,
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
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.05');

CREATE TABLE changesets (
    id bigint NOT NULL,
    measurements jsonb NOT NULL,
    counts jsonb NOT NULL,
    total_edits integer NOT NULL,
    editor text,
    user_id bigint,
    created_at timestamp with time zone,
    closed_at timestamp with time zone,
    augmented_diffs integer[] NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    comment text,
    min_lon double precision,
    min_lat double precision,
    max_lon double precision,
    max_lat double precision,
    comments_count bigint,
    num_changes bigint,
    open boolean,
    edited_at timestamp with time zone,
    counted_at timestamp with time zone GENERATED ALWAYS AS (
CASE
    WHEN (total_edits > 0) THEN COALESCE(closed_at, created_at, edited_at)
    ELSE NULL::timestamp with time zone
END) STORED
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.05');

CREATE TABLE changesets_countries (
    changeset_id bigint NOT NULL,
    country_id bigint NOT NULL,
    edit_count integer NOT NULL,
    augmented_diffs integer[] NOT NULL,
    counts_there jsonb NOT NULL,
    measurements_there jsonb NOT NULL,
    counted_there_at timestamp with time zone
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.05');

COMMENT ON COLUMN changesets_countries.counted_there_at IS 'changesets.counted_at, for the index of a country''s times';

CREATE TABLE changesets_hashtags (
    changeset_id bigint NOT NULL,
    hashtag_id bigint NOT NULL,
    tagged_by bigint,
    tagged_at timestamp with time zone
)
WITH (fillfactor='90', autovacuum_vacuum_scale_factor='0.05');

COMMENT ON COLUMN changesets_hashtags.tagged_by IS 'changesets.user_id, for the index of a hashtag''s users';

COMMENT ON COLUMN changesets_hashtags.tagged_at IS 'changesets.counted_at, for the index of a hashtag''s times';

CREATE TABLE changesets_unions (
    changeset_id bigint NOT NULL,
    union_id bigint NOT NULL,
    united_by bigint,
    united_at timestamp with time zone
)
WITH (fillfactor='90', autovacuum_vacuum_scale_factor='0.05');

COMMENT ON COLUMN changesets_unions.united_by IS 'changesets.user_id';

COMMENT ON COLUMN changesets_unions.united_at IS 'changesets.counted_at, for the index of a union''s times';

CREATE TABLE checkpoints (
    proc_name text NOT NULL COLLATE pg_catalog."C",
    sequence bigint NOT NULL
);

COMMENT ON TABLE checkpoints IS 'OSMesa''s view of streams.checkpoint; 0 means none';

CREATE TABLE countries (
    id bigint NOT NULL,
    name text,
    code text NOT NULL COLLATE pg_catalog."C"
);

ALTER TABLE countries ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME countries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE country_aliases (
    alias text NOT NULL COLLATE pg_catalog."C",
    code text NOT NULL COLLATE pg_catalog."C"
);

CREATE VIEW country_days AS
 SELECT t.owner_id AS country_id,
    c.name AS country_name,
    c.code AS country_code,
    t.day,
    t.measurements,
    t.counts,
    t.changesets AS changeset_count,
    t.edits AS edit_count,
    t.updated_at
   FROM (aggregate_days t
     JOIN countries c ON ((c.id = t.owner_id)))
  WHERE (t.owner = 'country'::text);

CREATE VIEW country_statistics AS
 SELECT r.owner_id AS country_id,
    c.name AS country_name,
    c.code AS country_code,
    t.measurements,
    t.counts,
    r.changesets AS changeset_count,
    r.edits AS edit_count,
    r.last_edit,
    r.updated_at,
    COALESCE(t.user_changesets, '{}'::jsonb) AS user_changesets,
    COALESCE(t.user_edits, '{}'::jsonb) AS user_edits,
    COALESCE(t.hashtag_changesets, '{}'::jsonb) AS hashtag_changesets,
    COALESCE(t.hashtag_edits, '{}'::jsonb) AS hashtag_edits,
    r.first_edit,
    c.alias_of
   FROM ((( SELECT countries.id,
            countries.name,
            countries.code,
            NULL::text AS alias_of
           FROM countries
        UNION ALL
         SELECT c_1.id,
            c_1.name,
            n.alias,
            c_1.code
           FROM (country_aliases n
             JOIN countries c_1 ON ((c_1.code = n.code)))) c
     JOIN aggregates_ranked r ON ((r.owner_id = c.id)))
     JOIN aggregates t ON (((t.owner = r.owner) AND (t.owner_id = r.owner_id) AND (t.member_id = r.member_id))))
  WHERE ((r.owner = 'country'::text) AND (r.member_id = 0));

CREATE TABLE deleted_users_list (
    one boolean DEFAULT true NOT NULL,
    read_at timestamp with time zone NOT NULL,
    listed bigint NOT NULL,
    CONSTRAINT deleted_users_list_one_check CHECK (one)
);

COMMENT ON TABLE deleted_users_list IS 'When OpenStreetMap''s list of deleted users was read last, and how long it was';

CREATE TABLE errors (
    id bigint NOT NULL,
    type smallint NOT NULL,
    sequence bigint NOT NULL,
    tags jsonb,
    nds bigint[],
    changeset bigint,
    uid bigint,
    "user" text,
    updated timestamp with time zone,
    visible boolean,
    version bigint,
    ordinal integer NOT NULL,
    reason text NOT NULL
);

CREATE TABLE fact_ranges (
    first bigint NOT NULL,
    edits boolean DEFAULT false NOT NULL,
    countries boolean DEFAULT false NOT NULL,
    state text DEFAULT 'here'::text NOT NULL,
    reason text,
    since timestamp with time zone,
    back_at timestamp with time zone,
    accepted_at timestamp with time zone,
    CONSTRAINT fact_ranges_state_check CHECK ((state = ANY (ARRAY['here'::text, 'away'::text, 'incomplete'::text, 'recounting'::text])))
);

COMMENT ON TABLE fact_ranges IS 'Ranges of sequences that facts were made for, and where those are now';

CREATE TABLE hashtags (
    id bigint NOT NULL,
    hashtag text NOT NULL COLLATE pg_catalog."C"
);

CREATE VIEW hashtag_days AS
 SELECT t.owner_id AS hashtag_id,
    h.hashtag,
    t.day,
    t.measurements,
    t.counts,
    t.changesets AS changeset_count,
    t.edits AS edit_count,
    t.updated_at
   FROM (aggregate_days t
     JOIN hashtags h ON ((h.id = t.owner_id)))
  WHERE (t.owner = 'hashtag'::text);

CREATE VIEW hashtag_statistics AS
 SELECT h.hashtag AS tag,
    r.owner_id AS hashtag_id,
    t.measurements,
    t.counts,
    r.changesets AS changeset_count,
    r.edits AS edit_count,
    r.last_edit,
    r.updated_at,
    COALESCE(t.user_changesets, '{}'::jsonb) AS user_changesets,
    COALESCE(t.user_edits, '{}'::jsonb) AS user_edits,
    r.first_edit
   FROM ((aggregates_ranked r
     JOIN aggregates t ON (((t.owner = r.owner) AND (t.owner_id = r.owner_id) AND (t.member_id = r.member_id))))
     JOIN hashtags h ON ((h.id = r.owner_id)))
  WHERE ((r.owner = 'hashtag'::text) AND (r.member_id = 0));

CREATE TABLE users (
    id bigint NOT NULL,
    name text,
    name_at timestamp with time zone,
    name_rank smallint,
    name_sequence bigint
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.05');

CREATE VIEW hashtag_user_statistics AS
 SELECT r.member_id AS user_id,
    ( SELECT users.name
           FROM users
          WHERE (users.id = r.member_id)) AS name,
    r.owner_id AS hashtag_id,
    h.hashtag,
    ( SELECT t.measurements
           FROM aggregates t
          WHERE ((t.owner = 'hashtag_user'::text) AND (t.owner_id = r.owner_id) AND (t.member_id = r.member_id))) AS measurements,
    ( SELECT t.counts
           FROM aggregates t
          WHERE ((t.owner = 'hashtag_user'::text) AND (t.owner_id = r.owner_id) AND (t.member_id = r.member_id))) AS counts,
    r.last_edit,
    r.changesets AS changeset_count,
    r.edits AS edit_count,
    r.updated_at,
    r.first_edit
   FROM (aggregates_ranked r
     JOIN hashtags h ON ((h.id = r.owner_id)))
  WHERE (r.owner = 'hashtag_user'::text);

ALTER TABLE hashtags ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME hashtags_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE heads (
    stream text NOT NULL COLLATE pg_catalog."C",
    head bigint,
    feed_time timestamp with time zone,
    asked_at timestamp with time zone,
    moved_at timestamp with time zone,
    delay_seconds double precision,
    failed_at timestamp with time zone,
    failure text,
    source text,
    highest bigint,
    numbering integer DEFAULT 0 NOT NULL,
    settled bigint
);

COMMENT ON TABLE heads IS 'What each feed said last of how far it reaches: asked by the sensors'' ticks';

COMMENT ON COLUMN heads.feed_time IS 'The feed''s own time: its last_run; of minutes the end of the head''s minute, if that is earlier';

COMMENT ON COLUMN heads.moved_at IS 'When `highest` was first seen: a feed that goes back a little has not moved';

CREATE TABLE hidden_people (
    user_id bigint NOT NULL,
    reason text NOT NULL COLLATE pg_catalog."C",
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT hidden_people_reason_check CHECK ((reason = ANY (ARRAY['asked'::text, 'deleted'::text])))
);

COMMENT ON TABLE hidden_people IS 'Users whom pages and API do not show; deleted: on OpenStreetMap''s list of those';

CREATE TABLE ledger (
    stream text NOT NULL COLLATE pg_catalog."C",
    sequence bigint NOT NULL,
    result text DEFAULT 'none'::text NOT NULL,
    work text DEFAULT 'idle'::text NOT NULL COLLATE pg_catalog."C",
    epoch integer DEFAULT '-1'::integer NOT NULL,
    content_hash text,
    actions bigint,
    fetched_at timestamp with time zone,
    flagged text,
    definitions text COLLATE pg_catalog."C",
    settled_at timestamp with time zone,
    done_at timestamp with time zone,
    run_id text COLLATE pg_catalog."C",
    since timestamp with time zone,
    not_before timestamp with time zone,
    reason text,
    attempts integer DEFAULT 0 NOT NULL,
    previous text DEFAULT 'idle'::text NOT NULL,
    missing_since timestamp with time zone,
    suspect boolean DEFAULT false NOT NULL,
    given_up_at timestamp with time zone,
    osm_base timestamp with time zone,
    unreadable bigint,
    tally jsonb,
    facts bigint,
    country_facts bigint,
    rereads integer DEFAULT 0 NOT NULL,
    reread_at timestamp with time zone,
    numbering integer DEFAULT 0 NOT NULL,
    address integer,
    settled_by integer,
    canonical text COLLATE pg_catalog."C",
    CONSTRAINT ledger_result_check CHECK ((result = ANY (ARRAY['none'::text, 'committed'::text, 'skipped'::text]))),
    CONSTRAINT ledger_work_check CHECK ((work = ANY (ARRAY['idle'::text, 'trying'::text, 'waiting'::text, 'quarantined'::text, 'hole'::text])))
)
WITH (fillfactor='60', autovacuum_vacuum_scale_factor='0.05');

COMMENT ON COLUMN ledger.osm_base IS 'How far the server''s data reached when the counted body was read; null: not said';

COMMENT ON COLUMN ledger.unreadable IS 'How many of the counted body''s actions (changesets) could not be read';

COMMENT ON COLUMN ledger.tally IS 'Why the counted body is flagged: reason → number; null: it is not';

COMMENT ON COLUMN ledger.facts IS 'How many rows of changeset_edits the sequence has; null: not known';

COMMENT ON COLUMN ledger.country_facts IS 'How many rows of changeset_edits_countries the sequence has; null: not known';

COMMENT ON COLUMN ledger.rereads IS 'Reads to settle that brought nothing newer: a proxy, or a cache';

COMMENT ON COLUMN ledger.reread_at IS 'Not before that is it read again to settle; flagged, it is read again then';

COMMENT ON COLUMN ledger.numbering IS 'How often the feed''s numbers had begun again when the counted body was read';

COMMENT ON COLUMN ledger.canonical IS 'By this two servers'' bodies are compared; content_hash is of bytes';

CREATE TABLE ledger_blocks (
    stream text NOT NULL COLLATE pg_catalog."C",
    block bigint NOT NULL,
    done integer DEFAULT 0 NOT NULL,
    epoch integer DEFAULT 0 NOT NULL,
    CONSTRAINT ledger_blocks_done_check CHECK (((done >= 0) AND (done <= 100)))
);

CREATE TABLE made_diffs (
    one boolean DEFAULT true NOT NULL,
    feed text COLLATE pg_catalog."C",
    head bigint,
    head_time timestamp with time zone,
    asked_at timestamp with time zone,
    feed_trouble text,
    quiet_until timestamp with time zone,
    store text COLLATE pg_catalog."C",
    read_from text COLLATE pg_catalog."C",
    begins timestamp with time zone,
    settled_to timestamp with time zone,
    reached timestamp with time zone,
    sequence bigint,
    made bigint,
    tallies jsonb DEFAULT '{}'::jsonb NOT NULL,
    noted jsonb DEFAULT '[]'::jsonb NOT NULL,
    kept_at timestamp with time zone,
    doing text,
    trouble text,
    attempts integer DEFAULT 0 NOT NULL,
    not_before timestamp with time zone,
    ticked_at timestamp with time zone,
    contents jsonb DEFAULT '[]'::jsonb NOT NULL,
    CONSTRAINT made_diffs_one_check CHECK (one)
);

COMMENT ON TABLE made_diffs IS 'Augmented diffs of our own making: what others must see of the store; a copy, which decides nothing of what is made';

COMMENT ON COLUMN made_diffs.read_from IS 'The address that the newest file was read from';

COMMENT ON COLUMN made_diffs.sequence IS 'The newest OsmChange file that was read; head: the newest that the feed has';

COMMENT ON COLUMN made_diffs.made IS 'The newest minute whose document was made';

COMMENT ON COLUMN made_diffs.noted IS 'The newest versions that came late, or are of the future, with where they were put';

COMMENT ON COLUMN made_diffs.doing IS 'What a run is at, in words, while it is at it';

COMMENT ON COLUMN made_diffs.contents IS 'Of the newest files that hold anything: number, a hash of their versions, the address; by these another address is compared';

CREATE TABLE milestone_rules (
    name text NOT NULL COLLATE pg_catalog."C",
    owner text NOT NULL COLLATE pg_catalog."C",
    metric text NOT NULL COLLATE pg_catalog."C",
    keys text[] NOT NULL,
    "least" numeric NOT NULL,
    levels numeric[] NOT NULL,
    CONSTRAINT milestone_rules_owner_check CHECK ((owner = ANY (ARRAY['user'::text, 'hashtag'::text])))
);

COMMENT ON TABLE milestone_rules IS 'MILESTONES_FILE as it was applied';

CREATE TABLE milestones (
    owner text NOT NULL COLLATE pg_catalog."C",
    owner_id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    level numeric NOT NULL,
    earned date NOT NULL
);

COMMENT ON TABLE milestones IS 'Which levels a user or a hashtag has reached, and on which UTC day';

CREATE TABLE milestones_due (
    owner text NOT NULL COLLATE pg_catalog."C",
    owner_id bigint NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000');

COMMENT ON TABLE milestones_due IS 'Whose uploads have changed since their milestones were looked at';

CREATE TABLE passes (
    name text NOT NULL COLLATE pg_catalog."C",
    part text,
    "position" bigint,
    began timestamp with time zone NOT NULL,
    ended timestamp with time zone,
    differences bigint NOT NULL,
    differences_before bigint NOT NULL,
    away bigint DEFAULT 0 NOT NULL
);

COMMENT ON COLUMN passes.away IS 'Changesets that could not be looked at, as facts of theirs are away';

CREATE TABLE people_days (
    owner text NOT NULL COLLATE pg_catalog."C",
    owner_id bigint NOT NULL,
    day date NOT NULL,
    user_id bigint NOT NULL,
    changesets bigint NOT NULL,
    edits bigint NOT NULL,
    before date,
    CONSTRAINT people_days_owner_check CHECK ((owner = ANY (ARRAY['hashtag'::text, 'country'::text, 'world'::text, 'union'::text])))
)
WITH (fillfactor='90', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_insert_scale_factor='0.05');

COMMENT ON TABLE people_days IS 'Who uploaded for an owner on a UTC day';

COMMENT ON COLUMN people_days.before IS 'The user''s day before that one, for this owner; null: the first';

CREATE TABLE reading_login (
    one boolean DEFAULT true NOT NULL,
    name text,
    password text,
    trouble text,
    CONSTRAINT reading_login_one_check CHECK (one)
);

COMMENT ON TABLE reading_login IS 'The login that may only SELECT; trouble: why there is none';

CREATE TABLE refreshments (
    mat_view text NOT NULL COLLATE pg_catalog."C",
    updated_at timestamp with time zone
);

CREATE TABLE requests (
    stream text NOT NULL COLLATE pg_catalog."C",
    hour timestamp with time zone NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    number integer NOT NULL,
    bytes bigint NOT NULL,
    CONSTRAINT requests_kind_check CHECK ((kind = ANY (ARRAY['head'::text, 'body'::text])))
);

COMMENT ON TABLE requests IS 'How many requests each feed got, an hour; kept for a week';

CREATE TABLE roll_ups (
    one boolean DEFAULT true NOT NULL,
    whole boolean NOT NULL,
    CONSTRAINT roll_ups_one_check CHECK (one)
);

COMMENT ON TABLE roll_ups IS 'Whether uploads, upload_sums and people_days hold all: false from an update until a rebuild';

CREATE TABLE run_leases (
    run_id text NOT NULL COLLATE pg_catalog."C",
    stream text NOT NULL COLLATE pg_catalog."C",
    start_sequence bigint NOT NULL,
    end_sequence bigint NOT NULL,
    heartbeat timestamp with time zone DEFAULT now() NOT NULL,
    released boolean DEFAULT false NOT NULL,
    by_hand boolean DEFAULT false NOT NULL
);

COMMENT ON COLUMN run_leases.by_hand IS 'A run by hand or of a backfill, which the live stream does not wait for';

CREATE TABLE schema_marks (
    oldest_code text NOT NULL,
    made_as uuid DEFAULT gen_random_uuid() NOT NULL
);

COMMENT ON TABLE schema_marks IS 'One row; a revision that older code can''t work with raises it, one that adds does not';

COMMENT ON COLUMN schema_marks.made_as IS 'By which two logins are seen to lead to two databases: a copy has its original''s';

CREATE TABLE server_requests (
    stream text NOT NULL COLLATE pg_catalog."C",
    server text NOT NULL COLLATE pg_catalog."C",
    hour timestamp with time zone NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    number integer NOT NULL,
    bytes bigint NOT NULL,
    CONSTRAINT server_requests_kind_check CHECK ((kind = ANY (ARRAY['head'::text, 'body'::text])))
);

COMMENT ON TABLE server_requests IS 'Requests (table requests) by server; kept for a week';

CREATE TABLE statistics_held (
    changeset_id bigint NOT NULL,
    sequence bigint,
    since timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE statistics_held IS 'Queue entries of changesets that rest on facts that are away';

CREATE TABLE statistics_queue (
    id bigint NOT NULL,
    changeset_id bigint NOT NULL,
    sequence bigint
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000');

COMMENT ON TABLE statistics_queue IS 'Changesets whose facts changed since they were last applied; append only';

ALTER TABLE statistics_queue ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME statistics_queue_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE streams (
    stream text NOT NULL COLLATE pg_catalog."C",
    origin bigint,
    checkpoint bigint,
    instance_id text,
    lease_until timestamp with time zone,
    seek_to bigint,
    pauses integer DEFAULT 0 NOT NULL,
    paused_until timestamp with time zone,
    pause_reason text,
    shown bigint,
    paused_at timestamp with time zone,
    quiet_until timestamp with time zone,
    quiet_reason text,
    numbering integer DEFAULT 0 NOT NULL,
    seek_from_feed boolean DEFAULT false NOT NULL,
    archive_not_above bigint,
    archive_since timestamp with time zone,
    begun_at timestamp with time zone,
    refusals integer DEFAULT 0 NOT NULL,
    in_use integer,
    in_use_since timestamp with time zone,
    in_use_why text
);

COMMENT ON TABLE streams IS 'Where each stream stands; checkpoint: every sequence from origin to it is done';

COMMENT ON COLUMN streams.shown IS 'The cursor that the last tick gave: one below it was set back by a person';

COMMENT ON COLUMN streams.quiet_until IS 'Of the address in use; those of others are in addresses';

CREATE TABLE unions (
    id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    patterns text[] NOT NULL,
    whole_from bigint
);

COMMENT ON TABLE unions IS 'The virtual hashtags of UNIONS_FILE';

COMMENT ON COLUMN unions.whole_from IS 'It is whole once nothing is queued up to that entry of statistics_queue';

CREATE TABLE unions_hashtags (
    union_id bigint NOT NULL,
    hashtag_id bigint NOT NULL
);

COMMENT ON TABLE unions_hashtags IS 'The hashtags that a virtual one stands for';

ALTER TABLE unions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME unions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE upload_sums (
    owner text NOT NULL COLLATE pg_catalog."C",
    owner_id bigint NOT NULL,
    minutes smallint NOT NULL,
    begins timestamp with time zone NOT NULL,
    changesets bigint NOT NULL,
    users bigint NOT NULL,
    edits bigint NOT NULL,
    counts jsonb NOT NULL,
    measurements jsonb NOT NULL,
    CONSTRAINT upload_sums_minutes_check CHECK ((minutes = ANY (ARRAY[15, 1440]))),
    CONSTRAINT upload_sums_owner_check CHECK ((owner = ANY (ARRAY['user'::text, 'hashtag'::text, 'country'::text, 'world'::text, 'union'::text])))
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.05');

COMMENT ON TABLE upload_sums IS 'What was uploaded for an owner in a quarter of an hour (but for users) and on a UTC day';

COMMENT ON COLUMN upload_sums.users IS 'Distinct users of its changesets, which have one';

CREATE TABLE uploads (
    changeset_id bigint NOT NULL,
    owner text NOT NULL COLLATE pg_catalog."C",
    owner_id bigint NOT NULL,
    sequence integer NOT NULL,
    user_id bigint,
    edits bigint NOT NULL,
    before integer,
    CONSTRAINT uploads_owner_check CHECK ((owner = ANY (ARRAY['user'::text, 'hashtag'::text, 'country'::text, 'world'::text, 'union'::text])))
)
WITH (fillfactor='90', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_insert_scale_factor='0.05');

COMMENT ON TABLE uploads IS 'Each minute in which each counted changeset was uploaded, for each owner that counts it';

COMMENT ON COLUMN uploads.user_id IS 'The changeset''s user';

COMMENT ON COLUMN uploads.edits IS 'Edits of the changeset in that minute; of a country: of those that lie there';

COMMENT ON COLUMN uploads.before IS 'The changeset''s upload before that one, for this owner; null: its first';

CREATE VIEW user_days AS
 SELECT t.owner_id AS user_id,
    u.name,
    t.day,
    t.measurements,
    t.counts,
    t.changesets AS changeset_count,
    t.edits AS edit_count,
    t.updated_at
   FROM (aggregate_days t
     JOIN users u ON ((u.id = t.owner_id)))
  WHERE (t.owner = 'user'::text);

CREATE VIEW user_statistics AS
 SELECT r.owner_id AS id,
    u.name,
    t.measurements,
    t.counts,
    r.last_edit,
    r.changesets AS changeset_count,
    r.edits AS edit_count,
    COALESCE(t.editor_changesets, '{}'::jsonb) AS editor_changesets,
    COALESCE(t.editor_edits, '{}'::jsonb) AS editor_edits,
    COALESCE(t.day_changesets, '{}'::jsonb) AS day_changesets,
    COALESCE(t.day_edits, '{}'::jsonb) AS day_edits,
    COALESCE(t.country_changesets, '{}'::jsonb) AS country_changesets,
    COALESCE(t.country_edits, '{}'::jsonb) AS country_edits,
    COALESCE(t.hashtag_changesets, '{}'::jsonb) AS hashtag_changesets,
    COALESCE(t.hashtag_edits, '{}'::jsonb) AS hashtag_edits,
    r.updated_at,
    r.first_edit
   FROM ((aggregates_ranked r
     JOIN aggregates t ON (((t.owner = r.owner) AND (t.owner_id = r.owner_id) AND (t.member_id = r.member_id))))
     JOIN users u ON ((u.id = r.owner_id)))
  WHERE ((r.owner = 'user'::text) AND (r.member_id = 0));

CREATE TABLE verdicts (
    one boolean DEFAULT true NOT NULL,
    state text NOT NULL,
    at timestamp with time zone NOT NULL,
    differences bigint NOT NULL,
    examples text[] NOT NULL,
    CONSTRAINT verdicts_one_check CHECK (one),
    CONSTRAINT verdicts_state_check CHECK ((state = ANY (ARRAY['exact'::text, 'differs'::text, 'rebuilt'::text])))
);

COMMENT ON TABLE verdicts IS 'Whether all statistics are what the facts say, as the last verification or rebuild left it';

ALTER TABLE ONLY addresses
    ADD CONSTRAINT addresses_pkey PRIMARY KEY (id);

ALTER TABLE ONLY addresses
    ADD CONSTRAINT addresses_stream_url_key UNIQUE (stream, url);

ALTER TABLE ONLY aggregate_days
    ADD CONSTRAINT aggregate_days_pkey PRIMARY KEY (owner, owner_id, day);

ALTER TABLE ONLY aggregate_keys
    ADD CONSTRAINT aggregate_keys_pkey PRIMARY KEY (owner, owner_id, measure, id, key);

ALTER TABLE ONLY aggregates
    ADD CONSTRAINT aggregates_pkey PRIMARY KEY (owner, owner_id, member_id);

ALTER TABLE ONLY aggregates_ranked
    ADD CONSTRAINT aggregates_ranked_pkey PRIMARY KEY (owner, owner_id, member_id);

ALTER TABLE ONLY alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY alert_hooks
    ADD CONSTRAINT alert_hooks_pkey PRIMARY KEY (hook);

ALTER TABLE ONLY alerts
    ADD CONSTRAINT alerts_pkey PRIMARY KEY (hook, key);

ALTER TABLE ONLY asked
    ADD CONSTRAINT asked_pkey PRIMARY KEY (id);

ALTER TABLE ONLY changeset_edits_countries
    ADD CONSTRAINT changeset_edits_countries_pkey PRIMARY KEY (sequence, changeset_id, region);

ALTER TABLE ONLY changeset_edits
    ADD CONSTRAINT changeset_edits_pkey PRIMARY KEY (sequence, changeset_id);

ALTER TABLE ONLY changeset_metadata
    ADD CONSTRAINT changeset_metadata_pkey PRIMARY KEY (changeset_id);

ALTER TABLE ONLY changesets_countries
    ADD CONSTRAINT changesets_countries_pkey PRIMARY KEY (changeset_id, country_id);

ALTER TABLE ONLY changesets_hashtags
    ADD CONSTRAINT changesets_hashtags_pkey PRIMARY KEY (changeset_id, hashtag_id);

ALTER TABLE ONLY changesets
    ADD CONSTRAINT changesets_pkey PRIMARY KEY (id);

ALTER TABLE ONLY changesets_unions
    ADD CONSTRAINT changesets_unions_pkey PRIMARY KEY (changeset_id, union_id);

ALTER TABLE ONLY checkpoints
    ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (proc_name);

ALTER TABLE ONLY countries
    ADD CONSTRAINT countries_code_key UNIQUE (code);

ALTER TABLE ONLY countries
    ADD CONSTRAINT countries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY country_aliases
    ADD CONSTRAINT country_aliases_pkey PRIMARY KEY (alias);

ALTER TABLE ONLY deleted_users_list
    ADD CONSTRAINT deleted_users_list_pkey PRIMARY KEY (one);

ALTER TABLE ONLY errors
    ADD CONSTRAINT errors_pkey PRIMARY KEY (sequence, type, id, ordinal);

ALTER TABLE ONLY fact_ranges
    ADD CONSTRAINT fact_ranges_pkey PRIMARY KEY (first);

ALTER TABLE ONLY hashtags
    ADD CONSTRAINT hashtags_hashtag_key UNIQUE (hashtag);

ALTER TABLE ONLY hashtags
    ADD CONSTRAINT hashtags_pkey PRIMARY KEY (id);

ALTER TABLE ONLY heads
    ADD CONSTRAINT heads_pkey PRIMARY KEY (stream);

ALTER TABLE ONLY hidden_people
    ADD CONSTRAINT hidden_people_pkey PRIMARY KEY (user_id, reason);

ALTER TABLE ONLY ledger_blocks
    ADD CONSTRAINT ledger_blocks_pkey PRIMARY KEY (stream, block);

ALTER TABLE ONLY ledger
    ADD CONSTRAINT ledger_pkey PRIMARY KEY (stream, sequence);

ALTER TABLE ONLY made_diffs
    ADD CONSTRAINT made_diffs_pkey PRIMARY KEY (one);

ALTER TABLE ONLY milestone_rules
    ADD CONSTRAINT milestone_rules_pkey PRIMARY KEY (name);

ALTER TABLE ONLY milestones_due
    ADD CONSTRAINT milestones_due_pkey PRIMARY KEY (owner, owner_id);

ALTER TABLE ONLY milestones
    ADD CONSTRAINT milestones_pkey PRIMARY KEY (owner, owner_id, name, level);

ALTER TABLE ONLY passes
    ADD CONSTRAINT passes_pkey PRIMARY KEY (name);

ALTER TABLE ONLY people_days
    ADD CONSTRAINT people_days_pkey PRIMARY KEY (user_id, owner, owner_id, day);

ALTER TABLE ONLY reading_login
    ADD CONSTRAINT reading_login_pkey PRIMARY KEY (one);

ALTER TABLE ONLY refreshments
    ADD CONSTRAINT refreshments_pkey PRIMARY KEY (mat_view);

ALTER TABLE ONLY requests
    ADD CONSTRAINT requests_pkey PRIMARY KEY (stream, hour, kind);

ALTER TABLE ONLY roll_ups
    ADD CONSTRAINT roll_ups_pkey PRIMARY KEY (one);

ALTER TABLE ONLY run_leases
    ADD CONSTRAINT run_leases_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY server_requests
    ADD CONSTRAINT server_requests_pkey PRIMARY KEY (stream, server, hour, kind);

ALTER TABLE ONLY statistics_queue
    ADD CONSTRAINT statistics_queue_pkey PRIMARY KEY (id);

ALTER TABLE ONLY streams
    ADD CONSTRAINT streams_pkey PRIMARY KEY (stream);

ALTER TABLE ONLY unions_hashtags
    ADD CONSTRAINT unions_hashtags_pkey PRIMARY KEY (hashtag_id, union_id);

ALTER TABLE ONLY unions
    ADD CONSTRAINT unions_name_key UNIQUE (name);

ALTER TABLE ONLY unions
    ADD CONSTRAINT unions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY upload_sums
    ADD CONSTRAINT upload_sums_pkey PRIMARY KEY (owner, owner_id, minutes, begins);

ALTER TABLE ONLY uploads
    ADD CONSTRAINT uploads_pkey PRIMARY KEY (changeset_id, owner, owner_id, sequence);

ALTER TABLE ONLY users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY verdicts
    ADD CONSTRAINT verdicts_pkey PRIMARY KEY (one);

CREATE INDEX aggregate_days_day ON aggregate_days USING btree (owner, day);

CREATE INDEX aggregates_changesets ON aggregates_ranked USING btree (owner, changesets DESC, owner_id) WHERE (member_id = 0);

CREATE INDEX aggregates_first ON aggregates_ranked USING btree (owner, first_edit, owner_id) WHERE (member_id = 0);

CREATE INDEX aggregates_hashtag_user ON aggregates_ranked USING btree (member_id) WHERE (owner = 'hashtag_user'::text);

CREATE INDEX aggregates_last ON aggregates_ranked USING btree (owner, last_edit DESC, owner_id) WHERE (member_id = 0);

CREATE INDEX aggregates_most ON aggregates_ranked USING btree (owner, edits DESC, owner_id) WHERE (member_id = 0);

CREATE INDEX aggregates_most_in_hashtag ON aggregates_ranked USING btree (owner_id, edits DESC, member_id) WHERE (owner = 'hashtag_user'::text);

CREATE INDEX aggregates_most_of_pairs ON aggregates_ranked USING btree (edits DESC, owner_id, member_id) WHERE (owner = 'hashtag_user'::text);

CREATE INDEX asked_by_sequence ON asked USING btree (stream, sequence, asked_at);

CREATE INDEX asked_by_time ON asked USING btree (stream, asked_at);

CREATE INDEX changesets_closed_at_index ON changesets USING btree (closed_at);

CREATE INDEX changesets_countries_country_id ON changesets_countries USING btree (country_id, counted_there_at, changeset_id);

CREATE INDEX changesets_created_at_index ON changesets USING btree (created_at);

CREATE INDEX changesets_hashtags_hashtag_id ON changesets_hashtags USING btree (hashtag_id, tagged_at, changeset_id);

CREATE INDEX changesets_hashtags_user_id ON changesets_hashtags USING btree (hashtag_id, tagged_by, tagged_at);

CREATE INDEX changesets_unions_union_id ON changesets_unions USING btree (union_id, united_at) INCLUDE (changeset_id, united_by);

CREATE INDEX changesets_updated_at_index ON changesets USING brin (updated_at) WITH (pages_per_range='16', autosummarize='on');

CREATE INDEX changesets_user_id ON changesets USING btree (user_id, counted_at);

CREATE INDEX ledger_definitions ON ledger USING btree (stream, definitions, sequence) WHERE (result = 'committed'::text);

CREATE INDEX ledger_flagged ON ledger USING btree (stream, sequence) WHERE (flagged IS NOT NULL);

CREATE INDEX ledger_skipped ON ledger USING btree (stream, sequence) WHERE (result = 'skipped'::text);

CREATE INDEX ledger_unsettled ON ledger USING btree (stream, sequence) WHERE ((result = 'committed'::text) AND (settled_at IS NULL));

CREATE INDEX ledger_work ON ledger USING btree (stream, work, sequence) WHERE (work <> 'idle'::text);

CREATE INDEX milestones_earned ON milestones USING btree (owner, earned);

CREATE INDEX people_days_day ON people_days USING btree (owner, owner_id, day) INCLUDE (user_id, changesets, edits, before);

CREATE INDEX statistics_held_changeset ON statistics_held USING btree (changeset_id, sequence);

CREATE INDEX statistics_held_since ON statistics_held USING btree (since);

CREATE INDEX upload_sums_begins ON upload_sums USING btree (minutes, begins);

CREATE INDEX uploads_again ON uploads USING btree (owner, owner_id, sequence) INCLUDE (before, user_id) WHERE (step_of((before)::bigint, 1440) < step_of((sequence)::bigint, 1440));

CREATE INDEX uploads_nobody ON uploads USING btree (owner, owner_id, sequence) WHERE (user_id IS NULL);

CREATE INDEX uploads_sequence ON uploads USING btree (owner, owner_id, sequence) INCLUDE (changeset_id, user_id, edits, before);

CREATE INDEX uploads_when ON uploads USING btree (owner, sequence) INCLUDE (owner_id, changeset_id, user_id, edits, before) WHERE (owner = ANY (ARRAY['hashtag'::text, 'country'::text]));

CREATE INDEX users_name ON users USING hash (name);

CREATE STATISTICS aggregates_owners (mcv) ON owner, member_id FROM aggregates;

CREATE STATISTICS aggregates_ranked_owners (mcv) ON owner, member_id FROM aggregates_ranked;

CREATE TRIGGER rank_deleted AFTER DELETE ON aggregates REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION rank_aggregates();

ALTER TABLE aggregates ENABLE ALWAYS TRIGGER rank_deleted;

CREATE TRIGGER rank_inserted AFTER INSERT ON aggregates REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION rank_aggregates();

ALTER TABLE aggregates ENABLE ALWAYS TRIGGER rank_inserted;

CREATE TRIGGER rank_truncated AFTER TRUNCATE ON aggregates FOR EACH STATEMENT EXECUTE FUNCTION rank_aggregates();

ALTER TABLE aggregates ENABLE ALWAYS TRIGGER rank_truncated;

CREATE TRIGGER rank_updated AFTER UPDATE ON aggregates REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION rank_aggregates();

ALTER TABLE aggregates ENABLE ALWAYS TRIGGER rank_updated;
