-- Revision 0007. Which numbering of its feed a counted body is of; what was settled by the wall clock alone is due once
-- more; and a body that was put up with though a geometry of it is broken says so in numbers, as all doubts do.

ALTER TABLE ledger ADD COLUMN numbering int NOT NULL DEFAULT 0;
COMMENT ON COLUMN ledger.numbering IS 'How often the feed''s numbers had begun again when the counted body was read';
COMMENT ON COLUMN ledger.reread_at IS 'Not before that is it read again to settle; flagged, it is read again then';

UPDATE ledger SET settled_at = NULL
WHERE stream = 'augmented_diffs' AND result = 'committed' AND settled_at IS NOT NULL
    AND osm_base < to_timestamp(1347432960 + 60 * sequence) + interval '1 hour';

UPDATE ledger SET tally = coalesce(tally, '{}') || '{"broken_geometry": 1}'
WHERE flagged LIKE '%cannot be expanded%';
