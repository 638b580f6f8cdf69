-- Revision 0002. The facts in partitions of 100,000 sequences (about 70 days): what fact_partitions.py makes more of.
-- There is no default partition: attaching one beside it would have to look through it, and lock it.

ALTER TABLE changeset_edits RENAME TO whole_edits;
ALTER TABLE changeset_edits_countries RENAME TO whole_edits_countries;
ALTER INDEX changeset_edits_pkey RENAME TO whole_edits_pkey;
ALTER INDEX changeset_edits_countries_pkey RENAME TO whole_edits_countries_pkey;

CREATE TABLE changeset_edits (LIKE whole_edits INCLUDING ALL) PARTITION BY RANGE (sequence);
CREATE TABLE changeset_edits_countries (LIKE whole_edits_countries INCLUDING ALL) PARTITION BY RANGE (sequence);

DO $$
DECLARE
    first bigint;
    parent text;
BEGIN
    FOR first, parent IN
        SELECT found.first, parents.parent
        FROM (
            SELECT sequence - sequence % 100000 FROM whole_edits
            UNION SELECT sequence - sequence % 100000 FROM whole_edits_countries
        ) AS found(first),
        unnest(ARRAY['changeset_edits', 'changeset_edits_countries']) AS parents(parent)
    LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s)',
            parent || '_' || lpad(first::text, 9, '0'), parent, first, first + 100000);
    END LOOP;
END
$$;

INSERT INTO changeset_edits SELECT * FROM whole_edits;
INSERT INTO changeset_edits_countries SELECT * FROM whole_edits_countries;
DROP TABLE whole_edits, whole_edits_countries;

ALTER TABLE run_leases ADD COLUMN by_hand boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN run_leases.by_hand IS 'A run by hand or of a backfill, which the live stream does not wait for';

CREATE INDEX ledger_skipped ON ledger (stream, sequence) WHERE result = 'skipped';

ALTER TABLE streams ADD COLUMN shown bigint;
COMMENT ON COLUMN streams.shown IS 'The cursor that the last tick gave: one below it was set back by a person';
