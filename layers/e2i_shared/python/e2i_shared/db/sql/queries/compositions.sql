-- name: lock_id
-- Two creations of the same id wait for each other: a partitioned table cannot hold a unique index over the id alone.
SELECT pg_advisory_xact_lock(hashtextextended(%(composition_id)s::text, 0));

-- name: create
-- Insert a PENDING episode; no row comes back when the id exists.
INSERT INTO composer_episodes (
    tenant_id, composition_id, query_text, session_id, dataset, classification_id, user_id, deadline_seconds, query_embedding,
    embedding_model, max_cost_usd
)
SELECT
    require_tenant(), %(composition_id)s::uuid, %(query)s, %(session_id)s, %(dataset)s, %(classification_id)s::uuid, %(user_id)s,
    %(deadline_seconds)s, %(embedding)s::vector, %(embedding_model)s, %(max_cost_usd)s
WHERE NOT EXISTS (SELECT FROM composer_episodes WHERE composition_id = %(composition_id)s::uuid)
RETURNING created_at;

-- name: get
-- One episode.
SELECT
    composition_id::text, query_text, status, session_id, dataset, classification_id::text, user_id, deadline_seconds, max_cost_usd::float8,
    sub_questions, dependencies, decomposition_source, tool_plan, answer, missing, error_message, decompose_latency_ms,
    plan_latency_ms, execute_latency_ms, synthesize_latency_ms, total_latency_ms, other_latency_ms, created_at, completed_at,
    attempt, attempted_at
FROM composer_episodes
WHERE composition_id = %(composition_id)s;

-- name: exists
-- Is there such an episode.
SELECT FROM composer_episodes WHERE composition_id = %(composition_id)s;

-- name: list
-- Newest first, from the cursor on.
SELECT composition_id::text, query_text, status, session_id, created_at, completed_at
FROM composer_episodes
WHERE (%(status)s::composition_status IS NULL OR status = %(status)s::composition_status)
  AND (%(session_id)s::text IS NULL OR session_id = %(session_id)s::text)
  AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s::timestamptz)
  AND (%(after_time)s::timestamptz IS NULL
       OR (created_at, composition_id) < (%(after_time)s::timestamptz, %(after_id)s::uuid))
ORDER BY created_at DESC, composition_id DESC
LIMIT %(limit)s;

-- name: advance
-- Move forward to a phase, never back.
UPDATE composer_episodes
SET status = %(phase)s::composition_status
WHERE composition_id = %(composition_id)s AND status < %(phase)s::composition_status;

-- name: save_decomposition
-- Store phase 1 once.
UPDATE composer_episodes
SET sub_questions = %(sub_questions)s, dependencies = %(dependencies)s, decomposition_source = %(source)s,
    decompose_latency_ms = %(latency_ms)s
WHERE composition_id = %(composition_id)s AND sub_questions IS NULL AND status < 'COMPLETED'
RETURNING composition_id;

-- name: save_plan
-- Store phase 2 once.
UPDATE composer_episodes
SET tool_plan = %(plan)s, parallelizable_groups = %(levels)s, plan_latency_ms = %(latency_ms)s, plan_key = %(key)s
WHERE composition_id = %(composition_id)s AND tool_plan IS NULL AND status < 'COMPLETED'
RETURNING episode_id, created_at;

-- name: insert_steps
-- The steps of a plan, waiting.
INSERT INTO composition_steps (
    tenant_id, episode_id, episode_created_at, composition_id, step_number, step_name, tool_id, tool_name, runtime, level,
    input_params, depends_on_steps, serves_sub_question
)
SELECT
    require_tenant(), %(episode_id)s, %(created_at)s, %(composition_id)s, s.step_number, s.name,
    (SELECT r.tool_id FROM tool_registry AS r WHERE r.name = s.tool ORDER BY r.tenant_id = system_tenant() LIMIT 1),
    s.tool, s.runtime, s.level, s.inputs,
    ARRAY(SELECT d::integer FROM jsonb_array_elements_text(s.depends_on) WITH ORDINALITY AS e (d, n) ORDER BY n), s.serves
