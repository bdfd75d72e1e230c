-- Inventory: bodies are the JSON of the API's documents. Only here are secrets written.
CREATE TABLE target (name TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE schedule (name TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE credential (name TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);

-- The ledger: ids are UUIDs of version 7 as text, so that they sort by the time they were made.
CREATE TABLE operation (id TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE task (
    id TEXT NOT NULL PRIMARY KEY,
    operation TEXT NOT NULL REFERENCES operation (id),
    target TEXT NOT NULL,
    state TEXT NOT NULL,
    body TEXT NOT NULL,
    outcome TEXT
);
CREATE INDEX task_by_operation ON task (operation, id);
CREATE INDEX task_by_target ON task (target, id);
CREATE INDEX task_by_state ON task (state, id);

-- The last readings: one row for each target and action.
CREATE TABLE reading (
    target TEXT NOT NULL,
    action TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (target, action)
);
