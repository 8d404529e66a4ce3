-- What the service around twins keeps: which file a model is, what a simulation answered, what a validation was judged by.

ALTER TABLE training_jobs
    ADD COLUMN model_id uuid,
    ADD COLUMN brand text;

ALTER TABLE digital_twin_models
    ADD COLUMN bundle_digest text CHECK (bundle_digest ~ '^[0-9a-f]{64}$'),
    ADD COLUMN warnings text[] NOT NULL DEFAULT '{}',
    ADD COLUMN figures jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN fidelity jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN mlflow_pending text;
COMMENT ON COLUMN digital_twin_models.bundle_digest IS 'SHA-256 of the bundle; NULL until its training completed.';
COMMENT ON COLUMN digital_twin_models.fidelity IS 'What the last check found: similarity, accuracy, degradation.';
COMMENT ON COLUMN digital_twin_models.mlflow_pending IS 'Why the training is not in the experiment log; NULL once it is.';

ALTER TABLE twin_simulations
    ADD COLUMN cache_key text,
    ADD COLUMN request jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN result jsonb;
CREATE INDEX twin_simulations_cache ON twin_simulations (tenant_id, model_id, cache_key) WHERE simulation_status = 'completed';

ALTER TABLE twin_fidelity_tracking
    ADD COLUMN simulated_std_error double precision CHECK (simulated_std_error >= 0),
    ADD COLUMN actual_std_error double precision CHECK (actual_std_error >= 0),
    ADD COLUMN outcome_sd double precision CHECK (outcome_sd > 0);
