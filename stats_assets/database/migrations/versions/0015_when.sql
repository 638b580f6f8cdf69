-- Revision 0015. Uploads of all hashtags, or all countries, by their minute: what trends, and boards of the world. Of a country an
-- upload's edits are the sum of its counts there, as everywhere, and no longer features: until a rebuild the roll-ups are not whole.

CREATE INDEX uploads_when ON uploads (owner, sequence) INCLUDE (owner_id, changeset_id, user_id, edits, before)
    WHERE owner IN ('hashtag', 'country');
COMMENT ON COLUMN uploads.edits IS 'Edits of the changeset in that minute; of a country: of those that lie there';
UPDATE roll_ups SET whole = false WHERE EXISTS (SELECT FROM uploads WHERE owner = 'country');
