-- Twin models, their simulations, how true they proved, training jobs, and twins of single entities.

CREATE TABLE training_jobs (
    tenant_id uuid NOT NULL,
    job_id uuid NOT NULL DEFAULT new_id(),
    model_name text NOT NULL,
    request jsonb NOT NULL,
    status simulation_status NOT NULL DEFAULT 'pending',
    phase text NOT NULL DEFAULT 'queued',
    percent smallint NOT NULL DEFAULT 0 CHECK (percent BETWEEN 0 AND 100),
    attempts integer NOT NULL DEFAULT 0,
    error_message text,
    requested_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    completed_at timestamptz,
    PRIMARY KEY (tenant_id, job_id)
);
CREATE INDEX training_jobs_newest ON training_jobs (tenant_id, created_at DESC, job_id DESC);
SELECT secure('training_jobs', 'SELECT, INSERT, UPDATE');

CREATE TABLE digital_twin_models (
    tenant_id uuid NOT NULL,
    model_id uuid NOT NULL DEFAULT new_id(),
    model_name text NOT NULL,
    model_description text,
    twin_type twin_type NOT NULL,
    model_version integer NOT NULL DEFAULT 1 CHECK (model_version >= 1),
    job_id uuid,
    mlflow_run_id text,
    mlflow_model_uri text,
    bundle_key text,
    training_config jsonb NOT NULL DEFAULT '{}',
    feature_columns text[] NOT NULL DEFAULT '{}',
    target_columns text[] NOT NULL DEFAULT '{}',
    performance_metrics jsonb NOT NULL DEFAULT '{}',
    fidelity_score double precision CHECK (fidelity_score BETWEEN 0 AND 1),
    fidelity_sample_count integer NOT NULL DEFAULT 0 CHECK (fidelity_sample_count >= 0),
    last_fidelity_update timestamptz,
    is_active boolean NOT NULL DEFAULT false,
    activation_date timestamptz,
    deactivation_date timestamptz,
    deactivation_reason text,
    brand text NOT NULL,
    geographic_scope text,
    created_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    PRIMARY KEY (tenant_id, model_id),
    UNIQUE (tenant_id, model_name, brand, model_version),
    FOREIGN KEY (tenant_id, job_id) REFERENCES training_jobs (tenant_id, job_id)
);
CREATE UNIQUE INDEX digital_twin_models_one_active ON digital_twin_models (tenant_id, model_name, brand) WHERE is_active;
CREATE INDEX digital_twin_models_newest ON digital_twin_models (tenant_id, created_at DESC, model_id DESC) WHERE deleted_at IS NULL;
SELECT secure('digital_twin_models', 'SELECT, INSERT, UPDATE');

CREATE TABLE twin_simulations (
    tenant_id uuid NOT NULL,
    simulation_id uuid NOT NULL DEFAULT new_id(),
    model_id uuid NOT NULL,
    experiment_design_id uuid,
    intervention_type text NOT NULL,
    intervention_config jsonb NOT NULL DEFAULT '{}',
    target_population text,
    population_filters jsonb NOT NULL DEFAULT '[]',
    twin_count integer NOT NULL CHECK (twin_count > 0),
    seed bigint,
    simulated_ate double precision,
    simulated_ci_lower double precision,
    simulated_ci_upper double precision,
    simulated_std_error double precision CHECK (simulated_std_error >= 0),
    effect_heterogeneity jsonb NOT NULL DEFAULT '{}',
    simulation_status simulation_status NOT NULL DEFAULT 'pending',
    recommendation simulation_recommendation,
    recommendation_rationale text,
    recommended_sample_size integer CHECK (recommended_sample_size > 0),
    recommended_duration_weeks integer CHECK (recommended_duration_weeks > 0),
    simulation_confidence double precision CHECK (simulation_confidence BETWEEN 0 AND 1),
    fidelity_warning boolean NOT NULL DEFAULT false,
    fidelity_warning_reason text,
    execution_time_ms double precision,
    memory_usage_mb double precision,
    brand text,
    error_message text,
    requested_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    completed_at timestamptz,
    PRIMARY KEY (tenant_id, simulation_id),
    FOREIGN KEY (tenant_id, model_id) REFERENCES digital_twin_models (tenant_id, model_id),
    FOREIGN KEY (tenant_id, experiment_design_id) REFERENCES ml_experiments (tenant_id, experiment_id),
    CHECK (simulated_ci_lower <= simulated_ci_upper)
);
CREATE INDEX twin_simulations_newest ON twin_simulations (tenant_id, created_at DESC, simulation_id DESC);
CREATE INDEX twin_simulations_model ON twin_simulations (tenant_id, model_id, created_at DESC);
SELECT secure('twin_simulations', 'SELECT, INSERT, UPDATE');

