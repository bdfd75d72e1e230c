-- What is asked of whoever is in a zone, or serves a kind or a release.
CREATE TABLE standing_order (
    scope TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
);
