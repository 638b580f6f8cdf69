-- Revision 0010. What the owner may see of the sessions at the database, for the reading login: since when each has a
-- transaction open, and of which kind it is. No statements.
CREATE FUNCTION sessions_seen() RETURNS TABLE (pid int, since timestamptz, state text, kind text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pid, xact_start, state, backend_type FROM pg_stat_activity
$$;
