-- name: insert
-- A simulation that was asked for.
INSERT INTO twin_simulations (
    tenant_id, simulation_id, model_id, intervention_type, intervention_config, target_population, population_filters, twin_count, seed, brand,
    request, cache_key, requested_by
)
VALUES (
    require_tenant(), %(simulation_id)s, %(model_id)s, %(intervention_type)s, %(config)s, %(target)s, %(filters)s, %(twin_count)s, %(seed)s, %(brand)s,
    %(request)s, %(cache_key)s, %(user)s
);

-- name: cached
-- The completed simulation of the same question to the same model, seed and history.
SELECT s.*, NULL::text AS fidelity_grade FROM twin_simulations AS s
WHERE s.model_id = %(model_id)s AND s.cache_key = %(cache_key)s AND s.simulation_status = 'completed'
ORDER BY s.created_at DESC
LIMIT 1;

-- name: get
-- One simulation with the grade of its newest validation.
SELECT s.*, f.fidelity_grade::text AS fidelity_grade
FROM twin_simulations AS s
LEFT JOIN LATERAL (
    SELECT t.fidelity_grade FROM twin_fidelity_tracking AS t
    WHERE t.tenant_id = s.tenant_id AND t.simulation_id = s.simulation_id
    ORDER BY t.created_at DESC
    LIMIT 1
) AS f ON true
WHERE s.simulation_id = %(simulation_id)s;

-- name: list
-- Simulations, newest first, from the cursor on; without what only one in full shows.
SELECT
    s.simulation_id, s.model_id, s.brand, s.intervention_type, s.intervention_config, s.target_population, s.population_filters,
    s.simulation_status, s.twin_count, s.seed, s.simulated_ate, s.simulated_ci_lower, s.simulated_ci_upper, s.simulated_std_error,
    s.recommendation, s.execution_time_ms, s.error_message, s.created_at, s.request, NULL::jsonb AS result,
    f.fidelity_grade::text AS fidelity_grade
FROM twin_simulations AS s
LEFT JOIN LATERAL (
    SELECT t.fidelity_grade FROM twin_fidelity_tracking AS t
    WHERE t.tenant_id = s.tenant_id AND t.simulation_id = s.simulation_id
    ORDER BY t.created_at DESC
    LIMIT 1
) AS f ON true
WHERE (%(model_id)s::uuid IS NULL OR s.model_id = %(model_id)s::uuid)
  AND (%(brand)s::text IS NULL OR lower(s.brand) = lower(%(brand)s::text))
  AND (%(status)s::text IS NULL OR s.simulation_status::text = %(status)s::text)
  AND (%(after_time)s::timestamptz IS NULL OR (s.created_at, s.simulation_id) < (%(after_time)s::timestamptz, %(after_id)s::uuid))
ORDER BY s.created_at DESC, s.simulation_id DESC
LIMIT %(limit)s;

-- name: begin
-- Work on a simulation begins; one that has ended stays as it is.
UPDATE twin_simulations
SET simulation_status = 'running', started_at = coalesce(started_at, clock_timestamp())
WHERE simulation_id = %(simulation_id)s AND simulation_status IN ('pending', 'running')
RETURNING simulation_id::text;

-- name: complete
-- Keep a result, unless its twin was deleted meanwhile.
UPDATE twin_simulations AS s
SET simulation_status = 'completed', simulated_ate = %(ate)s, simulated_ci_lower = %(lower)s, simulated_ci_upper = %(upper)s,
    simulated_std_error = %(std_error)s, effect_heterogeneity = %(heterogeneity)s, recommendation = %(recommendation)s::simulation_recommendation,
    recommendation_rationale = %(rationale)s, recommended_sample_size = %(sample_size)s, recommended_duration_weeks = %(weeks)s,
    simulation_confidence = %(confidence)s, fidelity_warning = %(warning)s, fidelity_warning_reason = %(reason)s,
    execution_time_ms = %(elapsed)s, result = %(result)s, completed_at = clock_timestamp(),
    started_at = coalesce(started_at, clock_timestamp())
WHERE s.simulation_id = %(simulation_id)s AND s.simulation_status IN ('pending', 'running')
  AND EXISTS (
      SELECT FROM digital_twin_models AS m
      WHERE m.tenant_id = s.tenant_id AND m.model_id = s.model_id AND m.deleted_at IS NULL)
RETURNING s.model_id::text;

-- name: fail
-- The simulation could not be done.
UPDATE twin_simulations
SET simulation_status = 'failed', error_message = %(error)s, completed_at = clock_timestamp()
WHERE simulation_id = %(simulation_id)s AND simulation_status IN ('pending', 'running')
RETURNING model_id::text;

-- name: validate
-- What came true of a prediction.
INSERT INTO twin_fidelity_tracking (
    tenant_id, simulation_id, actual_experiment_id, simulated_ate, simulated_ci_lower, simulated_ci_upper, simulated_std_error,
    actual_ate, actual_ci_lower, actual_ci_upper, actual_std_error, actual_sample_size, prediction_error, absolute_error, ci_coverage,
    fidelity_grade, outcome_sd, validation_notes, confounding_factors, validated_by, validated_at
)
SELECT
    s.tenant_id, s.simulation_id, %(experiment_id)s::uuid, s.simulated_ate, s.simulated_ci_lower, s.simulated_ci_upper, s.simulated_std_error,
    %(actual)s, %(lower)s, %(upper)s, %(actual_se)s, %(sample_size)s, %(relative)s, %(absolute)s, %(covered)s,
    %(grade)s::fidelity_grade, %(sd)s, %(notes)s, %(factors)s, %(user)s, clock_timestamp()
FROM twin_simulations AS s
WHERE s.simulation_id = %(simulation_id)s AND s.simulation_status = 'completed'
RETURNING *, (SELECT t.model_id::text FROM twin_simulations AS t WHERE t.simulation_id = %(simulation_id)s) AS model_id;

-- name: experiment
-- What an experiment is about and what its analysis found.
SELECT status::text AS status, primary_outcome, results -> 'primary' AS result
FROM ml_experiments
WHERE experiment_id = %(experiment_id)s::uuid AND deleted_at IS NULL;

-- name: validations
-- What came true of all versions of a twin, oldest first.
SELECT f.*, s.model_id::text AS model_id
FROM twin_fidelity_tracking AS f
JOIN twin_simulations AS s ON s.tenant_id = f.tenant_id AND s.simulation_id = f.simulation_id
JOIN digital_twin_models AS m ON m.tenant_id = s.tenant_id AND m.model_id = s.model_id
JOIN digital_twin_models AS asked ON asked.model_id = %(model_id)s::uuid
WHERE m.model_name = asked.model_name AND m.brand = asked.brand AND f.outcome_sd IS NOT NULL AND f.validated_at IS NOT NULL
ORDER BY f.validated_at, f.tracking_id;
