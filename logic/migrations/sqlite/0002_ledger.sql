-- Before this, a task without an outcome was given up at a restart: nobody knows what became
-- of those, and a person has to say.
UPDATE task SET state = 'unsettled' WHERE state IN ('planned', 'queued', 'unknown');

-- Where a task and an operation stand, as JSON, beside what they are, which never changes.
ALTER TABLE task ADD COLUMN progress TEXT;
ALTER TABLE operation ADD COLUMN progress TEXT;
ALTER TABLE operation ADD COLUMN is_open INTEGER NOT NULL DEFAULT 0;

UPDATE operation SET is_open = 1
WHERE id IN (SELECT operation FROM task WHERE state = 'unsettled');

-- The key under which an operation was asked for, so that asking twice is asking once.
ALTER TABLE operation ADD COLUMN key TEXT;
CREATE UNIQUE INDEX operation_by_key ON operation (key) WHERE key IS NOT NULL;
CREATE INDEX operation_open ON operation (id) WHERE is_open = 1;

-- What has not ended is looked for at each start; what has ended is most of the table.
DROP INDEX task_by_state;
CREATE INDEX task_open ON task (id)
    WHERE state NOT IN ('succeeded', 'failed', 'expired', 'cancelled');

-- Targets that a person keeps for himself.
CREATE TABLE lock (target TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);

-- The audit trail: what was written together is one page, and each page's hash covers the
-- hash of the one before.
CREATE TABLE audit (
    page INTEGER NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    body TEXT NOT NULL
);
