-- name: get
-- One version that was not deleted, with its training's status.
SELECT m.*, j.status AS job_status, j.phase AS job_phase, j.error_message AS job_error
FROM digital_twin_models AS m
LEFT JOIN training_jobs AS j ON j.tenant_id = m.tenant_id AND j.job_id = m.job_id
WHERE m.model_id = %(model_id)s AND m.deleted_at IS NULL;

-- name: list
-- Versions, newest first, from the cursor on.
SELECT m.*, j.status AS job_status, j.phase AS job_phase, j.error_message AS job_error
FROM digital_twin_models AS m
LEFT JOIN training_jobs AS j ON j.tenant_id = m.tenant_id AND j.job_id = m.job_id
WHERE m.deleted_at IS NULL
  AND (%(name)s::text IS NULL OR m.model_name = %(name)s::text)
  AND (%(brand)s::text IS NULL OR lower(m.brand) = lower(%(brand)s::text))
  AND (%(twin_type)s::text IS NULL OR m.twin_type::text = %(twin_type)s::text)
  AND (%(active)s::boolean IS NULL OR m.is_active = %(active)s::boolean)
  AND (%(after_time)s::timestamptz IS NULL OR (m.created_at, m.model_id) < (%(after_time)s::timestamptz, %(after_id)s::uuid))
ORDER BY m.created_at DESC, m.model_id DESC
LIMIT %(limit)s;

-- name: active_names
-- The brands and names of active twins, for candidates.
SELECT DISTINCT brand, model_name FROM digital_twin_models WHERE is_active AND deleted_at IS NULL ORDER BY brand, model_name LIMIT 100;

-- name: delete
-- Hide a version; its simulations and validations stay.
UPDATE digital_twin_models
SET deleted_at = clock_timestamp(), is_active = false, deactivation_date = clock_timestamp(),
    deactivation_reason = %(reason)s, updated_at = clock_timestamp()
WHERE model_id = %(model_id)s AND deleted_at IS NULL
RETURNING model_id::text;

-- name: record_fidelity
-- What the last check found.
UPDATE digital_twin_models
SET fidelity_score = %(score)s, fidelity_sample_count = %(count)s, fidelity = %(found)s, last_fidelity_update = clock_timestamp(),
    updated_at = clock_timestamp()
WHERE model_id = %(model_id)s AND deleted_at IS NULL
RETURNING model_id::text;

-- name: record_run
-- Where the experiment log has the training, or why it has not.
UPDATE digital_twin_models
SET mlflow_run_id = coalesce(%(run_id)s, mlflow_run_id), mlflow_model_uri = coalesce(%(uri)s, mlflow_model_uri),
    mlflow_pending = %(pending)s, updated_at = clock_timestamp()
WHERE model_id = %(model_id)s;

-- name: activate
-- Make a trained version the active one.
UPDATE digital_twin_models
SET is_active = true, activation_date = clock_timestamp(), deactivation_date = NULL, deactivation_reason = NULL,
    updated_at = clock_timestamp()
WHERE model_id = %(model_id)s AND deleted_at IS NULL AND bundle_digest IS NOT NULL
RETURNING model_id::text;
