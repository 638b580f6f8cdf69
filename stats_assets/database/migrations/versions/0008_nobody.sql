-- Revision 0008. OSMesa's own definition of hashtag_statistics makes objects with user ids as keys; here a changeset may
-- have no user, and PostgreSQL refuses a key that is null. With two bigints, as there, it is left out, as in our lists; for
-- all other types, jsonb_object_agg is PostgreSQL's. As text, since an array is taken apart and put together for each row.

CREATE FUNCTION jsonb_object_of_known(parts text) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ('{' || rtrim(parts, ',') || '}')::jsonb WHERE parts IS NOT NULL
$$;
CREATE FUNCTION jsonb_append_known(parts text, key bigint, value bigint) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF key IS NULL THEN
        RETURN parts;
    END IF;
    RETURN concat(parts, '"', key, '":', coalesce(value::text, 'null'), ',');
END $$;
CREATE AGGREGATE jsonb_object_agg(key bigint, value bigint) (
    SFUNC = jsonb_append_known, STYPE = text, FINALFUNC = jsonb_object_of_known
);
COMMENT ON AGGREGATE jsonb_object_agg(bigint, bigint) IS 'PostgreSQL''s, but that a key of null is left out, not refused';
