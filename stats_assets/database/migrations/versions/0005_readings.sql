-- Revision 0005. What the ledger says of a counted body: how far the server's data reached, and what of the body could
-- not be read or had to be mended (reason → number). What was read too early, as far as anyone knows, is due once more.

ALTER TABLE ledger ADD COLUMN osm_base timestamptz, ADD COLUMN unreadable bigint, ADD COLUMN tally jsonb;
COMMENT ON COLUMN ledger.osm_base IS 'How far the server''s data reached when the counted body was read; null: not said';
COMMENT ON COLUMN ledger.unreadable IS 'How many of the counted body''s actions (changesets) could not be read';
COMMENT ON COLUMN ledger.tally IS 'Why the counted body is flagged: reason → number; null: it is not';
CREATE INDEX ledger_flagged ON ledger (stream, sequence) WHERE flagged IS NOT NULL;

-- A body was settled when the wall clock said so, also when the server lagged. A minute of the last three days is read
-- once more: what comes later than that into a minute was never seen.
UPDATE ledger SET settled_at = NULL
WHERE stream = 'augmented_diffs' AND result = 'committed' AND settled_at IS NOT NULL
    AND sequence > (extract(epoch FROM now()) - 1347432900) / 60 - 3 * 1440;

-- A later body with fewer actions was refused, though it is right where the server's data was newer.
UPDATE ledger SET settled_at = NULL
WHERE stream = 'augmented_diffs' AND result = 'committed' AND flagged LIKE 'a later read had only % actions';
