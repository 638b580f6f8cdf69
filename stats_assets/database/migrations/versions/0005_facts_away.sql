-- Revision 0005. Facts that are away (detached, dropped, emptied, not restored) are told from facts that never were:
-- fact_ranges says which ranges of 100,000 sequences had facts, the ledger how many each sequence had.

CREATE TABLE fact_ranges (
    first bigint PRIMARY KEY,                   -- of 100,000 sequences: a partition of each of the facts' tables
    edits boolean NOT NULL DEFAULT false,       -- there were facts of it in changeset_edits
    countries boolean NOT NULL DEFAULT false,   -- … and in changeset_edits_countries
    state text NOT NULL DEFAULT 'here' CHECK (state IN ('here', 'away', 'incomplete', 'recounting')),
    reason text,
    since timestamptz,                          -- when that was noticed; null: they are here
    back_at timestamptz,                        -- when they were last found to be here again
    accepted_at timestamptz                     -- when a person said that they are meant to be away
);
COMMENT ON TABLE fact_ranges IS 'Ranges of sequences that facts were made for, and where those are now';

-- Left by the applier for the time when the facts are back: the sums of these changesets stay as they were applied.
CREATE TABLE statistics_held (
    changeset_id bigint NOT NULL,
    sequence bigint,                            -- as in statistics_queue
    since timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX statistics_held_changeset ON statistics_held (changeset_id, sequence);
CREATE INDEX statistics_held_since ON statistics_held (since);
COMMENT ON TABLE statistics_held IS 'Queue entries of changesets that rest on facts that are away';

ALTER TABLE ledger ADD COLUMN facts bigint, ADD COLUMN country_facts bigint;
COMMENT ON COLUMN ledger.facts IS 'How many rows of changeset_edits the sequence has; null: not known';
COMMENT ON COLUMN ledger.country_facts IS 'How many rows of changeset_edits_countries the sequence has; null: not known';
ALTER TABLE passes ADD COLUMN away bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN passes.away IS 'Changesets that could not be looked at, as facts of theirs are away';

-- Every run made the partitions of its range first: where something is committed and none is attached, it went away.
INSERT INTO fact_ranges (first, edits, countries)
SELECT DISTINCT block - block % 100000, true, true
FROM ledger_blocks AS b
WHERE stream = 'augmented_diffs' AND done > 0 AND EXISTS (
    SELECT FROM ledger AS l
    WHERE l.stream = b.stream AND l.sequence BETWEEN b.block AND b.block + 99 AND l.result = 'committed'
);
DO $$
DECLARE
    name text;
    said text;
BEGIN
    FOR name, said IN
        VALUES ('changeset_edits', 'facts'), ('changeset_edits_countries', 'country_facts')
    LOOP
        CONTINUE WHEN to_regclass(format('%I.%I', current_schema(), name)) IS NULL;
        EXECUTE format('CREATE TEMPORARY TABLE found ON COMMIT DROP AS
            SELECT sequence, count(*) AS rows FROM %I GROUP BY sequence', name);
        EXECUTE format('UPDATE ledger SET %I = rows FROM found
            WHERE stream = ''augmented_diffs'' AND result = ''committed'' AND ledger.sequence = found.sequence', said);
        INSERT INTO fact_ranges (first, edits, countries)
        SELECT DISTINCT sequence - sequence % 100000, said = 'facts', said = 'country_facts' FROM found
        ON CONFLICT (first) DO UPDATE
        SET edits = fact_ranges.edits OR excluded.edits, countries = fact_ranges.countries OR excluded.countries;
        DROP TABLE found;
    END LOOP;
END
$$;

-- Of these sequences, those of which facts are missing: by the ledger, or, where it does not know, by their range.
CREATE FUNCTION facts_away(sequences bigint[]) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    SELECT s
    FROM unnest(sequences) AS s
    LEFT JOIN ledger AS l ON l.stream = 'augmented_diffs' AND l.sequence = s
    LEFT JOIN fact_ranges AS r ON r.first = s - s % 100000
    WHERE l.facts > (SELECT count(*) FROM changeset_edits AS f WHERE f.sequence = s)
        OR l.country_facts > (SELECT count(*) FROM changeset_edits_countries AS f WHERE f.sequence = s)
        OR ((l.facts IS NULL OR l.country_facts IS NULL) AND r.state <> 'here')
$$;
