-- What was found at addresses that nobody has declared, or that are those of targets.
CREATE TABLE sighting (key TEXT COLLATE "C" NOT NULL PRIMARY KEY, body TEXT NOT NULL);
