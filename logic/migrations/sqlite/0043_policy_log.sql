-- The states of policies as they changed: with history, decisions can be computed again.
CREATE TABLE policy_log (
    instance TEXT NOT NULL,
    at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (instance, at)
);
