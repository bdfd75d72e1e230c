-- What proves that a logic environment of the site has written its address, and not somebody else.
ALTER TABLE lease ADD COLUMN proof TEXT NOT NULL DEFAULT '';
