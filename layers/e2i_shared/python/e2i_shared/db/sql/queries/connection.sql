-- name: begin
-- Bind the transaction to one tenant and bound each statement's time; both end with the transaction.
SELECT set_config('app.tenant_id', {tenant_id}, true), set_config('statement_timeout', {timeout}, true);

-- name: ping
-- Does the server answer, and with which schema.
SELECT COALESCE(max(version), 0) AS version FROM migrations.applied;

-- name: active_tenants
-- The tenants that a background job loops over.
SELECT active_tenants()::text AS tenant_id;
