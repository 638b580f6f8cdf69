-- Revision 0005. Texts that are keys, or are in an index, are ordered by their bytes (COLLATE "C"): the server's own
-- collation is the operating system's, whose upgrade changes it in silence and leaves such indexes wrong. No table is
-- written anew, but these indexes are. Afterwards the views again, which hold the columns.

CREATE TEMPORARY TABLE granted ON COMMIT DROP AS
SELECT c.relname, (aclexplode(c.relacl)).*
FROM pg_class AS c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'v' AND c.relname IN (
    'user_statistics', 'hashtag_statistics', 'hashtag_user_statistics', 'country_statistics', 'user_days',
    'hashtag_days', 'country_days');

DROP VIEW user_statistics, hashtag_statistics, hashtag_user_statistics, country_statistics,
    user_days, hashtag_days, country_days;
DROP FUNCTION top_changesets, top_edits, top_keys;

ALTER TABLE streams ALTER stream TYPE text COLLATE "C";
ALTER TABLE checkpoints ALTER proc_name TYPE text COLLATE "C";
ALTER TABLE ledger_blocks ALTER stream TYPE text COLLATE "C";
ALTER TABLE ledger ALTER stream TYPE text COLLATE "C", ALTER work TYPE text COLLATE "C",
    ALTER definitions TYPE text COLLATE "C", ALTER run_id TYPE text COLLATE "C";
ALTER TABLE run_leases ALTER run_id TYPE text COLLATE "C", ALTER stream TYPE text COLLATE "C";
ALTER TABLE countries ALTER code TYPE text COLLATE "C";
ALTER TABLE country_aliases ALTER alias TYPE text COLLATE "C", ALTER code TYPE text COLLATE "C";
ALTER TABLE refreshments ALTER mat_view TYPE text COLLATE "C";
ALTER TABLE aggregates ALTER owner TYPE text COLLATE "C";
ALTER TABLE aggregate_days ALTER owner TYPE text COLLATE "C";
ALTER TABLE aggregate_keys ALTER owner TYPE text COLLATE "C", ALTER measure TYPE text COLLATE "C";
ALTER TABLE passes ALTER name TYPE text COLLATE "C";

DROP INDEX hashtags_prefix;  -- by bytes, the key itself serves prefixes
ALTER TABLE hashtags ALTER hashtag TYPE text COLLATE "C";

-- Partitions that were detached too: with another collation they could not come back.
ALTER TABLE changeset_edits_countries ALTER region TYPE text COLLATE "C";
DO $$
DECLARE
    away regclass;
BEGIN
    FOR away IN
        SELECT c.oid FROM pg_class AS c
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
            AND c.relname ~ '^changeset_edits_countries_[0-9]{9}$'
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER region TYPE text COLLATE "C"', away);
    END LOOP;
END
$$;

-- As in 0003, but wherever the extension is: search_path need not name its schema.
DO $$
DECLARE
    place name;
BEGIN
    IF to_regclass('trgm_idx_hashtags') IS NULL THEN
        CREATE EXTENSION IF NOT EXISTS pg_trgm;
        SELECT nspname INTO place
        FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace WHERE extname = 'pg_trgm';
        EXECUTE format('CREATE INDEX trgm_idx_hashtags ON hashtags USING gin (hashtag %I.gin_trgm_ops)', place);
    END IF;
EXCEPTION WHEN undefined_file OR insufficient_privilege OR feature_not_supported OR undefined_object THEN
    NULL;
END
$$;

-- The views' functions, which are bound to their tables here, whatever the search_path of who asks.

-- A breakdown's keys with most edits (most null: all), ties by the smaller user id, else by text.
CREATE FUNCTION top_keys(o text, i bigint, m text, most int) RETURNS TABLE (key text, changesets bigint, edits bigint)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT CASE WHEN m = 'user' THEN k.id::text ELSE k.key END, k.changesets, k.edits
    FROM aggregate_keys AS k
    WHERE k.owner = o AND k.a = i AND k.measure = m
    ORDER BY k.edits DESC, k.id, k.key
    LIMIT most;
END;
CREATE FUNCTION top_changesets(o text, i bigint, m text, most int) RETURNS jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT coalesce(jsonb_object_agg(t.key, t.changesets), '{}') FROM top_keys(o, i, m, most) AS t;
END;
CREATE FUNCTION top_edits(o text, i bigint, m text, most int) RETURNS jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT coalesce(jsonb_object_agg(t.key, t.edits), '{}') FROM top_keys(o, i, m, most) AS t;
END;

