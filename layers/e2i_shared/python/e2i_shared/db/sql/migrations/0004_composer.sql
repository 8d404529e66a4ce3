-- Compositions ("episodes"), partitioned by month of creation, and their steps.

CREATE TABLE composer_episodes (
    tenant_id uuid NOT NULL,
    episode_id uuid NOT NULL DEFAULT new_id(),
    composition_id uuid NOT NULL,
    query_text text NOT NULL,
    query_embedding vector(1536),
    embedding_model text,
    sub_questions jsonb,
    dependencies jsonb,
    decomposition_source text,
    tool_plan jsonb,
    parallelizable_groups jsonb,
    tool_outputs jsonb,
    synthesized_response text,
    answer jsonb,
    missing jsonb NOT NULL DEFAULT '[]',
    total_latency_ms double precision,
    decompose_latency_ms double precision,
    plan_latency_ms double precision,
    execute_latency_ms double precision,
    synthesize_latency_ms double precision,
    other_latency_ms jsonb NOT NULL DEFAULT '{}',
    status composition_status NOT NULL DEFAULT 'PENDING',
    error_message text,
    success boolean,
    user_rating smallint CHECK (user_rating BETWEEN 1 AND 5),
    feedback_text text,
    user_success boolean,
    session_id text,
    user_id text,
    dataset text,
    deadline_seconds integer NOT NULL DEFAULT 300 CHECK (deadline_seconds BETWEEN 1 AND 300),
    classification_id uuid,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    completed_at timestamptz,
    feedback_at timestamptz,
    PRIMARY KEY (tenant_id, episode_id, created_at),
    CHECK (query_embedding IS NULL OR embedding_model IS NOT NULL)
) PARTITION BY RANGE (created_at);
COMMENT ON COLUMN composer_episodes.embedding_model IS 'Vectors of different models are never compared.';
COMMENT ON COLUMN composer_episodes.success IS 'COMPLETED with nothing missing; NULL until finished. user_success is the user''s own word.';

CREATE INDEX composer_episodes_composition ON composer_episodes (tenant_id, composition_id);
CREATE INDEX composer_episodes_newest ON composer_episodes (tenant_id, created_at DESC, composition_id DESC);
CREATE INDEX composer_episodes_session ON composer_episodes (tenant_id, session_id, created_at DESC, composition_id DESC)
    WHERE session_id IS NOT NULL;
-- Comparison of enums is not leakproof, so under row-level security a status cannot be an index condition; partial indexes serve instead.
CREATE INDEX composer_episodes_active ON composer_episodes (tenant_id, created_at DESC, composition_id DESC)
    WHERE status IN ('PENDING', 'DECOMPOSING', 'PLANNING', 'EXECUTING', 'SYNTHESIZING');
CREATE INDEX composer_episodes_ended_badly ON composer_episodes (tenant_id, created_at DESC, composition_id DESC)
    WHERE status IN ('FAILED', 'TIMEOUT', 'SKIPPED', 'CANCELLED');
-- Only finished episodes are offered as similar ones: an episode enters the graph once, not with each change of its status.
CREATE INDEX composer_episodes_embedding ON composer_episodes USING hnsw (query_embedding vector_cosine_ops)
    WHERE status = 'COMPLETED';
CREATE INDEX composer_episodes_embedded ON composer_episodes (tenant_id, embedding_model)
    WHERE status = 'COMPLETED' AND query_embedding IS NOT NULL;
SELECT secure('composer_episodes', 'SELECT, INSERT, UPDATE');

CREATE TABLE composer_episodes_default PARTITION OF composer_episodes DEFAULT;
SELECT isolate('composer_episodes_default');

CREATE FUNCTION ensure_episode_partitions(months_ahead integer DEFAULT 12) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
    created integer := 0;
    first_day date;
    partition text;
BEGIN
    IF months_ahead IS NULL OR months_ahead NOT BETWEEN 0 AND 120 THEN
        RAISE EXCEPTION 'months_ahead must lie between 0 and 120, got %', months_ahead USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ensure_episode_partitions'));
    FOR i IN 0 .. months_ahead LOOP
        first_day := (date_trunc('month', now()) + make_interval(months => i))::date;
        partition := 'composer_episodes_' || to_char(first_day, 'YYYY_MM');
        CONTINUE WHEN to_regclass('public.' || partition) IS NOT NULL;
        BEGIN
            EXECUTE format('CREATE TABLE public.%I PARTITION OF public.composer_episodes FOR VALUES FROM (%L) TO (%L)',
                           partition, first_day::timestamptz, (first_day + interval '1 month')::timestamptz);
            PERFORM public.isolate(format('public.%I', partition)::regclass);
            created := created + 1;
        EXCEPTION WHEN check_violation THEN
            RAISE WARNING '% stays in the default partition, which already holds rows of that month', partition;
        END;
    END LOOP;
    RETURN created;
