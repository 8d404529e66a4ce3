-- name: lock
-- One migrator at a time in this database.
SELECT pg_advisory_lock(hashtext('e2i.migrations'));

-- name: unlock
-- Let the next migrator in.
SELECT pg_advisory_unlock(hashtext('e2i.migrations'));

-- name: become_owner
-- Until the end of the transaction, everything is created by, and belongs to, the owner role.
SET LOCAL ROLE e2i_owner;

-- name: applied
-- What this database has already, in order.
SELECT version, name, checksum FROM migrations.applied ORDER BY version;

-- name: record
-- Remember that a migration ran, with the checksum of its file.
INSERT INTO migrations.applied (version, name, checksum) VALUES (%(version)s, %(name)s, %(checksum)s);

-- name: forget
-- Remember that a migration was rolled back.
DELETE FROM migrations.applied WHERE version = %(version)s;

-- name: version
-- The newest migration of this database.
SELECT COALESCE(max(version), 0) AS version FROM migrations.applied;

-- name: database_exists
-- Whether the server has a database of this name.
SELECT EXISTS (SELECT FROM pg_database WHERE datname = %(name)s) AS found;

-- name: create_tenant
-- A tenant with a given id; a second time changes nothing.
INSERT INTO tenants (tenant_id, name) VALUES (%(tenant_id)s, %(name)s) ON CONFLICT DO NOTHING;

-- name: hold_password
-- Hand a role and its password to the next statement, until the end of the transaction.
SELECT set_config('e2i.role', %(role)s, true), set_config('e2i.password', %(password)s, true);

-- name: set_password
-- Give a role the password just handed over.
DO $$ BEGIN EXECUTE format('ALTER ROLE %I PASSWORD %L', current_setting('e2i.role'), current_setting('e2i.password')); END $$;
