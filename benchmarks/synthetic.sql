-- A synthetic history for benchmarks: what changeset n is, by hashing n. Of any 30 changesets in a row 3 are the heaviest
-- user's, 5 have the heaviest hashtag, 5 another; the rest of users, hashtags and countries has long tails. Ten years.

CREATE FUNCTION chance(n bigint, what int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (hashint8extended(n, what) & 2147483647) / 2147483648.0
$$;

-- A thousand kinds of changeset: some 5 of 30 keys of counts, 3 of 18 of measurements.
CREATE TABLE shapes AS
SELECT n AS id, counts, measurements, (SELECT sum(value::bigint) FROM jsonb_each_text(counts))::bigint AS total
FROM generate_series(0, 999) AS n
CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(key, 1 + floor(40 * chance(n, i) ^ 3)::int) AS counts
    FROM (
        SELECT category || '_' || what AS key, row_number() OVER ()::int AS i
        FROM unnest(ARRAY['buildings', 'roads', 'pois', 'landuse', 'natural', 'waterways', 'raillines',
            'railway_features', 'coastlines', 'other']) AS category, unnest(ARRAY['added', 'modified', 'deleted']) AS what
    ) AS keys
    WHERE i = 1 OR chance(n, i + 100) < 0.15
) AS c
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_object_agg(key, trim_scale((0.000000001 + 30 * chance(n, i + 200))::numeric(20, 9))), '{}')
        AS measurements
    FROM (
        SELECT category || '_' || what AS key, row_number() OVER ()::int AS i
        FROM unnest(ARRAY['road_km', 'waterway_km', 'coastline_km', 'railline_km', 'landuse_km2', 'natural_km2'])
            AS category, unnest(ARRAY['added', 'modified', 'deleted']) AS what
    ) AS keys
    WHERE chance(n, i + 300) < 0.17
) AS m;
CREATE UNIQUE INDEX ON shapes (id);
ANALYZE shapes;

-- The changesets of these numbers, in a history of so many; again: 0, or which of its later counts.
CREATE FUNCTION drawn(numbers bigint[], size bigint, again int) RETURNS TABLE (
    id bigint, sequence bigint, user_id bigint, at timestamptz, total bigint, counts jsonb, measurements jsonb,
    hashtags text[], regions text[], editor text
) LANGUAGE sql STABLE AS $$
    SELECT n, n / 60,
        CASE WHEN n % 30 IN (0, 7, 19) THEN 2 ELSE 3 + floor(size / 20 * chance(n, 2) ^ 3)::bigint END,
        timestamptz '2016-01-01 UTC' + n * (interval '3650 days' / size), s.total, s.counts, s.measurements,
        CASE WHEN n % 30 IN (0, 5, 10, 15, 20) THEN ARRAY['heavy']
            WHEN n % 30 IN (3, 7, 13, 18, 24) THEN ARRAY['tag' || floor(size / 200 * chance(n, 5) ^ 3)]
            ELSE '{}' END,
        ARRAY(
            SELECT 'C' || floor(300 * chance(n, 6) ^ 3)
            UNION SELECT 'C' || floor(300 * chance(n, 7) ^ 3) WHERE chance(n, 8) < 0.1
        ),
        (ARRAY['iD', 'JOSM', 'Rapid', 'StreetComplete', 'Go Map!!'])[1 + floor(chance(n, 9) * 5)::int]
    FROM unnest(numbers) AS n JOIN shapes AS s ON s.id = floor(chance(n, 10 + again) * 1000)::int
$$;
