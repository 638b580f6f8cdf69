-- Revision 0008. In OSMesa's tables, columns of ours have names that none of OSMesa's has, so that the SQL of its clients,
-- which rarely says whose column it means, finds theirs; and what is an integer there is one here. Ids stay 64-bit.
--
-- Names change at once. changesets and changesets_countries are each written anew, once, and nobody reads or writes them
-- until this transaction ends. A number that does not fit ends it, and all is as it was.

ALTER TABLE changesets
    DROP COLUMN counted_at,
    ALTER total_edits TYPE integer,
    ALTER augmented_diffs TYPE integer[],
    ADD COLUMN counted_at timestamptz GENERATED ALWAYS AS (
        CASE WHEN total_edits > 0 THEN coalesce(closed_at, created_at, edited_at) END
    ) STORED;
CREATE INDEX changesets_user_id ON changesets (user_id, counted_at);

ALTER TABLE changesets_countries RENAME counts TO counts_there;
ALTER TABLE changesets_countries RENAME measurements TO measurements_there;
ALTER TABLE changesets_countries RENAME counted_at TO counted_there_at;
ALTER TABLE changesets_countries
    ALTER edit_count TYPE integer,
    ALTER augmented_diffs TYPE integer[];

ALTER TABLE changesets_hashtags RENAME user_id TO tagged_by;
ALTER TABLE changesets_hashtags RENAME counted_at TO tagged_at;
COMMENT ON COLUMN changesets_countries.counted_there_at IS 'changesets.counted_at, for the index of a country''s times';
COMMENT ON COLUMN changesets_hashtags.tagged_by IS 'changesets.user_id, for the index of a hashtag''s users';
COMMENT ON COLUMN changesets_hashtags.tagged_at IS 'changesets.counted_at, for the index of a hashtag''s times';

INSERT INTO refreshments SELECT 'hashtag_user_statistics', max(updated_at) FROM refreshments
ON CONFLICT (mat_view) DO NOTHING;

UPDATE schema_marks SET oldest_code = '0008';
