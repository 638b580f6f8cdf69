-- Revision 0005. What a feed dated into the future was believed, and a name with such evidence stayed for ever: now it is
-- cut to when the file was fetched, or to the end of the diff's minute. Sequences that are counted again say it exactly.

UPDATE users SET name_at = least(now(), CASE name_rank
    WHEN 0 THEN to_timestamp(1347432960 + 60 * name_sequence)
    ELSE (SELECT fetched_at FROM ledger WHERE stream = 'changesets' AND sequence = name_sequence) END)
WHERE name_at > now();

WITH cut AS (
    UPDATE changeset_metadata AS m SET
        created_at = CASE WHEN created_at > now() THEN least(now(),
            (SELECT fetched_at FROM ledger AS l WHERE stream = 'changesets' AND l.sequence = m.sequence))
            ELSE created_at END,
        closed_at = CASE WHEN closed_at > now() THEN least(now(),
            (SELECT fetched_at FROM ledger AS l WHERE stream = 'changesets' AND l.sequence = m.closed_sequence))
            ELSE closed_at END
    WHERE created_at > now() OR closed_at > now()
    RETURNING changeset_id
)
INSERT INTO statistics_queue (changeset_id) SELECT changeset_id FROM cut ORDER BY changeset_id;

WITH late AS (
    SELECT id, unnest(augmented_diffs) AS sequence FROM changesets WHERE edited_at > now()
), cut AS (
    UPDATE changeset_edits AS e SET edited_at = least(now(), to_timestamp(1347432960 + 60 * e.sequence))
    FROM late WHERE e.sequence = late.sequence AND e.changeset_id = late.id AND e.edited_at > now()
    RETURNING e.changeset_id, e.sequence
)
INSERT INTO statistics_queue (changeset_id, sequence) SELECT changeset_id, sequence FROM cut ORDER BY 1, 2;