END $$;
COMMENT ON FUNCTION ensure_episode_partitions(integer) IS 'Creates this month''s partition and those ahead; returns how many are new.';
GRANT EXECUTE ON FUNCTION ensure_episode_partitions(integer) TO e2i_app;
SELECT ensure_episode_partitions(12);

CREATE TABLE composition_steps (
    tenant_id uuid NOT NULL,
    step_id uuid NOT NULL DEFAULT new_id(),
    episode_id uuid NOT NULL,
    episode_created_at timestamptz NOT NULL,
    composition_id uuid NOT NULL,
    step_number integer NOT NULL CHECK (step_number >= 1),
    step_name text NOT NULL,
    tool_id uuid,
    tool_name text NOT NULL,
    runtime text NOT NULL DEFAULT 'layer' CHECK (runtime IN ('layer', 'image')),
    level integer NOT NULL DEFAULT 1,
    input_params jsonb NOT NULL DEFAULT '{}',
    resolved_inputs jsonb,
    output_result jsonb,
    depends_on_steps integer[] NOT NULL DEFAULT '{}',
    serves_sub_question text NOT NULL,
    started_at timestamptz,
    completed_at timestamptz,
    latency_ms double precision,
    status composition_status NOT NULL DEFAULT 'PENDING',
    error_message text,
    retry_count integer NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, step_id),
    UNIQUE (tenant_id, composition_id, step_number),
    FOREIGN KEY (tenant_id, episode_id, episode_created_at)
        REFERENCES composer_episodes (tenant_id, episode_id, created_at) ON DELETE CASCADE
);
COMMENT ON COLUMN composition_steps.input_params IS 'As planned: literals and references to earlier outputs; resolved_inputs is what the tool got.';
CREATE INDEX composition_steps_episode ON composition_steps (tenant_id, episode_id, episode_created_at);
SELECT secure('composition_steps', 'SELECT, INSERT, UPDATE');

CREATE FUNCTION log_step_performance() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO public.tool_performance (
        tenant_id, tool, context_type, input_complexity, latency_ms, success, error_type, composition_id, step_id, called_by)
    VALUES (
        NEW.tenant_id, NEW.tool_name, 'composition',
        (SELECT count(*) FROM jsonb_object_keys(
            CASE jsonb_typeof(COALESCE(NEW.resolved_inputs, NEW.input_params))
                WHEN 'object' THEN COALESCE(NEW.resolved_inputs, NEW.input_params) ELSE '{}' END)),
        NEW.latency_ms, NEW.status = 'COMPLETED',
        CASE WHEN NEW.status = 'FAILED' THEN COALESCE(substring(NEW.error_message FROM '^\w+(?:Error|Exception)\M'), 'Error') END,
        NEW.composition_id, NEW.step_id, 'tool_composer')
    ON CONFLICT (tenant_id, step_id) WHERE step_id IS NOT NULL DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER trg_log_step_performance
    AFTER INSERT OR UPDATE OF status ON composition_steps
    FOR EACH ROW WHEN (NEW.status IN ('COMPLETED', 'FAILED'))
    EXECUTE FUNCTION log_step_performance();

CREATE FUNCTION find_similar_compositions(
    p_embedding vector(1536),
    p_limit integer DEFAULT 5,
    p_min_similarity double precision DEFAULT 0.7,
    p_model text DEFAULT NULL
)
RETURNS TABLE (
    episode_id uuid, composition_id uuid, query_text text, similarity double precision, success boolean, created_at timestamptz
)
LANGUAGE plpgsql STABLE
SET hnsw.iterative_scan = 'relaxed_order'
SET hnsw.ef_search = 90
SET hnsw.max_scan_tuples = 100000
SET enable_sort = off
AS $$
#variable_conflict use_column
DECLARE
    model text := COALESCE(p_model, (
        SELECT e.embedding_model FROM composer_episodes AS e
        WHERE e.status = 'COMPLETED' AND e.query_embedding IS NOT NULL
        ORDER BY e.created_at DESC LIMIT 1));
    -- A constant bound keeps the empty months ahead out of the plan.
    newest timestamptz := clock_timestamp() + interval '1 day';
    few integer := COALESCE(NULLIF(current_setting('app.exact_search_rows', true), '')::integer, 2000);
