-- The lines of a long page of the audit trail, packed (zstd); its body is empty then.
ALTER TABLE audit ADD COLUMN packed BYTEA NOT NULL DEFAULT '';
