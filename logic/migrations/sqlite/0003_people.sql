-- Who may ask, besides `admin`, whose token is in a file. Of a token only its SHA-256 is kept.
CREATE TABLE person (
    name TEXT NOT NULL PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    made TEXT NOT NULL
);
