-- Revision 0010. A row's next version stays on its page (HOT), and no index is written, where the page has room and no index
-- holds what changes. Pages that are full already get their room as they are vacuumed and written.

-- An index over ranges of pages does not stand in the way (from PostgreSQL 16 on).
DROP INDEX changesets_updated_at_index;
CREATE INDEX changesets_updated_at_index ON changesets USING brin (updated_at) WITH (pages_per_range = 16, autosummarize = on);

-- A fifth of a table of millions is too much to wait for.
ALTER TABLE aggregates SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE aggregate_days SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE aggregate_keys SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE changesets SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE changesets_countries SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE changesets_hashtags SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE changeset_metadata SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE users SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE ledger SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
-- Whatever is put in is taken out again within a minute.
ALTER TABLE statistics_queue SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
