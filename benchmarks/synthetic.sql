-- A synthetic history for benchmarks: what changeset n is, by hashing n. A tenth of all belongs to one user, a sixth has
-- one hashtag, and the rest has long tails of both; days are of ten years.

CREATE FUNCTION chance(n bigint, what int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (hashint8extended(n, what) & 2147483647) / 2147483648.0
$$;

CREATE TABLE shapes AS
SELECT id, counts, measurements, (SELECT sum(value::int) FROM jsonb_each_text(counts)) AS total
FROM (
    SELECT id,
        (SELECT jsonb_object_agg(category || '_' || what, 1 + floor(chance(id, k) * 40)::int)
            FROM unnest(ARRAY['roads', 'buildings', 'pois', 'landuse', 'waterways', 'other', 'raillines', 'coastlines',
                'railway_features', 'aeroways']) WITH ORDINALITY AS c(category, i),
            unnest(ARRAY['added', 'modified', 'deleted']) WITH ORDINALITY AS w(what, j), LATERAL (SELECT (i * 3 + j)::int) AS k(k)
            WHERE k = 4 OR chance(id, k + 100) < 0.15) AS counts,
        (SELECT coalesce(jsonb_object_agg(name, trunc((chance(id, k) * 30)::numeric, 9)), '{}')
            FROM unnest(ARRAY['road_km_added', 'road_km_modified', 'building_km2_added', 'waterway_km_added'])
                WITH ORDINALITY AS m(name, i), LATERAL (SELECT (i + 200)::int) AS k(k)
            WHERE chance(id, k + 50) < 0.4) AS measurements
    FROM generate_series(0, 999) AS id
) AS drawn;
CREATE UNIQUE INDEX ON shapes (id);

-- Changesets first..last; `again`: what is counted of them the next time.
CREATE FUNCTION drawn(first bigint, last bigint, users bigint, tags bigint, again int) RETURNS TABLE (
    id bigint, sequence bigint, user_id bigint, at timestamptz, total bigint, counts jsonb, measurements jsonb,
    hashtags text[], regions text[], editor text
) LANGUAGE sql STABLE AS $$
    SELECT n, n / 60,
        CASE WHEN chance(n, 1) < 0.1 THEN 2 ELSE 3 + floor(users * chance(n, 2) ^ 3)::bigint END,
        timestamptz '2016-01-01' + interval '1 s' * floor(chance(n, 3) * 315360000), s.total, s.counts, s.measurements,
        CASE WHEN chance(n, 4) < 0.167 THEN ARRAY['heavy']
            WHEN chance(n, 4) < 0.33 THEN ARRAY['tag' || floor(tags * chance(n, 5) ^ 3)] ELSE ARRAY[]::text[] END,
        (SELECT array_agg(DISTINCT code) FROM (
            SELECT 'C' || floor(300 * chance(n, 6) ^ 3)
            UNION ALL SELECT 'C' || floor(300 * chance(n, 7)) WHERE chance(n, 8) < 0.1) AS r(code)),
        (ARRAY['iD', 'JOSM', 'Rapid', 'StreetComplete', 'Go Map!!'])[1 + floor(chance(n, 9) * 5)::int]
    FROM generate_series(first, last) AS n JOIN shapes AS s ON s.id = floor(chance(n, 10 + again) * 1000)::bigint
$$;