CREATE VIEW user_statistics AS
SELECT t.a AS id, u.name, t.measurements, t.counts,
    (SELECT max(counted_at) FROM changesets WHERE user_id = t.a) AS last_edit,
    t.changesets AS changeset_count, t.edits AS edit_count,
    top_changesets('user', t.a, 'editor', 10) AS editor_changesets,
    top_edits('user', t.a, 'editor', 10) AS editor_edits,
    (SELECT jsonb_object_agg(day, changesets) FROM aggregate_days WHERE owner = 'user' AND a = t.a) AS day_changesets,
    (SELECT jsonb_object_agg(day, edits) FROM aggregate_days WHERE owner = 'user' AND a = t.a) AS day_edits,
    top_changesets('user', t.a, 'country', NULL) AS country_changesets,
    top_edits('user', t.a, 'country', NULL) AS country_edits,
    top_changesets('user', t.a, 'hashtag', 50) AS hashtag_changesets,
    top_edits('user', t.a, 'hashtag', 50) AS hashtag_edits,
    t.updated_at,
    (SELECT min(counted_at) FROM changesets WHERE user_id = t.a) AS first_edit
FROM aggregates AS t
JOIN users AS u ON u.id = t.a
WHERE t.owner = 'user';

CREATE VIEW hashtag_statistics AS
SELECT h.hashtag AS tag, t.a AS hashtag_id, t.measurements, t.counts,
    t.changesets AS changeset_count, t.edits AS edit_count,
    (SELECT max(counted_at) FROM changesets_hashtags WHERE hashtag_id = t.a) AS last_edit,
    t.updated_at,
    top_changesets('hashtag', t.a, 'user', 10) AS user_changesets,
    top_edits('hashtag', t.a, 'user', 10) AS user_edits,
    (SELECT min(counted_at) FROM changesets_hashtags WHERE hashtag_id = t.a) AS first_edit
FROM aggregates AS t
JOIN hashtags AS h ON h.id = t.a
WHERE t.owner = 'hashtag';

CREATE VIEW hashtag_user_statistics AS
SELECT t.b AS user_id, u.name, t.a AS hashtag_id, h.hashtag, t.measurements, t.counts,
    (SELECT max(counted_at) FROM changesets_hashtags WHERE hashtag_id = t.a AND user_id = t.b) AS last_edit,
    t.changesets AS changeset_count, t.edits AS edit_count, t.updated_at,
    (SELECT min(counted_at) FROM changesets_hashtags WHERE hashtag_id = t.a AND user_id = t.b) AS first_edit
FROM aggregates AS t
JOIN users AS u ON u.id = t.b
JOIN hashtags AS h ON h.id = t.a
WHERE t.owner = 'hashtag_user';

-- A country is here once by its own code, and once more by each alias that OSMesa's clients may know it by.
CREATE VIEW country_statistics AS
SELECT t.a AS country_id, c.name AS country_name, n.code AS country_code, t.measurements, t.counts,
    t.changesets AS changeset_count, t.edits AS edit_count,
    (SELECT max(counted_at) FROM changesets_countries WHERE country_id = t.a) AS last_edit,
    t.updated_at,
    top_changesets('country', t.a, 'user', 10) AS user_changesets,
    top_edits('country', t.a, 'user', 10) AS user_edits,
    top_changesets('country', t.a, 'hashtag', 10) AS hashtag_changesets,
    top_edits('country', t.a, 'hashtag', 10) AS hashtag_edits,
    (SELECT min(counted_at) FROM changesets_countries WHERE country_id = t.a) AS first_edit,
    n.alias_of
FROM aggregates AS t
JOIN countries AS c ON c.id = t.a
CROSS JOIN LATERAL (
    SELECT c.code, NULL AS alias_of UNION ALL SELECT alias, c.code FROM country_aliases WHERE code = c.code
) AS n
WHERE t.owner = 'country';

CREATE VIEW user_days AS
SELECT t.a AS user_id, u.name, t.day, t.measurements, t.counts,
    t.changesets AS changeset_count, t.edits AS edit_count, t.updated_at
FROM aggregate_days AS t
JOIN users AS u ON u.id = t.a
WHERE t.owner = 'user';

CREATE VIEW hashtag_days AS
SELECT t.a AS hashtag_id, h.hashtag, t.day, t.measurements, t.counts,
    t.changesets AS changeset_count, t.edits AS edit_count, t.updated_at
FROM aggregate_days AS t
JOIN hashtags AS h ON h.id = t.a
WHERE t.owner = 'hashtag';

CREATE VIEW country_days AS
SELECT t.a AS country_id, c.name AS country_name, c.code AS country_code, t.day, t.measurements, t.counts,
    t.changesets AS changeset_count, t.edits AS edit_count, t.updated_at
FROM aggregate_days AS t
JOIN countries AS c ON c.id = t.a
WHERE t.owner = 'country';

-- Who might read them may do so again.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT * FROM granted LOOP
        EXECUTE format('GRANT %s ON %I TO %s %s', one.privilege_type, one.relname,
            CASE one.grantee WHEN 0 THEN 'PUBLIC' ELSE one.grantee::regrole::text END,
            CASE WHEN one.is_grantable THEN 'WITH GRANT OPTION' ELSE '' END);
    END LOOP;
END
$$;
