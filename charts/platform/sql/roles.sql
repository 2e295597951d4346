-- Who there is, and which databases; run by an administrator, in the database `postgres`, as often as one likes.
--
--   aroti_owner   owns the schema of the engine; migrations alone are it
--   aroti_app     reads and writes rows; what the API and the workers are
--   aroti_backup  reads everything and follows the log; what backups are
--   keycloak, temporal   own their databases, and see no other
--
-- Passwords come by the environment and are set anew each time, so that running this is how they are rotated.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
\getenv backup_password BACKUP_PASSWORD
\getenv keycloak_password KEYCLOAK_PASSWORD
\getenv temporal_password TEMPORAL_PASSWORD
\getenv keycloak_database KEYCLOAK_DATABASE
\getenv temporal_database TEMPORAL_DATABASE
\getenv temporal_visibility_database TEMPORAL_VISIBILITY_DATABASE

-- The log of statements must not keep the passwords. Only a superuser says what is logged; who is none, on a managed
-- service, looks at its settings.
SELECT format('SET %I = %L', name, value)
    FROM (VALUES ('log_statement', 'none'), ('log_min_duration_statement', '-1'), ('log_min_error_statement', 'panic')) AS quiet (name, value)
    WHERE (SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER) \gexec
SET password_encryption = 'scram-sha-256';

CREATE TEMPORARY TABLE wanted_role (name text, password text, attributes text);
INSERT INTO wanted_role VALUES
    ('aroti_owner', :'owner_password', 'LOGIN NOCREATEDB NOCREATEROLE'),
    ('aroti_app', :'app_password', 'LOGIN NOCREATEDB NOCREATEROLE'),
    ('aroti_backup', :'backup_password', 'LOGIN NOCREATEDB NOCREATEROLE'),
    ('keycloak', :'keycloak_password', 'LOGIN NOCREATEDB NOCREATEROLE'),
    ('temporal', :'temporal_password', 'LOGIN NOCREATEDB NOCREATEROLE');
SELECT format('CREATE ROLE %I', name) FROM wanted_role
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
SELECT format('ALTER ROLE %I WITH %s PASSWORD %L', name, attributes, password) FROM wanted_role \gexec

-- Whoever is no superuser must belong to the owners to give them something.
SELECT format('GRANT %I TO CURRENT_USER', name) FROM wanted_role
    WHERE name <> 'aroti_backup' AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER) \gexec

DO $$
BEGIN
    GRANT pg_read_all_data TO aroti_backup;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'aroti_backup cannot be given pg_read_all_data by %: have an administrator do it', CURRENT_USER;
END $$;
-- A managed service has a way of its own to follow the log, and its administrator may not give this away.
SELECT 'ALTER ROLE aroti_backup REPLICATION' WHERE (SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER) \gexec

CREATE TEMPORARY TABLE wanted_database (name text, owner text);
INSERT INTO wanted_database VALUES
    ('aroti', 'aroti_owner'),
    (:'keycloak_database', 'keycloak'),
    (:'temporal_database', 'temporal'),
    (:'temporal_visibility_database', 'temporal');
SELECT format('CREATE DATABASE %I OWNER %I', name, owner) FROM wanted_database
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec
-- By default everybody may connect to every database.
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', name) FROM wanted_database \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO aroti_backup', name) FROM wanted_database \gexec
