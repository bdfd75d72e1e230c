-- The role and the database of utakata. Once, as a superuser:
--   psql -v ON_ERROR_STOP=1 -f setup.sql
-- then the password, which is asked for and stands in no history:
--   psql -c '\password utakata'
-- The tables are made by the first `utakata le` that comes, and brought forward by newer ones.

-- It owns its database, and may do nothing else. Each logic environment takes 8 connections at
-- the most; two for a moment while one is replaced, and some for people.
CREATE ROLE utakata LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 60;

CREATE DATABASE utakata OWNER utakata TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE utakata FROM PUBLIC;

-- "Accepted" means on disk: never off, whatever the server's default is.
ALTER DATABASE utakata SET synchronous_commit = 'on';
-- A logic environment that hangs holds up no other one.
ALTER DATABASE utakata SET idle_in_transaction_session_timeout = '30s';

\connect utakata
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO utakata;
