-- Trainings that are tried again, why a message could not be served, and one rounding of fidelity grades.

ALTER TABLE training_jobs ADD COLUMN retries integer NOT NULL DEFAULT 0 CHECK (retries >= 0);
COMMENT ON COLUMN training_jobs.retries IS 'How often somebody asked for it again after it FAILED; each has an execution of its own.';

COMMENT ON COLUMN ml_experiments.results IS
    'The analysis; "primary" holds the primary outcome''s estimate, std_error, confidence_interval [low, high] at 95% and sample_size.';

CREATE TABLE message_failures (
    tenant_id uuid NOT NULL,
    queue text NOT NULL CHECK (length(queue) BETWEEN 1 AND 200),
    message_id text NOT NULL CHECK (length(message_id) BETWEEN 1 AND 200),
    topic text NOT NULL CHECK (length(topic) <= 200),
    error_type text NOT NULL,
    reason text NOT NULL CHECK (length(reason) <= 1000),
    failures integer NOT NULL DEFAULT 1 CHECK (failures >= 1),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, queue, message_id)
);
COMMENT ON TABLE message_failures IS 'Why a queue''s message could not be served the last time; gone once it was, or was put back.';
SELECT secure('message_failures', 'SELECT, INSERT, UPDATE, DELETE');

-- Errors count to twelve digits, so that 0.1 reached from below by floating-point noise is 0.1. The constants are the doubles at which
-- rounding turns: those below their decimal belong to the better grade themselves.
CREATE OR REPLACE FUNCTION calculate_fidelity_grade(prediction_error double precision) RETURNS fidelity_grade
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN prediction_error IS NULL OR prediction_error = 'NaN' THEN 'unvalidated'
        WHEN abs(prediction_error) < 0.0999999999995::double precision THEN 'excellent'
        WHEN abs(prediction_error) <= 0.1999999999995::double precision THEN 'good'
        WHEN abs(prediction_error) <= 0.3499999999995::double precision THEN 'fair'
        ELSE 'poor'
    END::fidelity_grade
$$;
