-- name: open
-- The twin of an entity, made when it is new.
INSERT INTO entity_twins (tenant_id, model_id, twin_type, entity_token)
VALUES (require_tenant(), %(model_id)s, %(twin_type)s::twin_type, %(token)s)
ON CONFLICT (tenant_id, twin_type, entity_token) DO UPDATE SET updated_at = clock_timestamp()
RETURNING entity_twin_id::text, model_id::text;

-- name: find
-- The model of an entity's twin, where it has a version.
SELECT e.model_id::text FROM entity_twins AS e
WHERE e.entity_twin_id = %(entity_twin_id)s AND e.deleted_at IS NULL
  AND EXISTS (
      SELECT FROM entity_twin_versions AS v WHERE v.tenant_id = e.tenant_id AND v.entity_twin_id = e.entity_twin_id);

-- name: history
-- All versions, oldest first.
SELECT * FROM entity_twin_versions WHERE entity_twin_id = %(entity_twin_id)s ORDER BY version;

-- name: append
-- A new version; none is ever changed.
INSERT INTO entity_twin_versions (tenant_id, entity_twin_id, version, event_id, event, state, predictions, valid_from)
VALUES (
    require_tenant(), %(entity_twin_id)s, %(version)s, %(event_id)s, %(event)s, %(state)s, %(predictions)s, %(valid_from)s
)
ON CONFLICT DO NOTHING
RETURNING version;

-- name: current
-- Which version is the newest.
UPDATE entity_twins SET current_version = %(version)s, updated_at = clock_timestamp() WHERE entity_twin_id = %(entity_twin_id)s;
