-- The name of the key that credentials are sealed with. The key itself is never in the store.
CREATE TABLE seal (name TEXT COLLATE "C" NOT NULL PRIMARY KEY, body TEXT NOT NULL);
