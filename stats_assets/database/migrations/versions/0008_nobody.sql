-- Revision 0008. OSMesa's own definition of hashtag_statistics makes objects with user ids as keys; here a changeset may
-- have no user, and PostgreSQL refuses a key that is null. With two bigints, as there, it is left out, as in our lists; for
-- all other types, jsonb_object_agg is PostgreSQL's.

CREATE FUNCTION jsonb_object_of_known(parts jsonb[]) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT jsonb_object_agg(part->>0, part->1) FROM unnest(parts) AS part WHERE part->>0 IS NOT NULL
$$;
CREATE FUNCTION jsonb_append_known(parts jsonb[], key bigint, value bigint) RETURNS jsonb[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_append(parts, jsonb_build_array(key, value))
$$;
CREATE AGGREGATE jsonb_object_agg(key bigint, value bigint) (
    SFUNC = jsonb_append_known, STYPE = jsonb[], INITCOND = '{}', FINALFUNC = jsonb_object_of_known
);
COMMENT ON AGGREGATE jsonb_object_agg(bigint, bigint) IS 'PostgreSQL''s, but that a key of null is left out, not refused';
