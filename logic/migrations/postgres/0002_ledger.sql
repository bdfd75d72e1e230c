ALTER TABLE task ADD COLUMN progress TEXT;
ALTER TABLE operation ADD COLUMN progress TEXT;
ALTER TABLE operation ADD COLUMN is_open BOOLEAN NOT NULL DEFAULT FALSE;

ALTER TABLE operation ADD COLUMN key TEXT COLLATE "C";
CREATE UNIQUE INDEX operation_by_key ON operation (key) WHERE key IS NOT NULL;
CREATE INDEX operation_open ON operation (id) WHERE is_open;

CREATE INDEX task_open ON task (id)
    WHERE state NOT IN ('succeeded', 'failed', 'expired', 'cancelled');

CREATE TABLE lock (target TEXT COLLATE "C" NOT NULL PRIMARY KEY, body TEXT NOT NULL);

CREATE TABLE audit (
    page BIGINT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    body TEXT NOT NULL
);
