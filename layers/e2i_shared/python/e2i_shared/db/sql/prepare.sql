-- Run before every migration by the deploying role. Roles belong to the server, so several databases share them.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'e2i_owner') THEN
        CREATE ROLE e2i_owner NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'e2i_app') THEN
        CREATE ROLE e2i_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'e2i_mlflow') THEN
        CREATE ROLE e2i_mlflow LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
        ALTER ROLE e2i_mlflow SET search_path = mlflow;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

DO $$
BEGIN
    -- Who creates a role is its member without the right to act as it: only a superuser needs no grant.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER) THEN
        EXECUTE format('GRANT e2i_owner, e2i_mlflow TO %I', CURRENT_USER);
    END IF;
    EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO e2i_owner', current_database());
END $$;

CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;
GRANT USAGE, CREATE ON SCHEMA public TO e2i_owner;
GRANT USAGE ON SCHEMA public TO e2i_app;

CREATE SCHEMA IF NOT EXISTS migrations AUTHORIZATION e2i_owner;
GRANT USAGE ON SCHEMA migrations TO e2i_app;
CREATE TABLE IF NOT EXISTS migrations.applied (
    version integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE migrations.applied OWNER TO e2i_owner;
GRANT SELECT ON migrations.applied TO e2i_app;

-- MLflow makes its own tables, in a schema that only its role enters; the role looks there by itself, since a proxy passes no options on.
CREATE SCHEMA IF NOT EXISTS mlflow AUTHORIZATION e2i_mlflow;
