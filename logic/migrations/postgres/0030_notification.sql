-- What devices said unasked, folded: one row for each event of a source.
CREATE TABLE notification (
    zone TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    last BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (zone, source, key)
);
CREATE INDEX notification_last ON notification (last);
