-- Forty days of a made world for benchmarks/api.py: 40,000 changesets a day, :size in all (1.6 million are forty days), uploaded once to thrice; 60,000 users, 10,000
-- hashtags `hotosm-project-N`, 8,000 others and 250 countries, all with long tails. What upload n is, by hashing n.

CREATE FUNCTION chance(n bigint, what int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (hashint8extended(n, what) & 2147483647) / 2147483648.0
$$;

CREATE UNLOGGED TABLE shapes AS
SELECT n AS shape, counts, measurements, (SELECT sum(value::bigint) FROM jsonb_each_text(counts))::bigint AS total
FROM generate_series(0, 999) AS n CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(category || '_' || what, 1 + floor(40 * chance(n, i) ^ 3)::int) AS counts
    FROM unnest(ARRAY['buildings', 'roads', 'pois', 'landuse', 'natural', 'waterways', 'raillines', 'railway_features',
        'coastlines', 'other'], ARRAY[1, 4, 7, 10, 13, 16, 19, 22, 25, 28]) AS c (category, place),
        unnest(ARRAY['added', 'modified', 'deleted'], ARRAY[0, 1, 2]) AS w (what, nth), LATERAL (SELECT place + nth AS i) AS k
    WHERE i = 1 OR chance(n, i + 100) < 0.12
) AS c CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_object_agg(measure || '_' || what, trim_scale((0.000000001 + 30 * chance(n, i + 200))::numeric(20, 9))),
        '{}') AS measurements
    FROM unnest(ARRAY['road_km', 'waterway_km', 'coastline_km', 'railline_km', 'landuse_km2', 'natural_km2'],
        ARRAY[1, 4, 7, 10, 13, 16]) AS m (measure, place),
        unnest(ARRAY['added', 'modified', 'deleted'], ARRAY[0, 1, 2]) AS w (what, nth), LATERAL (SELECT place + nth AS i) AS k
    WHERE chance(n, i + 300) < 0.1
) AS m;
CREATE UNLOGGED TABLE shape_keys AS
SELECT shape, false AS measured, key, value::numeric FROM shapes, jsonb_each_text(counts)
UNION ALL
SELECT shape, true, key, value::numeric FROM shapes, jsonb_each_text(measurements);
ANALYZE shapes, shape_keys;

CREATE UNLOGGED TABLE made AS
SELECT n AS changeset_id, 2 + floor(60000 * chance(n, 2) ^ 2.5)::bigint AS user_id,
    6500000 + (n * 9 / 250)::int AS first,
    (ARRAY['iD 2.30', 'JOSM/1.5 (19000 en)', 'Rapid 2', 'StreetComplete 60', 'Go Map!! 4'])[1 + floor(chance(n, 9) * 5)::int] AS editor,
    CASE WHEN chance(n, 3) < 0.1 THEN ARRAY['hotosm-project-' || floor(10000 * chance(n, 4) ^ 2)] ELSE '{}' END
        || CASE WHEN chance(n, 3) BETWEEN 0.06 AND 0.14 THEN ARRAY['missingmaps'] ELSE '{}' END
        || CASE WHEN chance(n, 5) < 0.15 THEN ARRAY['tag' || floor(8000 * chance(n, 6) ^ 3)] ELSE '{}' END AS hashtags,
    ARRAY(SELECT 1 + floor(250 * chance(n, 7) ^ 2.5)::int UNION SELECT 1 + floor(250 * chance(n, 8))::int WHERE chance(n, 8) < 0.1)
        AS countries
FROM generate_series(1, :size) AS n;
CREATE UNLOGGED TABLE facts AS
SELECT changeset_id, user_id, sequence, shape, total AS edits, counts, measurements, step_of(sequence, 15) AS quarter,
    step_of(sequence, 1440) AS begins, lag(sequence) OVER (PARTITION BY changeset_id ORDER BY sequence) AS before,
    minute_ends(max(sequence) OVER (PARTITION BY changeset_id)) + interval '30 s' AS counted_at
