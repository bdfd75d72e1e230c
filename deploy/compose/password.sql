-- The password of the role that setup.sql has made.
\set password `cat /run/secrets/utakata`
ALTER ROLE utakata PASSWORD :'password';