CREATE TABLE twin_fidelity_tracking (
    tenant_id uuid NOT NULL,
    tracking_id uuid NOT NULL DEFAULT new_id(),
    simulation_id uuid NOT NULL,
    actual_experiment_id uuid,
    simulated_ate double precision NOT NULL,
    simulated_ci_lower double precision,
    simulated_ci_upper double precision,
    actual_ate double precision,
    actual_ci_lower double precision,
    actual_ci_upper double precision,
    actual_sample_size integer CHECK (actual_sample_size > 0),
    prediction_error double precision,
    absolute_error double precision CHECK (absolute_error >= 0),
    ci_coverage boolean,
    fidelity_grade fidelity_grade NOT NULL DEFAULT 'unvalidated',
    validation_notes text,
    confounding_factors jsonb NOT NULL DEFAULT '[]',
    validated_by text,
    validated_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, tracking_id),
    FOREIGN KEY (tenant_id, simulation_id) REFERENCES twin_simulations (tenant_id, simulation_id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, actual_experiment_id) REFERENCES ml_experiments (tenant_id, experiment_id)
);
COMMENT ON COLUMN twin_fidelity_tracking.prediction_error IS '(simulated - actual) / |actual|: relative and signed; absolute_error is in outcome units.';
CREATE INDEX twin_fidelity_tracking_simulation ON twin_fidelity_tracking (tenant_id, simulation_id);
SELECT secure('twin_fidelity_tracking', 'SELECT, INSERT, UPDATE');

CREATE FUNCTION calculate_fidelity_grade(prediction_error double precision) RETURNS fidelity_grade
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN prediction_error IS NULL OR prediction_error = 'NaN' THEN 'unvalidated'
        WHEN abs(prediction_error) < 0.10 THEN 'excellent'
        WHEN abs(prediction_error) < 0.20 THEN 'good'
        WHEN abs(prediction_error) < 0.35 THEN 'fair'
        ELSE 'poor'
    END::fidelity_grade
$$;
COMMENT ON FUNCTION calculate_fidelity_grade(double precision) IS
    'Grade of a relative error: excellent < 10%, good < 20%, fair < 35%, poor above, unvalidated when nothing real is known.';
GRANT EXECUTE ON FUNCTION calculate_fidelity_grade(double precision) TO e2i_app;

CREATE TABLE entity_twins (
    tenant_id uuid NOT NULL,
    entity_twin_id uuid NOT NULL DEFAULT new_id(),
    model_id uuid,
    twin_type twin_type NOT NULL,
    entity_token text NOT NULL,
    current_version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    PRIMARY KEY (tenant_id, entity_twin_id),
    UNIQUE (tenant_id, twin_type, entity_token),
    FOREIGN KEY (tenant_id, model_id) REFERENCES digital_twin_models (tenant_id, model_id)
);
COMMENT ON COLUMN entity_twins.entity_token IS 'A random token, never an identifier of the person.';
SELECT secure('entity_twins', 'SELECT, INSERT, UPDATE');

CREATE TABLE entity_twin_versions (
    tenant_id uuid NOT NULL,
    entity_twin_id uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    event_id text,
    event jsonb NOT NULL DEFAULT '{}',
    state jsonb NOT NULL,
    predictions jsonb NOT NULL DEFAULT '{}',
    valid_from timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, entity_twin_id, version),
    UNIQUE (tenant_id, entity_twin_id, event_id),
    FOREIGN KEY (tenant_id, entity_twin_id) REFERENCES entity_twins (tenant_id, entity_twin_id) ON DELETE CASCADE
);
SELECT secure('entity_twin_versions', 'SELECT, INSERT');

CREATE VIEW v_active_twin_models WITH (security_invoker = true) AS
SELECT
    m.tenant_id, m.model_id, m.model_name, m.twin_type, m.model_version, m.brand, m.geographic_scope, m.fidelity_score,
    m.fidelity_sample_count, m.last_fidelity_update, m.activation_date, m.performance_metrics,
    s.simulations, s.last_simulated_at
