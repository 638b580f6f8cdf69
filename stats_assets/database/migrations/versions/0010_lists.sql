-- Revision 0010. A list of an owner, the keys with most edits, as it goes on from the one that was shown before.
--
-- had: its edits as they were shown; ids, keys: what has changed since. Whoever was in no list before, and has not changed,
-- ranks behind the last one of a list that was full: so the new list is of those that it had and those that have changed,
-- unless its last one would now rank lower. Then, and only then, all keys of the owner are read. No row where keys is null.
CREATE FUNCTION list_of(o text, i bigint, m text, most int, had jsonb, ids bigint[], keys text[])
RETURNS TABLE (changesets jsonb, edits jsonb) LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN sure THEN near.changesets ELSE far.changesets END, CASE WHEN sure THEN near.edits ELSE far.edits END
    FROM (
        SELECT jsonb_object_agg(name, t.changesets) FILTER (WHERE t.id IS NOT NULL) AS changesets,
            jsonb_object_agg(name, t.edits) FILTER (WHERE t.id IS NOT NULL) AS edits,
            min(n.number) < most OR (count(t.id) = most AND bool_and(
                t.edits > e.edits OR (t.edits = e.edits AND (t.id, t.key) <= (e.id, e.key COLLATE "C"))
            )) AS sure
        FROM (SELECT count(*) AS number FROM jsonb_object_keys(had)) AS n
        LEFT JOIN (
            SELECT CASE m WHEN 'user' THEN h.key::bigint ELSE 0 END AS id, CASE m WHEN 'user' THEN '' ELSE h.key END AS key,
                h.value::bigint AS edits
            FROM jsonb_each(had) AS h ORDER BY 3, 1 DESC, CASE m WHEN 'user' THEN '' ELSE h.key END COLLATE "C" DESC LIMIT 1
        ) AS e ON true
        LEFT JOIN (
            SELECT k.id, k.key, CASE m WHEN 'user' THEN k.id::text ELSE k.key END AS name, k.changesets, k.edits
            FROM (
                SELECT * FROM unnest(ids, keys) AS c (id, key)
                UNION
                SELECT CASE m WHEN 'user' THEN h::bigint ELSE 0 END, CASE m WHEN 'user' THEN '' ELSE h END
                FROM jsonb_object_keys(had) AS h
            ) AS c
            CROSS JOIN LATERAL (  -- each by itself: a join of another kind would read all keys of the owner
                SELECT * FROM aggregate_keys AS a
                WHERE a.owner = o AND a.owner_id = i AND a.measure = m AND a.id = c.id AND a.key = c.key OFFSET 0
            ) AS k
            ORDER BY k.edits DESC, k.id, k.key LIMIT most
        ) AS t ON true
    ) AS near
    LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(name, top.changesets) AS changesets, jsonb_object_agg(name, top.edits) AS edits
        FROM (
            SELECT CASE m WHEN 'user' THEN k.id::text ELSE k.key END AS name, k.changesets, k.edits FROM aggregate_keys AS k
            WHERE NOT near.sure AND k.owner = o AND k.owner_id = i AND k.measure = m
            ORDER BY k.edits DESC, k.id, k.key LIMIT most
        ) AS top
    ) AS far ON true
    WHERE keys IS NOT NULL OFFSET 0  -- apart from the query that asks: where there is nothing to do it is not begun
$$;

-- What served the lists until now.
DROP INDEX aggregate_keys_most;
