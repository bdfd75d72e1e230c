-- The tasks of each target. In an index each new task would write a page of its own, the more so
-- the larger it is; so new tasks come into a small table, and from there, many at a time, into
-- the large one.
DROP INDEX task_by_target;
CREATE TABLE target_task (
    target TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (target, id)
) WITHOUT ROWID;
CREATE TABLE recent_target_task (
    target TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (target, id)
) WITHOUT ROWID;
INSERT INTO target_task (target, id) SELECT target, id FROM task ORDER BY target, id;
CREATE TRIGGER task_is_recent AFTER INSERT ON task BEGIN
    INSERT OR IGNORE INTO recent_target_task (target, id) VALUES (new.target, new.id);
END;
