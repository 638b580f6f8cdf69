-- Revision 0008, on. What the operator's alert hooks were told, and what they still have to be told: so that a restart
-- neither repeats an alert nor loses one.

CREATE TABLE alerts (
    hook text COLLATE "C" NOT NULL,         -- the setting's name: each hook is told by itself
    key text COLLATE "C" NOT NULL,          -- which problem
    kind text COLLATE "C" NOT NULL,
    stream text COLLATE "C",
    size bigint NOT NULL,                   -- how many, or how bad
    said text NOT NULL,
    todo text NOT NULL,
    ended text NOT NULL,                    -- what will be said when it is over
    since timestamptz NOT NULL,
    due boolean NOT NULL,                   -- whether it has stood so long that it is told
    told_at timestamptz,
    told_size bigint NOT NULL,
    gone_at timestamptz,                    -- not seen since then
    tried_at timestamptz,                   -- when telling it failed last
    PRIMARY KEY (hook, key)
);
COMMENT ON TABLE alerts IS 'The problems that stand, or are just over, and what each alert hook was told of them';

CREATE TABLE alert_hooks (
    hook text COLLATE "C" PRIMARY KEY,
    looked_at timestamptz NOT NULL,
    delivered_at timestamptz,
    failed_at timestamptz,                  -- null: the last delivery went well
    failure text,
    retry_at timestamptz                    -- the hook's server wants to be left alone until then
);
COMMENT ON TABLE alert_hooks IS 'Whether each alert hook works; a row each that is set';