FROM jsonb_to_recordset(%(steps)s) AS s (
    step_number integer, name text, tool text, runtime text, inputs jsonb, depends_on jsonb, serves text, level integer
);

-- name: steps
-- The steps by number.
SELECT
    step_number, step_name, tool_name, runtime, level, input_params, resolved_inputs, output_result, depends_on_steps,
    serves_sub_question, status, latency_ms, retry_count, error_message, started_at, completed_at, output_ref
FROM composition_steps
WHERE composition_id = %(composition_id)s
ORDER BY step_number;

-- name: start_step
-- Mark a step running unless it is finished; a second start counts as a retry.
UPDATE composition_steps
SET retry_count = retry_count + (status = 'EXECUTING')::integer, status = 'EXECUTING', resolved_inputs = %(resolved_inputs)s,
    started_at = COALESCE(started_at, clock_timestamp())
WHERE composition_id = %(composition_id)s AND step_number = %(step_number)s AND status < 'COMPLETED'
RETURNING step_number;

-- name: finish_step
-- The first terminal state wins.
UPDATE composition_steps
SET status = %(status)s::composition_status, output_result = %(output)s, output_ref = %(output_ref)s, error_message = %(error)s, latency_ms = %(latency_ms)s,
    completed_at = clock_timestamp()
WHERE composition_id = %(composition_id)s AND step_number = %(step_number)s AND status < 'COMPLETED'
RETURNING step_number;

-- name: step_exists
-- Is there such a step.
SELECT FROM composition_steps WHERE composition_id = %(composition_id)s AND step_number = %(step_number)s;

-- name: save_answer
-- Store phase 4 once and end the episode.
UPDATE composer_episodes
SET answer = %(answer)s, synthesized_response = %(text)s, missing = %(missing)s, status = 'COMPLETED',
    completed_at = clock_timestamp(), success = %(success)s,
    tool_outputs = (
        SELECT jsonb_object_agg(s.step_number, COALESCE(s.output_result, jsonb_build_object('output_ref', s.output_ref)))
        FROM composition_steps AS s
        WHERE s.composition_id = %(composition_id)s AND (s.output_result IS NOT NULL OR s.output_ref IS NOT NULL)
    ),
    decompose_latency_ms = COALESCE(%(decompose)s, decompose_latency_ms), plan_latency_ms = COALESCE(%(plan)s, plan_latency_ms),
    execute_latency_ms = COALESCE(%(execute)s, execute_latency_ms),
    synthesize_latency_ms = COALESCE(%(synthesize)s, synthesize_latency_ms), total_latency_ms = COALESCE(%(total)s, total_latency_ms),
    other_latency_ms = %(other)s
WHERE composition_id = %(composition_id)s AND status < 'COMPLETED'
RETURNING session_id;

-- name: fail
-- End an unfinished episode.
UPDATE composer_episodes
SET status = %(status)s::composition_status, error_message = %(message)s, success = false, completed_at = clock_timestamp()
WHERE composition_id = %(composition_id)s AND status < 'COMPLETED'
RETURNING session_id;

-- name: fail_steps
-- What ran has failed, what waited is skipped.
UPDATE composition_steps
SET error_message = %(message)s, completed_at = clock_timestamp(),
    status = CASE status WHEN 'EXECUTING' THEN 'FAILED' ELSE 'SKIPPED' END::composition_status
WHERE composition_id = %(composition_id)s AND status < 'COMPLETED';

-- name: save_feedback
-- Store the rating; the last one counts.
UPDATE composer_episodes
SET user_rating = %(rating)s, feedback_text = %(text)s, user_success = %(success)s, feedback_at = clock_timestamp()
WHERE composition_id = %(composition_id)s
RETURNING composition_id;

-- name: similar
-- Past episodes near a vector of the same model.
SELECT composition_id::text, query_text, similarity, success
FROM find_similar_compositions(%(embedding)s::vector, %(limit)s, %(min_similarity)s, %(model)s);

