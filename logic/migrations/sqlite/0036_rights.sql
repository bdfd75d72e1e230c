-- Who has access: people and services, their tokens (of each only the SHA-256), and their roles.
CREATE TABLE principal (name TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE principal_token (hash TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE binding (name TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);

-- Whoever had a token could do everything, and can until somebody says otherwise.
INSERT INTO principal (name, body)
SELECT name, json_object('made', made, 'by', 'admin') FROM person;
INSERT INTO principal_token (hash, body)
SELECT token_hash, json_object('owner', name, 'name', 'first', 'made', made, 'by', 'admin')
FROM person;
INSERT INTO binding (name, body)
SELECT substr(name, 1, 120) || '-admin',
    json_object('name', substr(name, 1, 120) || '-admin', 'who', name, 'role', 'admin',
        'made', made, 'by', 'admin')
FROM person WHERE TRUE ON CONFLICT DO NOTHING;
DROP TABLE person;
