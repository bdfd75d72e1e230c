-- The catalogue: releases, and their files in parts of 128 KiB, each file once.
CREATE TABLE release (
    digest TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    manifest TEXT NOT NULL,
    content TEXT NOT NULL,
    pushed_by TEXT NOT NULL,
    pushed_at TEXT NOT NULL,
    UNIQUE (kind, version)
);
CREATE TABLE release_file (
    sha256 TEXT COLLATE "C" NOT NULL,
    part BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (sha256, part)
);
-- Programs hardly get smaller, and reading a part is quicker so.
ALTER TABLE release_file ALTER COLUMN bytes SET STORAGE EXTERNAL;
-- As wide as every other number: it is copied with all the rest.
ALTER TABLE desired_revision ALTER COLUMN one TYPE BIGINT;
