-- What is asked of environments that are paused or drained, or of which a kind is.
CREATE TABLE environment_order (
    environment TEXT NOT NULL PRIMARY KEY,
    zone TEXT NOT NULL,
    body TEXT NOT NULL
);
-- The revision of all orders together: it only grows.
CREATE TABLE desired_revision (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    revision INTEGER NOT NULL
);