FROM (
    SELECT changeset_id, user_id, first AS sequence, floor(chance(changeset_id, 10) * 1000)::int AS shape FROM made
    UNION ALL
    SELECT changeset_id, user_id, first + 1 + floor(chance(changeset_id, 11) * 60)::int, floor(chance(changeset_id, 12) * 1000)::int
    FROM made WHERE chance(changeset_id, 13) < 0.25
    UNION ALL
    SELECT changeset_id, user_id, first + 70 + floor(chance(changeset_id, 14) * 900)::int, floor(chance(changeset_id, 15) * 1000)::int
    FROM made WHERE chance(changeset_id, 13) < 0.06
) AS u JOIN shapes USING (shape);
CREATE INDEX ON facts (changeset_id);
ANALYZE made, facts;

INSERT INTO users (id, name) SELECT n, 'user ' || n FROM generate_series(2, 60002) AS n;
INSERT INTO countries (id, code, name) SELECT n, 'C' || n, 'Country ' || n FROM generate_series(1, 250) AS n;
INSERT INTO hashtags (hashtag) SELECT DISTINCT unnest(hashtags) FROM made ORDER BY 1;
INSERT INTO unions (id, name, patterns) VALUES (1, 'hotosm-*', '{hotosm-*}');
INSERT INTO unions_hashtags SELECT 1, id FROM hashtags WHERE hashtag LIKE 'hotosm-%';
INSERT INTO changeset_edits SELECT sequence, changeset_id, user_id, minute_ends(sequence), edits, counts, measurements
FROM facts ORDER BY sequence, changeset_id;
INSERT INTO changeset_edits_countries SELECT sequence, changeset_id, 'C' || country, edits, counts, measurements
FROM facts JOIN made USING (changeset_id), unnest(countries) AS country ORDER BY sequence, changeset_id;
ANALYZE changeset_edits;
INSERT INTO changeset_metadata (changeset_id, sequence, user_id, created_at, closed_at, closed_sequence, open, editor, hashtags)
SELECT changeset_id, 1, m.user_id, minute_ends(first), f.counted_at, 1, false, editor, hashtags
FROM made AS m JOIN facts AS f USING (changeset_id) WHERE f.before IS NULL;
INSERT INTO changesets (id, measurements, counts, total_edits, editor, user_id, created_at, closed_at, augmented_diffs,
    updated_at, edited_at, open)
SELECT changeset_id, CASE WHEN count(*) = 1 THEN (array_agg(measurements))[1] ELSE jsonb_sum(measurements) END,
    CASE WHEN count(*) = 1 THEN (array_agg(counts))[1] ELSE jsonb_sum(counts) END, sum(edits), max(editor), max(f.user_id),
    minute_ends(min(first)), max(f.counted_at), array_agg(sequence ORDER BY sequence), now(), minute_ends(max(sequence)), false
FROM facts AS f JOIN made AS m USING (changeset_id) GROUP BY changeset_id ORDER BY changeset_id;
INSERT INTO changesets_hashtags SELECT changeset_id, h.id, m.user_id, c.counted_at
FROM made AS m JOIN changesets AS c ON c.id = m.changeset_id, unnest(hashtags) AS tag JOIN hashtags AS h ON h.hashtag = tag;
INSERT INTO changesets_unions SELECT DISTINCT changeset_id, union_id, tagged_by, tagged_at
FROM changesets_hashtags JOIN unions_hashtags USING (hashtag_id);
INSERT INTO changesets_countries
SELECT m.changeset_id, country, c.total_edits, c.augmented_diffs, c.counts, c.measurements, c.counted_at
FROM made AS m JOIN changesets AS c ON c.id = m.changeset_id, unnest(countries) AS country;
ANALYZE changesets, changesets_hashtags, changesets_unions, changesets_countries, hashtags;
