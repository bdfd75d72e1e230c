-- Floors: where the racks of a room are.
CREATE TABLE floor (name TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
