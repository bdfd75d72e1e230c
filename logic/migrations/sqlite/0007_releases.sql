-- The catalogue: releases, and their files in parts of 128 KiB, each file once.
CREATE TABLE release (
    digest TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    version TEXT NOT NULL,
    manifest TEXT NOT NULL,
    content TEXT NOT NULL,
    pushed_by TEXT NOT NULL,
    pushed_at TEXT NOT NULL,
    UNIQUE (kind, version)
);
CREATE TABLE release_file (
    sha256 TEXT NOT NULL,
    part INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (sha256, part)
);
