-- Facts of the sequences in [first, until) that no changeset has applied, and that aren't queued by their sequence, nor
-- held until other facts of the changeset are back.

SELECT f.changeset_id, ARRAY[f.sequence], 'changeset ' || f.changeset_id || ' sequence ' || f.sequence,
    to_jsonb('applied'::text), NULL::jsonb
FROM changeset_edits AS f LEFT JOIN changesets AS c ON c.id = f.changeset_id
WHERE f.sequence >= %(first)s AND f.sequence < %(until)s
    AND f.sequence = ANY (c.augmented_diffs) IS NOT TRUE
    AND NOT EXISTS (
        SELECT FROM statistics_queue AS q WHERE q.changeset_id = f.changeset_id AND q.sequence = f.sequence
    )
    AND NOT EXISTS (
        SELECT FROM statistics_held AS h WHERE h.changeset_id = f.changeset_id AND h.sequence = f.sequence
    )
ORDER BY 1, 2
