-- What is asked of a kind: which release serves it, and where.
CREATE TABLE kind_desired (
    kind TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
);
-- The ways from one release to another; of those that are open there is one for a kind.
CREATE TABLE rollout (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    is_open BOOLEAN NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX rollout_open ON rollout (kind) WHERE is_open;
