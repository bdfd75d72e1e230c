-- Who does what, until when by the clock of the database (milliseconds since 1970), among several
-- logic environments. The epoch grows each time that a lease is taken.
CREATE TABLE lease (
    name TEXT NOT NULL PRIMARY KEY,
    epoch INTEGER NOT NULL DEFAULT 0,
    environment TEXT,
    incarnation TEXT,
    address TEXT NOT NULL DEFAULT '',
    since INTEGER NOT NULL DEFAULT 0,
    until INTEGER NOT NULL DEFAULT 0
);

-- What grows with every change, for those who keep a copy.
CREATE TABLE counter (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO counter (name, value) VALUES ('inventory', 0);
