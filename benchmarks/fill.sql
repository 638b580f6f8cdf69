-- The aggregates of all that synthetic.sql and benchmarks/aggregates.py have made, at once.

CREATE TEMPORARY TABLE filled ON COMMIT DROP AS
SELECT * FROM contributions_of((SELECT array_agg(id) FROM changesets));

INSERT INTO aggregates
SELECT owner, owner_id, member_id, sum(changesets), sum(value) FILTER (WHERE measure = 'total'),
    coalesce(jsonb_object_agg(key, value) FILTER (WHERE measure = 'counts'), '{}'),
    coalesce(jsonb_object_agg(key, value) FILTER (WHERE measure = 'measurements'), '{}'), now()
FROM filled WHERE day IS NULL AND measure IN ('total', 'counts', 'measurements') GROUP BY owner, owner_id, member_id;

INSERT INTO aggregate_days
SELECT owner, owner_id, day, sum(changesets), sum(value) FILTER (WHERE measure = 'total'),
    coalesce(jsonb_object_agg(key, value) FILTER (WHERE measure = 'counts'), '{}'),
    coalesce(jsonb_object_agg(key, value) FILTER (WHERE measure = 'measurements'), '{}'), now()
FROM filled WHERE day IS NOT NULL GROUP BY owner, owner_id, day;

INSERT INTO aggregate_keys
SELECT owner, owner_id, measure, id, key, changesets, value
FROM filled WHERE measure NOT IN ('total', 'counts', 'measurements');

UPDATE aggregates AS g SET (
    first_edit, last_edit, editor_changesets, editor_edits, day_changesets, day_edits, country_changesets,
    country_edits, hashtag_changesets, hashtag_edits, user_changesets, user_edits
) = (SELECT * FROM breakdowns_of(g.owner, g.owner_id, g.member_id));
