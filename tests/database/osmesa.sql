-- OSMesa's tables and materialized views with a little in each, but for its checkpoints, which can be alone.

CREATE TABLE countries (id serial, name text, code text NOT NULL UNIQUE, PRIMARY KEY (id));
CREATE TABLE users (id integer NOT NULL, name text, PRIMARY KEY (id));
CREATE TABLE hashtags (id serial, hashtag text NOT NULL UNIQUE, PRIMARY KEY (id));
CREATE UNIQUE INDEX ON hashtags (hashtag);
CREATE TABLE errors (id bigint NOT NULL, type smallint, sequence integer, tags jsonb, nds bigint[], changeset bigint,
    uid bigint, "user" text, updated timestamptz, visible boolean, version integer, PRIMARY KEY (id));
CREATE TABLE changesets (id bigint NOT NULL, measurements jsonb, counts jsonb, total_edits integer, editor text,
    user_id integer, created_at timestamptz, closed_at timestamptz, augmented_diffs integer[], updated_at timestamptz,
    PRIMARY KEY (id));
CREATE INDEX changesets_user_id ON changesets (user_id);
CREATE INDEX changesets_created_at_index ON changesets (created_at);
CREATE TABLE changesets_countries (changeset_id integer NOT NULL, country_id integer NOT NULL,
    edit_count integer NOT NULL, augmented_diffs integer[], PRIMARY KEY (changeset_id, country_id),
    CONSTRAINT changesets_countries_changesets_id_fk FOREIGN KEY (changeset_id) REFERENCES changesets (id),
    CONSTRAINT changesets_countries_countries_id_fk FOREIGN KEY (country_id) REFERENCES countries (id));
CREATE TABLE changesets_hashtags (changeset_id integer NOT NULL, hashtag_id integer NOT NULL,
    PRIMARY KEY (changeset_id, hashtag_id),
    CONSTRAINT changesets_hashtags_changesets_id_fk FOREIGN KEY (changeset_id) REFERENCES changesets (id),
    CONSTRAINT changesets_hashtags_hashtags_id_fk FOREIGN KEY (hashtag_id) REFERENCES hashtags (id));
CREATE TABLE refreshments (mat_view text NOT NULL, updated_at timestamptz, PRIMARY KEY (mat_view));

INSERT INTO countries VALUES (4, 'Nepal of old', 'NPL'), (311, 'South Sudan', 'SDS');
INSERT INTO users VALUES (7, 'seven of old'), (9, NULL), (10, 'ten');
INSERT INTO hashtags (hashtag) VALUES ('gone'), ('hot');
DELETE FROM hashtags WHERE hashtag = 'gone';
INSERT INTO changesets VALUES (1, '{"road_km_added": 1.5}', '{"roads_added": 3}', 3, 'iD', 7, '2019-01-01', NULL,
    '{4500123}', '2019-01-01');
INSERT INTO changesets_countries VALUES (1, 4, 3, '{4500123}');
INSERT INTO changesets_hashtags VALUES (1, 2);
INSERT INTO errors (id, nds) VALUES (1, '{1, 2}');
INSERT INTO refreshments VALUES ('user_statistics', 'epoch');

CREATE MATERIALIZED VIEW user_statistics AS
    SELECT user_id AS id, name, count(*) AS changeset_count, sum(total_edits) AS edit_count, max(closed_at) AS last_edit
    FROM changesets JOIN users ON users.id = user_id GROUP BY user_id, name;
CREATE UNIQUE INDEX user_statistics_id ON user_statistics (id);
CREATE MATERIALIZED VIEW hashtag_statistics AS
    SELECT hashtag AS tag, hashtag_id, count(*) AS changeset_count, sum(total_edits) AS edit_count
    FROM changesets_hashtags JOIN changesets ON changesets.id = changeset_id JOIN hashtags ON hashtags.id = hashtag_id
    GROUP BY hashtag, hashtag_id;
CREATE MATERIALIZED VIEW country_statistics AS
    SELECT country_id, name AS country_name, code AS country_code, count(*) AS changeset_count,
        sum(edit_count) AS edit_count
    FROM changesets_countries JOIN countries ON id = country_id GROUP BY country_id, name, code;
CREATE MATERIALIZED VIEW hashtag_user_statistics AS
    SELECT user_id, hashtag_id, count(*) AS changeset_count, sum(total_edits) AS edit_count
    FROM changesets_hashtags JOIN changesets ON id = changeset_id GROUP BY user_id, hashtag_id;