BEGIN
    IF few >= (SELECT count(*) FROM (
            SELECT FROM composer_episodes AS e
            WHERE e.status = 'COMPLETED' AND e.query_embedding IS NOT NULL AND e.embedding_model = model AND e.created_at <= newest
            LIMIT few + 1) AS counted) THEN
        -- Few rows: comparing all of them is exact, and faster than sifting other tenants' rows out of the graph.
        RETURN QUERY
        SELECT c.episode_id, c.composition_id, c.query_text, 1 - c.distance, COALESCE(c.user_success, c.success), c.created_at
        FROM (
            SELECT e.*, (e.query_embedding <=> p_embedding) + 0 AS distance
            FROM composer_episodes AS e
            WHERE e.status = 'COMPLETED' AND e.query_embedding IS NOT NULL AND e.embedding_model = model AND e.created_at <= newest
        ) AS c
        WHERE 1 - c.distance >= p_min_similarity
        ORDER BY c.distance, c.composition_id
        LIMIT p_limit;
    ELSE
        -- The graph is read four times as far as asked for and then sorted: its order is only nearly that of distance.
        RETURN QUERY
        WITH near AS MATERIALIZED (
            SELECT e.episode_id, e.composition_id, e.query_text, e.user_success, e.success, e.created_at,
                   e.query_embedding <=> p_embedding AS distance
            FROM composer_episodes AS e
            WHERE e.status = 'COMPLETED' AND e.embedding_model = model AND e.created_at <= newest
            ORDER BY e.query_embedding <=> p_embedding
            LIMIT p_limit * 4
        )
        SELECT c.episode_id, c.composition_id, c.query_text, 1 - c.distance, COALESCE(c.user_success, c.success), c.created_at
        FROM near AS c
        WHERE 1 - c.distance >= p_min_similarity
        ORDER BY c.distance, c.composition_id
        LIMIT p_limit;
    END IF;
END $$;
COMMENT ON FUNCTION find_similar_compositions(vector, integer, double precision, text) IS
    'The nearest completed compositions of this tenant by cosine similarity, among vectors of one model (NULL: that of the newest episode).
     Up to app.exact_search_rows (2000) of them are compared one by one, more through the graph.';
GRANT EXECUTE ON FUNCTION find_similar_compositions(vector, integer, double precision, text) TO e2i_app;

CREATE VIEW v_composition_success_rate WITH (security_invoker = true) AS
SELECT
    tenant_id,
    (created_at AT TIME ZONE 'UTC')::date AS day,
    count(*) AS compositions,
    count(*) FILTER (WHERE status = 'COMPLETED') AS completed,
    count(*) FILTER (WHERE status = 'FAILED') AS failed,
    count(*) FILTER (WHERE status = 'TIMEOUT') AS timed_out,
    count(*) FILTER (WHERE status = 'CANCELLED') AS cancelled,
    count(*) FILTER (WHERE status = 'COMPLETED')::double precision
        / NULLIF(count(*) FILTER (WHERE status IN ('COMPLETED', 'FAILED', 'TIMEOUT')), 0) AS success_rate,
    avg(total_latency_ms) AS avg_latency_ms,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY total_latency_ms) AS p95_latency_ms,
    avg(user_rating)::double precision AS avg_rating
FROM composer_episodes
GROUP BY tenant_id, (created_at AT TIME ZONE 'UTC')::date;
GRANT SELECT ON v_composition_success_rate TO e2i_app;

CREATE VIEW v_active_compositions WITH (security_invoker = true) AS
SELECT
    e.tenant_id,
    e.composition_id,
    e.query_text,
    e.status,
    e.session_id,
    e.created_at,
    extract(epoch FROM now() - e.created_at)::double precision AS age_seconds,
    e.created_at + make_interval(secs => e.deadline_seconds) < now() AS overdue,
    s.steps_total,
    s.steps_done
FROM composer_episodes AS e
CROSS JOIN LATERAL (
    SELECT
        count(*) AS steps_total,
        count(*) FILTER (WHERE c.status IN ('COMPLETED', 'FAILED', 'SKIPPED')) AS steps_done
    FROM composition_steps AS c
    WHERE c.tenant_id = e.tenant_id AND c.composition_id = e.composition_id
) AS s
WHERE e.status IN ('PENDING', 'DECOMPOSING', 'PLANNING', 'EXECUTING', 'SYNTHESIZING');
GRANT SELECT ON v_active_compositions TO e2i_app;
