-- Limits on what is done, whoever decides.
CREATE TABLE envelope (name TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
-- Policies, which act by themselves.
CREATE TABLE policy (name TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
-- The permits that limits count, failures, and the time for which a ledger was kept.
CREATE TABLE gate (key TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
-- The mode of each policy, and the state of each of its instances.
CREATE TABLE policy_state (key TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
