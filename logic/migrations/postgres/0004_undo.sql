-- A column, and not a look into the body: PostgreSQL reads no JSON that has a NUL anywhere.
ALTER TABLE operation ADD COLUMN undoes TEXT COLLATE "C";
CREATE INDEX operation_undoes ON operation (undoes) WHERE undoes IS NOT NULL;
