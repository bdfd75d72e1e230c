-- Which database this is: who works with it finds out when another one is in its place. A copy
-- or a dump that is restored is the same one, at another moment.
CREATE TABLE identity (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    id UUID NOT NULL
);
INSERT INTO identity (one, id) VALUES (1, gen_random_uuid());
