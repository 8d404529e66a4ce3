CREATE OR REPLACE FUNCTION calculate_fidelity_grade(prediction_error double precision) RETURNS fidelity_grade
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
DROP TABLE message_failures;
COMMENT ON COLUMN ml_experiments.results IS NULL;
ALTER TABLE training_jobs DROP COLUMN retries;
