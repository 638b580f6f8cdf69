-- Revision 0011. Milestones: what users and hashtags have reached, and on which UTC day of uploads. Those to be looked at again
-- are queued by the applier.

CREATE TABLE milestone_rules (
    name text COLLATE "C" PRIMARY KEY,
    owner text COLLATE "C" NOT NULL CHECK (owner IN ('user', 'hashtag')),
    metric text COLLATE "C" NOT NULL,
    keys text[] NOT NULL,
    least numeric NOT NULL,
    levels numeric[] NOT NULL
);
COMMENT ON TABLE milestone_rules IS 'MILESTONES_FILE as it was applied';

CREATE TABLE milestones (
    owner text COLLATE "C" NOT NULL,
    owner_id bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    level numeric NOT NULL,
    earned date NOT NULL,
    PRIMARY KEY (owner, owner_id, name, level)
);
CREATE INDEX milestones_earned ON milestones (owner, earned);
COMMENT ON TABLE milestones IS 'Which levels a user or a hashtag has reached, and on which UTC day';

CREATE TABLE milestones_due (
    owner text COLLATE "C" NOT NULL,
    owner_id bigint NOT NULL,
    PRIMARY KEY (owner, owner_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE milestones_due IS 'Whose uploads have changed since their milestones were looked at';
