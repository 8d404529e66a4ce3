ALTER TABLE twin_fidelity_tracking DROP COLUMN simulated_std_error, DROP COLUMN actual_std_error, DROP COLUMN outcome_sd;
DROP INDEX twin_simulations_cache;
ALTER TABLE twin_simulations DROP COLUMN cache_key, DROP COLUMN request, DROP COLUMN result;
ALTER TABLE digital_twin_models
    DROP COLUMN bundle_digest, DROP COLUMN warnings, DROP COLUMN figures, DROP COLUMN fidelity, DROP COLUMN mlflow_pending;
ALTER TABLE training_jobs DROP COLUMN model_id, DROP COLUMN brand;