-- name: neighbours
-- Past episodes near one's own vector, among those of the same model, without itself.
SELECT s.composition_id::text, s.query_text, s.similarity, s.success
FROM composer_episodes AS e, find_similar_compositions(e.query_embedding, %(limit)s + 1, %(min_similarity)s, e.embedding_model) AS s
WHERE e.composition_id = %(composition_id)s AND e.query_embedding IS NOT NULL AND s.composition_id <> e.composition_id
ORDER BY s.similarity DESC, s.composition_id
LIMIT %(limit)s;

-- name: answered_alike
-- Compositions, newest first, of the same shape (domains of parts in order, dependencies) answered in full, of the newest 500.
SELECT e.composition_id::text
FROM (
    SELECT composition_id, sub_questions, dependencies, created_at
    FROM composer_episodes
    WHERE status = 'COMPLETED' AND COALESCE(user_success, success) AND tool_plan IS NOT NULL
    ORDER BY created_at DESC
    LIMIT 500
) AS e
WHERE %(domains)s::text[] = ARRAY(
          SELECT q.part ->> 'domain' FROM jsonb_array_elements(e.sub_questions) WITH ORDINALITY AS q (part, place) ORDER BY q.place
      )
  AND %(edges)s::text[] = ARRAY(
          SELECT concat(d.edge ->> 'from', '>', d.edge ->> 'to', ':', d.edge ->> 'type') COLLATE "C" AS text
          FROM jsonb_array_elements(e.dependencies) AS d (edge) ORDER BY text
      )
ORDER BY e.created_at DESC
LIMIT %(limit)s;

-- name: unstarted
-- Episodes whose execution may never have been started, and running ones so old that who answered them directly may have died.
SELECT composition_id::text FROM composer_episodes
WHERE status IN ('PENDING', 'DECOMPOSING', 'PLANNING', 'EXECUTING', 'SYNTHESIZING')
  AND COALESCE(attempted_at, created_at) < clock_timestamp() - make_interval(
      secs => %(older_than_seconds)s + CASE status WHEN 'PENDING' THEN 0 ELSE 60 END)
ORDER BY created_at, composition_id
LIMIT 100;

-- name: retry
-- Open an ended episode again: FAILED, TIMEOUT or CANCELLED, or COMPLETED with a step that did not complete.
UPDATE composer_episodes AS e
SET status = 'PENDING', attempt = e.attempt + 1, attempted_at = clock_timestamp(), answer = NULL, synthesized_response = NULL,
    missing = '[]', error_message = NULL, success = NULL, completed_at = NULL, tool_outputs = NULL, execute_latency_ms = NULL,
    synthesize_latency_ms = NULL, total_latency_ms = NULL
WHERE e.composition_id = %(composition_id)s
  AND (e.status IN ('FAILED', 'TIMEOUT', 'CANCELLED')
       OR (e.status = 'COMPLETED' AND EXISTS (
           SELECT FROM composition_steps AS s
           WHERE s.composition_id = %(composition_id)s AND s.status IN ('FAILED', 'SKIPPED', 'TIMEOUT', 'CANCELLED'))))
RETURNING session_id;

-- name: reopen_steps
-- What did not complete waits again; what completed is left alone.
UPDATE composition_steps
SET status = 'PENDING', resolved_inputs = NULL, output_result = NULL, output_ref = NULL, error_message = NULL, latency_ms = NULL,
    retry_count = 0, started_at = NULL, completed_at = NULL
WHERE composition_id = %(composition_id)s AND status IN ('FAILED', 'SKIPPED', 'TIMEOUT', 'CANCELLED');

-- name: events
-- What happened after a number, in order.
SELECT seq, at, kind, detail FROM composition_events
WHERE composition_id = %(composition_id)s AND seq > %(after)s
ORDER BY seq
LIMIT %(limit)s;

-- name: reusable_plan
-- The newest plan of the same key whose composition answered everything.
SELECT composition_id::text, tool_plan FROM composer_episodes
WHERE plan_key = %(key)s AND status = 'COMPLETED' AND success AND tool_plan IS NOT NULL
ORDER BY created_at DESC
LIMIT 1;

-- name: ensure_partitions
-- Keep a year of months ahead.
SELECT ensure_episode_partitions(%(months_ahead)s) AS created;
