-- What feeds, reaches, cools or contains what.
CREATE TABLE relation (name TEXT COLLATE "C" NOT NULL PRIMARY KEY, body TEXT NOT NULL);
-- The rules by which alarms are raised, without those that come with utakata.
CREATE TABLE alarm_rule (name TEXT COLLATE "C" NOT NULL PRIMARY KEY, body TEXT NOT NULL);
-- One rule on one series, with its alarm if there is one.
CREATE TABLE alarm (key TEXT COLLATE "C" NOT NULL PRIMARY KEY, body TEXT NOT NULL);
-- The changes of alarms, of which each has the next number.
CREATE TABLE alarm_change (number BIGINT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
-- The last change that each channel out has told.
CREATE TABLE alarm_told (channel TEXT COLLATE "C" NOT NULL PRIMARY KEY, number BIGINT NOT NULL);
