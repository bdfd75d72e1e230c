-- Who does what, until when by the clock of the database, among several logic environments. The
-- epoch grows each time that a lease is taken.
CREATE TABLE lease (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL DEFAULT 0,
    environment TEXT,
    incarnation TEXT,
    address TEXT NOT NULL DEFAULT '',
    since TIMESTAMPTZ NOT NULL DEFAULT '-infinity',
    until TIMESTAMPTZ NOT NULL DEFAULT '-infinity'
);

-- What grows with every change, for those who keep a copy.
CREATE TABLE counter (name TEXT COLLATE "C" NOT NULL PRIMARY KEY, value BIGINT NOT NULL);
INSERT INTO counter (name, value) VALUES ('inventory', 0);
