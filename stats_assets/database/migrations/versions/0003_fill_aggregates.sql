-- Revision 0003, last: the aggregates of what was applied before.

CREATE TEMPORARY TABLE filled ON COMMIT DROP AS
SELECT * FROM contributions_of((SELECT array_agg(id) FROM changesets));

INSERT INTO aggregates
SELECT owner, a, b, sum(changesets), sum(value) FILTER (WHERE measure = 'total'),
    coalesce(jsonb_object_agg(key, value) FILTER (WHERE measure = 'counts'), '{}'),
    coalesce(jsonb_object_agg(key, value) FILTER (WHERE measure = 'measurements'), '{}'), now()
FROM filled WHERE day IS NULL AND measure IN ('total', 'counts', 'measurements') GROUP BY owner, a, b;

INSERT INTO aggregate_days
SELECT owner, a, day, sum(changesets), sum(value) FILTER (WHERE measure = 'total'),
    coalesce(jsonb_object_agg(key, value) FILTER (WHERE measure = 'counts'), '{}'),
    coalesce(jsonb_object_agg(key, value) FILTER (WHERE measure = 'measurements'), '{}'), now()
FROM filled WHERE day IS NOT NULL GROUP BY owner, a, day;

INSERT INTO aggregate_keys
SELECT owner, a, measure, id, key, changesets, value
FROM filled WHERE measure NOT IN ('total', 'counts', 'measurements');
