-- Revision 0009. The keys of the aggregates have names. An owner is a user, a hashtag or a country (owner_id), or a user
-- within a hashtag: then owner_id is the hashtag, and member_id the user; member_id is else 0.

ALTER TABLE aggregates RENAME a TO owner_id;
ALTER TABLE aggregates RENAME b TO member_id;
ALTER TABLE aggregate_days RENAME a TO owner_id;
ALTER TABLE aggregate_keys RENAME a TO owner_id;
COMMENT ON COLUMN aggregates.owner_id IS 'The user, hashtag or country; of a user within a hashtag the hashtag';
COMMENT ON COLUMN aggregates.member_id IS 'The user within the hashtag; else 0';

ALTER TABLE schema_marks ADD COLUMN made_as uuid NOT NULL DEFAULT gen_random_uuid();
COMMENT ON COLUMN schema_marks.made_as IS 'By which two logins are seen to lead to two databases: a copy has its original''s';
