-- Revision 0010. What owners are ordered by is in a narrow table of its own, with the indexes over it: it changes each minute,
-- and so does each of these indexes. The wide rows of aggregates are in none of them, and a new version stays on its page.

CREATE TABLE aggregates_ranked (
    owner text COLLATE "C" NOT NULL,
    owner_id bigint NOT NULL,
    member_id bigint NOT NULL,
    changesets bigint NOT NULL,
    edits bigint NOT NULL,
    first_edit timestamptz,
    last_edit timestamptz,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (owner, owner_id, member_id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE aggregates_ranked IS 'Numbers and times of aggregates, for the indexes over them; kept by triggers';

DROP INDEX aggregates_changesets, aggregates_first, aggregates_last, aggregates_most, aggregates_most_in_hashtag,
    aggregates_most_of_pairs, aggregates_hashtag_user;
INSERT INTO aggregates_ranked
SELECT owner, owner_id, member_id, changesets, edits, first_edit, last_edit, updated_at FROM aggregates;
CREATE INDEX aggregates_changesets ON aggregates_ranked (owner, changesets DESC, owner_id) WHERE member_id = 0;
CREATE INDEX aggregates_first ON aggregates_ranked (owner, first_edit, owner_id) WHERE member_id = 0;
CREATE INDEX aggregates_last ON aggregates_ranked (owner, last_edit DESC, owner_id) WHERE member_id = 0;
CREATE INDEX aggregates_most ON aggregates_ranked (owner, edits DESC, owner_id) WHERE member_id = 0;
CREATE INDEX aggregates_most_in_hashtag ON aggregates_ranked (owner_id, edits DESC, member_id) WHERE owner = 'hashtag_user';
CREATE INDEX aggregates_most_of_pairs ON aggregates_ranked (edits DESC, owner_id, member_id) WHERE owner = 'hashtag_user';
CREATE INDEX aggregates_hashtag_user ON aggregates_ranked (member_id) WHERE owner = 'hashtag_user';
CREATE STATISTICS aggregates_ranked_owners (mcv) ON owner, member_id FROM aggregates_ranked;

CREATE FUNCTION rank_aggregates() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER rank_inserted AFTER INSERT ON aggregates REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION rank_aggregates();
CREATE TRIGGER rank_updated AFTER UPDATE ON aggregates REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION rank_aggregates();
CREATE TRIGGER rank_deleted AFTER DELETE ON aggregates REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION rank_aggregates();
CREATE TRIGGER rank_truncated AFTER TRUNCATE ON aggregates FOR EACH STATEMENT EXECUTE FUNCTION rank_aggregates();
-- Whatever session_replication_role says: the two tables are one.
ALTER TABLE aggregates ENABLE ALWAYS TRIGGER rank_inserted;
ALTER TABLE aggregates ENABLE ALWAYS TRIGGER rank_updated;
ALTER TABLE aggregates ENABLE ALWAYS TRIGGER rank_deleted;
ALTER TABLE aggregates ENABLE ALWAYS TRIGGER rank_truncated;
