-- What devices said unasked, folded: one row for each event of a source.
CREATE TABLE notification (
    zone TEXT NOT NULL,
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    last INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (zone, source, key)
) WITHOUT ROWID;
CREATE INDEX notification_last ON notification (last);
