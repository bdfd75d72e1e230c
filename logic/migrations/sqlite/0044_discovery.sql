-- What was found at addresses that nobody has declared, or that are those of targets.
CREATE TABLE sighting (key TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
