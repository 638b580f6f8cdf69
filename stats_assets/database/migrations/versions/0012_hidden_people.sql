-- Revision 0012. Who is not shown: who asked not to be, and who has left OpenStreetMap. Their edits stay in all sums.
CREATE TABLE hidden_people (
    user_id bigint NOT NULL,
    reason text COLLATE "C" NOT NULL CHECK (reason IN ('asked', 'deleted')),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (user_id, reason)
);
COMMENT ON TABLE hidden_people IS 'Users whom pages and API do not show; deleted: on OpenStreetMap''s list of those';

CREATE TABLE deleted_users_list (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    read_at timestamptz NOT NULL,
    listed bigint NOT NULL
);
COMMENT ON TABLE deleted_users_list IS 'When OpenStreetMap''s list of deleted users was read last, and how long it was';