FROM digital_twin_models AS m
CROSS JOIN LATERAL (
    SELECT count(*) AS simulations, max(t.created_at) AS last_simulated_at
    FROM twin_simulations AS t
    WHERE t.tenant_id = m.tenant_id AND t.model_id = m.model_id
) AS s
WHERE m.is_active AND m.deleted_at IS NULL;
GRANT SELECT ON v_active_twin_models TO e2i_app;

CREATE VIEW v_simulation_summary WITH (security_invoker = true) AS
SELECT
    s.tenant_id, s.simulation_id, s.model_id, m.model_name, m.model_version, m.twin_type, s.brand, s.intervention_type, s.twin_count,
    s.simulation_status, s.simulated_ate, s.simulated_ci_lower, s.simulated_ci_upper, s.recommendation, s.simulation_confidence,
    s.fidelity_warning, s.recommended_sample_size, s.recommended_duration_weeks, s.execution_time_ms, s.created_at, s.completed_at,
    f.actual_ate, f.fidelity_grade
FROM twin_simulations AS s
JOIN digital_twin_models AS m ON m.tenant_id = s.tenant_id AND m.model_id = s.model_id
LEFT JOIN LATERAL (
    SELECT t.actual_ate, t.fidelity_grade
    FROM twin_fidelity_tracking AS t
    WHERE t.tenant_id = s.tenant_id AND t.simulation_id = s.simulation_id
    ORDER BY t.created_at DESC
    LIMIT 1
) AS f ON true;
GRANT SELECT ON v_simulation_summary TO e2i_app;

CREATE VIEW v_model_fidelity_history WITH (security_invoker = true) AS
SELECT
    f.tenant_id, s.model_id, m.model_name, m.model_version, f.tracking_id, f.simulation_id, f.actual_experiment_id, f.simulated_ate,
    f.actual_ate, f.prediction_error, f.absolute_error, f.ci_coverage, f.fidelity_grade, f.validated_at,
    avg(abs(f.prediction_error)) OVER history AS mean_error_so_far,
    avg(f.ci_coverage::integer) OVER history AS coverage_so_far
FROM twin_fidelity_tracking AS f
JOIN twin_simulations AS s ON s.tenant_id = f.tenant_id AND s.simulation_id = f.simulation_id
JOIN digital_twin_models AS m ON m.tenant_id = s.tenant_id AND m.model_id = s.model_id
WINDOW history AS (PARTITION BY f.tenant_id, s.model_id ORDER BY f.validated_at, f.tracking_id);
GRANT SELECT ON v_model_fidelity_history TO e2i_app;

CREATE VIEW v_fidelity_degradation_alerts WITH (security_invoker = true) AS
SELECT
    d.*,
    CASE WHEN d.ratio >= 1.5 THEN 'CRITICAL' WHEN d.ratio >= 1.25 THEN 'WARNING' ELSE 'LISTED' END AS severity
FROM (
    SELECT
        h.tenant_id, h.model_id, h.model_name, h.recent_error, h.past_error, h.recent_validations, h.past_validations,
        CASE WHEN h.past_error > 0 THEN h.recent_error / h.past_error WHEN h.recent_error > 0 THEN 'Infinity' END AS ratio
    FROM (
        SELECT
            tenant_id, model_id, model_name,
            avg(abs(prediction_error)) FILTER (WHERE validated_at >= now() - interval '30 days') AS recent_error,
            avg(abs(prediction_error)) FILTER (WHERE validated_at < now() - interval '30 days') AS past_error,
            count(*) FILTER (WHERE validated_at >= now() - interval '30 days') AS recent_validations,
            count(*) FILTER (WHERE validated_at < now() - interval '30 days') AS past_validations
        FROM v_model_fidelity_history
        WHERE validated_at >= now() - interval '180 days' AND prediction_error IS NOT NULL
        GROUP BY tenant_id, model_id, model_name
    ) AS h
) AS d
WHERE d.ratio >= 1.1;
COMMENT ON VIEW v_fidelity_degradation_alerts IS 'Mean relative error of the last 30 days against the 150 days before.';
GRANT SELECT ON v_fidelity_degradation_alerts TO e2i_app;
