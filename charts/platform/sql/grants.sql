-- What the application may do in the engine's database; run by an administrator, in `aroti`, as often as one likes.
--
-- Rows, and nothing else: no table is made, altered, emptied or dropped by whoever is `aroti_app`, no trigger switched
-- off, no role given anything. What migrations will make is covered by the default privileges.
\set ON_ERROR_STOP on

GRANT CONNECT ON DATABASE aroti TO aroti_app;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO aroti_owner;
GRANT USAGE ON SCHEMA public TO aroti_app;

ALTER DEFAULT PRIVILEGES FOR ROLE aroti_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO aroti_app;
ALTER DEFAULT PRIVILEGES FOR ROLE aroti_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO aroti_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO aroti_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO aroti_app;

-- The trail only grows: a trigger sees to it from the first row on, and once this has run the role may not even try.
SELECT 'REVOKE UPDATE, DELETE ON audit FROM aroti_app' WHERE to_regclass('public.audit') IS NOT NULL \gexec
-- Which migrations have been applied is said by migrations.
SELECT 'REVOKE INSERT, UPDATE, DELETE ON seaql_migrations FROM aroti_app'
    WHERE to_regclass('public.seaql_migrations') IS NOT NULL \gexec
