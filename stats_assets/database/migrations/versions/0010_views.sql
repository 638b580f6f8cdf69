-- Revision 0010. All views of the statistics, as a whole: as before; what they are ordered by is aggregates_ranked's.

CREATE OR REPLACE VIEW user_statistics AS
SELECT r.owner_id AS id, u.name, t.measurements, t.counts, r.last_edit, r.changesets AS changeset_count,
    r.edits AS edit_count,
    coalesce(t.editor_changesets, '{}') AS editor_changesets, coalesce(t.editor_edits, '{}') AS editor_edits,
    coalesce(t.day_changesets, '{}') AS day_changesets, coalesce(t.day_edits, '{}') AS day_edits,
    coalesce(t.country_changesets, '{}') AS country_changesets, coalesce(t.country_edits, '{}') AS country_edits,
    coalesce(t.hashtag_changesets, '{}') AS hashtag_changesets, coalesce(t.hashtag_edits, '{}') AS hashtag_edits,
    r.updated_at, r.first_edit
FROM aggregates_ranked AS r
JOIN aggregates AS t ON (t.owner, t.owner_id, t.member_id) = (r.owner, r.owner_id, r.member_id)
JOIN users AS u ON u.id = r.owner_id
WHERE r.owner = 'user' AND r.member_id = 0;

CREATE OR REPLACE VIEW hashtag_statistics AS
SELECT h.hashtag AS tag, r.owner_id AS hashtag_id, t.measurements, t.counts, r.changesets AS changeset_count,
    r.edits AS edit_count, r.last_edit, r.updated_at,
    coalesce(t.user_changesets, '{}') AS user_changesets, coalesce(t.user_edits, '{}') AS user_edits,
    r.first_edit
FROM aggregates_ranked AS r
JOIN aggregates AS t ON (t.owner, t.owner_id, t.member_id) = (r.owner, r.owner_id, r.member_id)
JOIN hashtags AS h ON h.id = r.owner_id
WHERE r.owner = 'hashtag' AND r.member_id = 0;

-- A name, and what is in the wide row, is looked up after the sort and the limit, not of all users of a hashtag.
CREATE OR REPLACE VIEW hashtag_user_statistics AS
SELECT r.member_id AS user_id, (SELECT name FROM users WHERE id = r.member_id) AS name, r.owner_id AS hashtag_id, h.hashtag,
    (SELECT t.measurements FROM aggregates AS t WHERE (t.owner, t.owner_id, t.member_id) = ('hashtag_user', r.owner_id, r.member_id))
        AS measurements,
    (SELECT t.counts FROM aggregates AS t WHERE (t.owner, t.owner_id, t.member_id) = ('hashtag_user', r.owner_id, r.member_id))
        AS counts,
    r.last_edit, r.changesets AS changeset_count, r.edits AS edit_count, r.updated_at, r.first_edit
FROM aggregates_ranked AS r
JOIN hashtags AS h ON h.id = r.owner_id
WHERE r.owner = 'hashtag_user';

-- A country is here once by its own code, and once more by each alias that OSMesa's clients may know it by.
CREATE OR REPLACE VIEW country_statistics AS
SELECT r.owner_id AS country_id, c.name AS country_name, c.code AS country_code, t.measurements, t.counts,
    r.changesets AS changeset_count, r.edits AS edit_count, r.last_edit, r.updated_at,
    coalesce(t.user_changesets, '{}') AS user_changesets, coalesce(t.user_edits, '{}') AS user_edits,
    coalesce(t.hashtag_changesets, '{}') AS hashtag_changesets, coalesce(t.hashtag_edits, '{}') AS hashtag_edits,
    r.first_edit, c.alias_of
FROM (
    SELECT id, name, code, NULL::text AS alias_of FROM countries
    UNION ALL
    SELECT c.id, c.name, n.alias, c.code FROM country_aliases AS n JOIN countries AS c ON c.code = n.code
) AS c
JOIN aggregates_ranked AS r ON r.owner_id = c.id
JOIN aggregates AS t ON (t.owner, t.owner_id, t.member_id) = (r.owner, r.owner_id, r.member_id)
WHERE r.owner = 'country' AND r.member_id = 0;

CREATE OR REPLACE VIEW user_days AS
SELECT t.owner_id AS user_id, u.name, t.day, t.measurements, t.counts,
    t.changesets AS changeset_count, t.edits AS edit_count, t.updated_at
FROM aggregate_days AS t
JOIN users AS u ON u.id = t.owner_id
WHERE t.owner = 'user';

CREATE OR REPLACE VIEW hashtag_days AS
SELECT t.owner_id AS hashtag_id, h.hashtag, t.day, t.measurements, t.counts,
    t.changesets AS changeset_count, t.edits AS edit_count, t.updated_at
FROM aggregate_days AS t
JOIN hashtags AS h ON h.id = t.owner_id
WHERE t.owner = 'hashtag';

CREATE OR REPLACE VIEW country_days AS
SELECT t.owner_id AS country_id, c.name AS country_name, c.code AS country_code, t.day, t.measurements, t.counts,
    t.changesets AS changeset_count, t.edits AS edit_count, t.updated_at
FROM aggregate_days AS t
JOIN countries AS c ON c.id = t.owner_id
WHERE t.owner = 'country';
