-- Revision 0008. What the views show of an owner is kept in its row, by the applier: a page far down skips rows at the cost
-- of reading them, and a row is one row. A user's days are in it twice over; long objects are stored apart from the row,
-- and read when they are shown.

ALTER TABLE aggregates
    ADD COLUMN first_edit timestamptz,
    ADD COLUMN last_edit timestamptz,
    ADD COLUMN editor_changesets jsonb,
    ADD COLUMN editor_edits jsonb,
    ADD COLUMN day_changesets jsonb,
    ADD COLUMN day_edits jsonb,
    ADD COLUMN country_changesets jsonb,
    ADD COLUMN country_edits jsonb,
    ADD COLUMN hashtag_changesets jsonb,
    ADD COLUMN hashtag_edits jsonb,
    ADD COLUMN user_changesets jsonb,
    ADD COLUMN user_edits jsonb;
COMMENT ON COLUMN aggregates.day_edits IS 'This and the like: what breakdowns_of says; null where it has no key';

-- What an owner's row shows beside its sums: its times, and its breakdowns, cut where a list has an end. Ties at the end
-- go to the smaller user id, or the smaller text.
CREATE FUNCTION breakdowns_of(o text, i bigint, j bigint) RETURNS TABLE (
    first_edit timestamptz, last_edit timestamptz, editor_changesets jsonb, editor_edits jsonb, day_changesets jsonb,
    day_edits jsonb, country_changesets jsonb, country_edits jsonb, hashtag_changesets jsonb, hashtag_edits jsonb,
    user_changesets jsonb, user_edits jsonb
) LANGUAGE sql STABLE AS $$
    SELECT
        CASE o
            WHEN 'user' THEN (SELECT min(counted_at) FROM changesets WHERE user_id = i)
            WHEN 'hashtag' THEN (SELECT min(tagged_at) FROM changesets_hashtags WHERE hashtag_id = i)
            WHEN 'country' THEN (SELECT min(counted_there_at) FROM changesets_countries WHERE country_id = i)
            ELSE (SELECT min(tagged_at) FROM changesets_hashtags WHERE hashtag_id = i AND tagged_by = j)
        END,
        CASE o
            WHEN 'user' THEN (SELECT max(counted_at) FROM changesets WHERE user_id = i)
            WHEN 'hashtag' THEN (SELECT max(tagged_at) FROM changesets_hashtags WHERE hashtag_id = i)
            WHEN 'country' THEN (SELECT max(counted_there_at) FROM changesets_countries WHERE country_id = i)
            ELSE (SELECT max(tagged_at) FROM changesets_hashtags WHERE hashtag_id = i AND tagged_by = j)
        END,
        editors.*, days.*, places.*, tags.*, mappers.*
    FROM (
        SELECT jsonb_object_agg(key, changesets), jsonb_object_agg(key, edits) FROM (
            SELECT * FROM aggregate_keys WHERE j = 0 AND owner = o AND a = i AND measure = 'editor'
            ORDER BY edits DESC, id, key LIMIT 10
        ) AS top
    ) AS editors, (
        SELECT jsonb_object_agg(day, changesets), jsonb_object_agg(day, edits)
        FROM aggregate_days WHERE o = 'user' AND owner = 'user' AND a = i
    ) AS days, (
        SELECT jsonb_object_agg(key, changesets), jsonb_object_agg(key, edits)
        FROM aggregate_keys WHERE j = 0 AND owner = o AND a = i AND measure = 'country'
    ) AS places, (
        SELECT jsonb_object_agg(key, changesets), jsonb_object_agg(key, edits) FROM (
            SELECT * FROM aggregate_keys WHERE j = 0 AND owner = o AND a = i AND measure = 'hashtag'
            ORDER BY edits DESC, id, key LIMIT CASE o WHEN 'user' THEN 50 ELSE 10 END
        ) AS top
    ) AS tags, (
        SELECT jsonb_object_agg(id::text, changesets), jsonb_object_agg(id::text, edits) FROM (
            SELECT * FROM aggregate_keys WHERE j = 0 AND owner = o AND a = i AND measure = 'user'
            ORDER BY edits DESC, id, key LIMIT 10
        ) AS top
    ) AS mappers
$$;

-- Before rows are filled: an index made after that can't be used while an older transaction goes on.
CREATE INDEX aggregates_changesets ON aggregates (owner, changesets DESC, a) WHERE b = 0;
CREATE INDEX aggregates_first ON aggregates (owner, first_edit, a) WHERE b = 0;
CREATE INDEX aggregates_last ON aggregates (owner, last_edit DESC, a) WHERE b = 0;
CREATE INDEX aggregates_most_in_hashtag ON aggregates (a, edits DESC, b) WHERE owner = 'hashtag_user';
CREATE INDEX aggregates_most_of_pairs ON aggregates (edits DESC, a, b) WHERE owner = 'hashtag_user';

-- Owners other than pairs have b = 0: who takes that for a chance of one in a hundred sorts what an index has in order.
CREATE STATISTICS aggregates_owners (mcv) ON owner, b FROM aggregates;
