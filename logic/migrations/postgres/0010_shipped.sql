-- Releases that come with utakata, as the logic environments have brought them along.
CREATE TABLE shipped_release (
    digest TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
);
-- The zone of each environment: the first of which it spoke, until the environment is forgotten.
CREATE TABLE environment_zone (
    environment TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    zone TEXT NOT NULL
);
