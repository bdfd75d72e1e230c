-- As in SQLite, step by step. Texts sort by their bytes, whatever the database is set to, and
-- bodies are texts: byte for byte what was written.
CREATE TABLE target (name TEXT COLLATE "C" NOT NULL PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE schedule (name TEXT COLLATE "C" NOT NULL PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE credential (name TEXT COLLATE "C" NOT NULL PRIMARY KEY, body TEXT NOT NULL);

CREATE TABLE operation (id TEXT COLLATE "C" NOT NULL PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE task (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    operation TEXT COLLATE "C" NOT NULL REFERENCES operation (id),
    target TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    outcome TEXT
);
CREATE INDEX task_by_operation ON task (operation, id);
CREATE INDEX task_by_target ON task (target, id);

CREATE TABLE reading (
    target TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (target, action)
);
