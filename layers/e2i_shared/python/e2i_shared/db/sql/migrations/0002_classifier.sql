-- Every classified question with the result of each stage, and the judgement users gave.

CREATE TABLE classification_logs (
    tenant_id uuid NOT NULL,
    classification_id uuid NOT NULL DEFAULT new_id(),
    query_text text NOT NULL,
    query_hash text NOT NULL,
    routing_pattern routing_pattern NOT NULL,
    target_agents text[] NOT NULL DEFAULT '{}',
    confidence double precision NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    features_extracted jsonb NOT NULL DEFAULT '{}',
    domain_mapping jsonb NOT NULL DEFAULT '[]',
    dependency_analysis jsonb NOT NULL DEFAULT '{}',
    sub_questions jsonb NOT NULL DEFAULT '[]',
    dependencies jsonb NOT NULL DEFAULT '[]',
    used_llm_layer boolean NOT NULL DEFAULT false,
    classification_latency_ms double precision,
    stage_latency_ms jsonb NOT NULL DEFAULT '{}',
    session_id text,
    user_id text,
    is_followup boolean NOT NULL DEFAULT false,
    was_correct boolean,
    correct_pattern routing_pattern,
    feedback_notes text,
    feedback_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, classification_id)
);
COMMENT ON COLUMN classification_logs.dependency_analysis IS 'What stages 3 and 4 say beside the edges: reason and clarification.';
CREATE INDEX classification_logs_hash ON classification_logs (tenant_id, query_hash, created_at DESC);
CREATE INDEX classification_logs_session ON classification_logs (tenant_id, session_id, created_at DESC) WHERE session_id IS NOT NULL;
SELECT secure('classification_logs', 'SELECT, INSERT, UPDATE');

CREATE VIEW v_classification_accuracy WITH (security_invoker = true) AS
SELECT
    tenant_id,
    routing_pattern,
    count(*) AS classified,
    count(was_correct) AS judged,
    count(*) FILTER (WHERE was_correct) AS correct,
    count(*) FILTER (WHERE was_correct)::double precision / NULLIF(count(was_correct), 0) AS accuracy
FROM classification_logs
GROUP BY tenant_id, routing_pattern;
GRANT SELECT ON v_classification_accuracy TO e2i_app;
