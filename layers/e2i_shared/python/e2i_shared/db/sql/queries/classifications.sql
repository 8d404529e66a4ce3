-- name: save
-- Insert a classification with every stage's result; a second time changes nothing.
INSERT INTO classification_logs (
    tenant_id, classification_id, query_text, query_hash, routing_pattern, target_agents, confidence, features_extracted,
    domain_mapping, dependency_analysis, sub_questions, dependencies, used_llm_layer, classification_latency_ms,
    stage_latency_ms, session_id, user_id, is_followup
)
VALUES (
    require_tenant(), %(classification_id)s, %(query_text)s, %(query_hash)s, %(routing_pattern)s, %(target_agents)s,
    %(confidence)s, %(features_extracted)s, %(domain_mapping)s, %(dependency_analysis)s, %(sub_questions)s, %(dependencies)s,
    %(used_llm_layer)s, %(classification_latency_ms)s, %(stage_latency_ms)s, %(session_id)s, %(user_id)s, %(is_followup)s
)
ON CONFLICT DO NOTHING
-- The reply does not wait for the disk: only a server that dies within a second of it can lose the row, never one that a composition
-- refers to, for whatever commits later takes it along.
RETURNING set_config('synchronous_commit', 'off', true);

-- name: cached
-- The newest classification of the same hash that is young enough.
SELECT * FROM classification_logs
WHERE query_hash = %(query_hash)s AND created_at > clock_timestamp() - make_interval(secs => %(max_age_seconds)s)
ORDER BY created_at DESC
LIMIT 1;

-- name: get
-- One classification with its feedback.
SELECT * FROM classification_logs WHERE classification_id = %(classification_id)s;

-- name: save_feedback
-- Store a judgement; the last one counts.
UPDATE classification_logs
SET was_correct = %(was_correct)s, correct_pattern = %(correct_pattern)s, feedback_notes = %(notes)s,
    feedback_at = clock_timestamp()
WHERE classification_id = %(classification_id)s
RETURNING classification_id;

-- name: judged
-- Classifications with feedback, the last judged first.
SELECT * FROM classification_logs
WHERE was_correct IS NOT NULL
ORDER BY feedback_at DESC, classification_id
LIMIT %(limit)s;

-- name: accuracy
-- Judged routes by pattern.
SELECT routing_pattern, classified, judged, correct, accuracy FROM v_classification_accuracy ORDER BY routing_pattern;

-- name: session_turns
-- The last turns of a session, newest first.
SELECT * FROM classification_logs
WHERE session_id = %(session_id)s
ORDER BY created_at DESC
LIMIT %(limit)s;
