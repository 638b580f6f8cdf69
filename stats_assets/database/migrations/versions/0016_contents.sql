-- Revision 0016. OsmChange may have several addresses: what was in the newest files that were read, and where each came from.
ALTER TABLE made_diffs ADD COLUMN contents jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN made_diffs.read_from IS 'The address that the newest file was read from';
COMMENT ON COLUMN made_diffs.contents IS 'Of the newest files that hold anything: number, a hash of their versions, the address; by these another address is compared';
