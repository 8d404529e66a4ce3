-- name: lock_name
-- Two trainings of the same name and brand number their versions one after the other.
SELECT pg_advisory_xact_lock(hashtextextended('twin:' || require_tenant() || ':' || %(name)s || ':' || %(brand)s, 0));

-- name: insert
-- A training that was asked for.
INSERT INTO training_jobs (tenant_id, job_id, model_name, brand, model_id, request, requested_by)
VALUES (require_tenant(), %(job_id)s, %(name)s, %(brand)s, %(model_id)s, %(request)s, %(user)s)
RETURNING *;

-- name: insert_model
-- The next version of the twin, not active and without a file until its training completes.
INSERT INTO digital_twin_models (
    tenant_id, model_id, model_name, model_description, twin_type, model_version, job_id, training_config, target_columns, brand,
    geographic_scope, created_by, feature_columns
)
SELECT
    require_tenant(), %(model_id)s, %(name)s, %(description)s, %(twin_type)s::twin_type, coalesce(max(m.model_version), 0) + 1, %(job_id)s,
    %(request)s, ARRAY[%(outcome)s], %(brand)s, %(scope)s, %(user)s, %(features)s::text[]
FROM digital_twin_models AS m
WHERE m.model_name = %(name)s AND m.brand = %(brand)s
RETURNING model_version;

-- name: get
-- One job.
SELECT * FROM training_jobs WHERE job_id = %(job_id)s;

-- name: begin
-- An attempt begins; a job that has ended stays as it is.
UPDATE training_jobs
SET status = 'running', phase = 'read', percent = 0, attempts = attempts + 1, started_at = coalesce(started_at, clock_timestamp()),
    updated_at = clock_timestamp()
WHERE job_id = %(job_id)s AND status IN ('pending', 'running')
RETURNING *;

-- name: progress
-- How far it is.
UPDATE training_jobs
SET phase = %(phase)s, percent = %(percent)s, updated_at = clock_timestamp()
WHERE job_id = %(job_id)s AND status = 'running';

-- name: end_job
-- The one end of a job.
UPDATE training_jobs
SET status = %(status)s::simulation_status, phase = %(phase)s, percent = CASE WHEN %(status)s = 'completed' THEN 100 ELSE percent END,
    error_message = %(error)s, completed_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE job_id = %(job_id)s AND status IN ('pending', 'running')
RETURNING *;

-- name: lock_name_of
-- Two versions of the same name and brand are made active one after the other.
SELECT pg_advisory_xact_lock(hashtextextended('twin:' || m.tenant_id || ':' || m.model_name || ':' || m.brand, 0))
FROM digital_twin_models AS m WHERE m.model_id = %(model_id)s;

-- name: newer_in_use
-- The version that is active although it was asked for later.
SELECT newer.model_version FROM digital_twin_models AS newer
JOIN digital_twin_models AS m ON newer.model_name = m.model_name AND newer.brand = m.brand AND newer.model_version > m.model_version
WHERE m.model_id = %(model_id)s AND newer.is_active
LIMIT 1;

-- name: deactivate_others
-- At most one version of a name and brand is active.
UPDATE digital_twin_models AS old
SET is_active = false, deactivation_date = clock_timestamp(), deactivation_reason = %(reason)s, updated_at = clock_timestamp()
FROM digital_twin_models AS new
WHERE new.model_id = %(model_id)s AND old.model_name = new.model_name AND old.brand = new.brand
  AND old.model_id <> new.model_id AND old.is_active;

-- name: keep_model
-- What the training found; active from now on, unless it was deleted meanwhile or is to be compared first.
UPDATE digital_twin_models
SET bundle_key = %(bundle_key)s, bundle_digest = %(bundle_digest)s, feature_columns = %(features)s::text[],
    performance_metrics = %(metrics)s, figures = %(figures)s, warnings = %(warnings)s::text[], fidelity_score = %(fidelity_score)s,
    mlflow_pending = %(mlflow_pending)s, is_active = %(active)s AND deleted_at IS NULL, deactivation_reason = %(reason)s,
    activation_date = CASE WHEN %(active)s THEN clock_timestamp() END, updated_at = clock_timestamp()
WHERE model_id = %(model_id)s;

-- name: retry
-- A failed job is asked for again: it waits as if it were new.
UPDATE training_jobs AS j
SET status = 'pending', phase = 'queued', percent = 0, attempts = 0, retries = retries + 1, error_message = NULL, started_at = NULL,
    completed_at = NULL, updated_at = clock_timestamp()
WHERE j.job_id = %(job_id)s AND j.status = 'failed' AND j.phase = 'failed'
  AND EXISTS (SELECT FROM digital_twin_models AS m WHERE m.model_id = j.model_id AND m.deleted_at IS NULL)
RETURNING *;

-- name: unlogged
-- Trainings that are not in the experiment log, and why; those trained just now are being logged.
SELECT m.job_id::text AS job_id FROM digital_twin_models AS m
WHERE m.mlflow_pending IS NOT NULL AND m.bundle_digest IS NOT NULL AND m.deleted_at IS NULL AND m.job_id IS NOT NULL
  AND (%(except)s::text IS NULL OR m.mlflow_pending <> %(except)s::text)
  AND m.updated_at <= clock_timestamp() - make_interval(secs => %(settled)s)
ORDER BY m.created_at, m.model_id
LIMIT 1000;

-- name: asked
-- When somebody asked for trainings of a twin in the last 30 days.
SELECT created_at FROM training_jobs
WHERE model_name = %(name)s AND brand = %(brand)s AND requested_by = %(user)s AND created_at > now() - interval '30 days'
ORDER BY created_at;
