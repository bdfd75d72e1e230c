-- The key of each accepted environment, to which credentials are sealed for it.
CREATE TABLE environment_key (
    environment TEXT NOT NULL PRIMARY KEY,
    zone TEXT NOT NULL,
    body TEXT NOT NULL
);
-- Environments that were known before they had keys: the first one that they report is accepted.
INSERT INTO environment_key (environment, zone, body)
SELECT environment, zone, '{"state":"expected"}' FROM environment_zone;
