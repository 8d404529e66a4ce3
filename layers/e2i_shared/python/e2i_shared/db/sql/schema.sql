-- The schema, written by scripts/dump_schema.py from the migrations. Monthly partitions of composer_episodes are left out.

CREATE SCHEMA migrations;

ALTER SCHEMA migrations OWNER TO e2i_owner;

CREATE SCHEMA mlflow;

ALTER SCHEMA mlflow OWNER TO e2i_mlflow;

CREATE SCHEMA rows;

ALTER SCHEMA rows OWNER TO e2i_owner;

CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;

COMMENT ON EXTENSION vector IS 'vector data type and ivfflat and hnsw access methods';

CREATE TYPE public.composition_status AS ENUM (
    'PENDING',
    'DECOMPOSING',
    'PLANNING',
    'EXECUTING',
    'SYNTHESIZING',
    'COMPLETED',
    'FAILED',
    'TIMEOUT',
    'SKIPPED',
    'CANCELLED'
);

ALTER TYPE public.composition_status OWNER TO e2i_owner;

CREATE TYPE public.dependency_type AS ENUM (
    'REFERENCE_CHAIN',
    'CONDITIONAL',
    'LOGICAL_SEQUENCE',
    'ENTITY_TRANSFORMATION'
);

ALTER TYPE public.dependency_type OWNER TO e2i_owner;

CREATE TYPE public.experiment_status AS ENUM (
    'draft',
    'in_review',
    'approved',
    'scheduled',
    'running',
    'paused',
    'completed',
    'stopped_success',
    'stopped_futility',
    'stopped_harm',
    'cancelled',
    'analyzed'
);

ALTER TYPE public.experiment_status OWNER TO e2i_owner;

CREATE TYPE public.fidelity_grade AS ENUM (
    'excellent',
    'good',
    'fair',
    'poor',
    'unvalidated'
);

ALTER TYPE public.fidelity_grade OWNER TO e2i_owner;

CREATE TYPE public.routing_pattern AS ENUM (
    'SINGLE_AGENT',
    'PARALLEL_DELEGATION',
    'TOOL_COMPOSER',
    'CLARIFICATION_NEEDED'
);

ALTER TYPE public.routing_pattern OWNER TO e2i_owner;

CREATE TYPE public.simulation_recommendation AS ENUM (
    'deploy',
    'skip',
    'refine'
);

ALTER TYPE public.simulation_recommendation OWNER TO e2i_owner;

CREATE TYPE public.simulation_status AS ENUM (
    'pending',
    'running',
    'completed',
    'failed'
);

ALTER TYPE public.simulation_status OWNER TO e2i_owner;

CREATE TYPE public.tool_category AS ENUM (
    'CAUSAL',
    'SEGMENTATION',
    'GAP',
    'EXPERIMENT',
    'PREDICTION',
    'MONITORING',
    'KPI',
    'COHORT',
    'EXPLANATION'
);

ALTER TYPE public.tool_category OWNER TO e2i_owner;

CREATE TYPE public.twin_type AS ENUM (
    'hcp',
    'patient',
    'territory'
);

ALTER TYPE public.twin_type OWNER TO e2i_owner;

CREATE FUNCTION public.active_tenants() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT tenant_id FROM public.tenants
    WHERE deleted_at IS NULL AND tenant_id <> public.system_tenant()
    ORDER BY tenant_id
$$;

ALTER FUNCTION public.active_tenants() OWNER TO e2i_owner;

COMMENT ON FUNCTION public.active_tenants() IS 'The ids a background job loops over: it sets each as app.tenant_id instead of bypassing the policies.';

CREATE TABLE public.audit_log (
    tenant_id uuid NOT NULL,
    seq bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    actor_role text,
    action text NOT NULL,
    object_type text NOT NULL,
    object_id text,
    decision text DEFAULT 'allow'::text NOT NULL,
    reason text,
    request_id text,
    software_version text,
    before_hash text,
    after_hash text,
    prev_hash bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_log_decision_check CHECK ((decision = ANY (ARRAY['allow'::text, 'deny'::text])))
);

ALTER TABLE ONLY public.audit_log FORCE ROW LEVEL SECURITY;

ALTER TABLE public.audit_log OWNER TO e2i_owner;

COMMENT ON TABLE public.audit_log IS 'Append-only, one hash chain per tenant. Holds tokens and hashes, never personal data, question text or row values: erasure elsewhere keeps it verifiable.';

CREATE FUNCTION public.audit_hash(entry public.audit_log) RETURNS bytea
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    AS $$
    SELECT sha256(entry.prev_hash || convert_to((to_jsonb(entry) - 'hash' - 'prev_hash')::text, 'UTF8'))
$$;

ALTER FUNCTION public.audit_hash(entry public.audit_log) OWNER TO e2i_owner;

COMMENT ON FUNCTION public.audit_hash(entry public.audit_log) IS 'SHA-256 of the previous hash and the row as canonical JSON (jsonb orders keys; times in UTC).';

CREATE FUNCTION public.calculate_fidelity_grade(prediction_error double precision) RETURNS public.fidelity_grade
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

ALTER FUNCTION public.calculate_fidelity_grade(prediction_error double precision) OWNER TO e2i_owner;

COMMENT ON FUNCTION public.calculate_fidelity_grade(prediction_error double precision) IS 'Grade of a relative error: excellent < 10%, good < 20%, fair < 35%, poor above, unvalidated when nothing real is known.';

CREATE FUNCTION public.chain_audit_entry() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    head public.audit_heads;
BEGIN
    IF NEW.tenant_id IS DISTINCT FROM public.require_tenant() THEN
        RAISE EXCEPTION 'an audit entry belongs to the tenant of its transaction' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('audit_log:' || NEW.tenant_id, 0));
    SELECT * INTO head FROM public.audit_heads WHERE tenant_id = NEW.tenant_id;
    NEW.seq := COALESCE(head.seq, 0) + 1;
    NEW.at := clock_timestamp();
    NEW.prev_hash := COALESCE(head.hash, sha256(''));
    NEW.hash := public.audit_hash(NEW);
    INSERT INTO public.audit_heads VALUES (NEW.tenant_id, NEW.seq, NEW.hash)
    ON CONFLICT (tenant_id) DO UPDATE SET seq = EXCLUDED.seq, hash = EXCLUDED.hash;
    RETURN NEW;
END $$;

ALTER FUNCTION public.chain_audit_entry() OWNER TO e2i_owner;

CREATE FUNCTION public.create_rows_table(p_dataset_id uuid, p_version integer, p_columns jsonb) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    allowed CONSTANT text[] := ARRAY['text', 'double precision', 'real', 'bigint', 'integer', 'smallint', 'boolean', 'date',
                                     'timestamp', 'timestamptz'];
    table_name text := public.rows_table_name(p_dataset_id, p_version);
    definitions text := '';
    item record;
BEGIN
    IF p_version IS NULL OR p_version < 1 OR p_dataset_id IS NULL OR jsonb_typeof(p_columns) IS DISTINCT FROM 'array'
       OR jsonb_array_length(p_columns) NOT BETWEEN 1 AND 1600 THEN
        RAISE EXCEPTION 'a rows table needs an id, a version from 1 and 1 to 1600 columns' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR item IN SELECT e ->> 'name' AS name, e ->> 'type' AS type FROM jsonb_array_elements(p_columns) AS e LOOP
        IF item.name IS NULL OR octet_length(item.name) NOT BETWEEN 1 AND 63 THEN
            RAISE EXCEPTION 'a column name must have 1 to 63 bytes' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        IF item.type IS NULL OR item.type <> ALL (allowed) THEN
            RAISE EXCEPTION 'column type % is not one of %', item.type, array_to_string(allowed, ', ')
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        definitions := definitions || format('%s%I %s', CASE definitions WHEN '' THEN '' ELSE ', ' END, item.name, item.type);
    END LOOP;
    EXECUTE format('CREATE TABLE rows.%I (%s)', table_name, definitions);
    EXECUTE format('GRANT SELECT, INSERT ON rows.%I TO e2i_app', table_name);
    RETURN 'rows.' || table_name;
END $$;

ALTER FUNCTION public.create_rows_table(p_dataset_id uuid, p_version integer, p_columns jsonb) OWNER TO e2i_owner;

COMMENT ON FUNCTION public.create_rows_table(p_dataset_id uuid, p_version integer, p_columns jsonb) IS 'Creates the table of one version from [{"name", "type"}] and returns its qualified name. COPY refuses tables with row-level security, so
     the caller copies in the same transaction and then calls seal_rows_table(): nobody else ever sees the table unsealed.';

CREATE FUNCTION public.drop_rows_table(p_dataset_id uuid, p_version integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS rows.%I', public.rows_table_name(p_dataset_id, p_version));
END $$;

ALTER FUNCTION public.drop_rows_table(p_dataset_id uuid, p_version integer) OWNER TO e2i_owner;

CREATE FUNCTION public.ensure_episode_partitions(months_ahead integer DEFAULT 12) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET "TimeZone" TO 'UTC'
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

ALTER FUNCTION public.ensure_episode_partitions(months_ahead integer) OWNER TO e2i_owner;

COMMENT ON FUNCTION public.ensure_episode_partitions(months_ahead integer) IS 'Creates this month''s partition and those ahead; returns how many are new.';

CREATE FUNCTION public.find_similar_compositions(p_embedding public.vector, p_limit integer DEFAULT 5, p_min_similarity double precision DEFAULT 0.7, p_model text DEFAULT NULL::text) RETURNS TABLE(episode_id uuid, composition_id uuid, query_text text, similarity double precision, success boolean, created_at timestamp with time zone)
    LANGUAGE plpgsql STABLE
    SET "hnsw.iterative_scan" TO 'relaxed_order'
    SET "hnsw.ef_search" TO '90'
    SET "hnsw.max_scan_tuples" TO '100000'
    SET enable_sort TO 'off'
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

ALTER FUNCTION public.find_similar_compositions(p_embedding public.vector, p_limit integer, p_min_similarity double precision, p_model text) OWNER TO e2i_owner;

COMMENT ON FUNCTION public.find_similar_compositions(p_embedding public.vector, p_limit integer, p_min_similarity double precision, p_model text) IS 'The nearest completed compositions of this tenant by cosine similarity, among vectors of one model (NULL: that of the newest episode).
     Up to app.exact_search_rows (2000) of them are compared one by one, more through the graph.';

CREATE FUNCTION public.get_tool_execution_order(tool_names text[]) RETURNS TABLE(step_order integer, level integer, tool_name text)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    remaining text[] := ARRAY(SELECT DISTINCT t FROM unnest(tool_names) AS t ORDER BY t);
    unknown text[] := ARRAY(
        SELECT t FROM unnest(remaining) AS t WHERE NOT EXISTS (SELECT FROM public.tool_registry AS r WHERE r.name = t));
    ready text[];
BEGIN
    IF cardinality(unknown) > 0 THEN
        RAISE EXCEPTION 'unknown tools: %', array_to_string(unknown, ', ') USING ERRCODE = 'E2I02';
    END IF;
    step_order := 0;
    level := 0;
    WHILE cardinality(remaining) > 0 LOOP
        ready := ARRAY(
            SELECT t FROM unnest(remaining) AS t
            WHERE NOT EXISTS (
                SELECT FROM public.tool_dependencies AS d WHERE d.consumer = t AND d.producer = ANY (remaining))
            ORDER BY t);
        IF cardinality(ready) = 0 THEN
            RAISE EXCEPTION 'these tools depend on each other in a cycle: %', array_to_string(remaining, ', ')
                USING ERRCODE = 'E2I01';
        END IF;
        level := level + 1;
        FOREACH tool_name IN ARRAY ready LOOP
            step_order := step_order + 1;
            RETURN NEXT;
        END LOOP;
        remaining := ARRAY(SELECT t FROM unnest(remaining) AS t WHERE t <> ALL (ready));
    END LOOP;
END $$;

ALTER FUNCTION public.get_tool_execution_order(tool_names text[]) OWNER TO e2i_owner;

COMMENT ON FUNCTION public.get_tool_execution_order(tool_names text[]) IS 'Kahn''s algorithm over tool_dependencies among the given tools; E2I01 names the tools of a cycle and what waits for them, E2I02 an unknown tool.';

CREATE FUNCTION public.isolate(target regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY tenant_isolation ON %s '
        'USING (tenant_id = NULLIF(current_setting(''app.tenant_id'', true), '''')::uuid) '
        'WITH CHECK (tenant_id = NULLIF(current_setting(''app.tenant_id'', true), '''')::uuid)', target);
END $$;

ALTER FUNCTION public.isolate(target regclass) OWNER TO e2i_owner;

COMMENT ON FUNCTION public.isolate(target regclass) IS 'Row-level security by tenant, forced on the owner too.';

CREATE FUNCTION public.log_step_performance() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
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

ALTER FUNCTION public.log_step_performance() OWNER TO e2i_owner;

CREATE FUNCTION public.new_id() RETURNS uuid
    LANGUAGE sql PARALLEL SAFE
    AS $$
    SELECT encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
            52, 1), 53, 1), 'hex')::uuid
$$;

ALTER FUNCTION public.new_id() OWNER TO e2i_owner;

COMMENT ON FUNCTION public.new_id() IS 'A UUIDv7 (RFC 9562) for servers without uuidv7().';

CREATE FUNCTION public.note_composition_event(p_tenant uuid, p_composition uuid, p_episode uuid, p_created timestamp with time zone, p_kind text, p_detail jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_composition::text, 0));
    INSERT INTO public.composition_events (tenant_id, composition_id, seq, kind, detail, episode_id, episode_created_at)
    SELECT p_tenant, p_composition, COALESCE(max(e.seq), 0) + 1, p_kind, p_detail, p_episode, p_created
    FROM public.composition_events AS e
    WHERE e.tenant_id = p_tenant AND e.composition_id = p_composition;
END $$;

ALTER FUNCTION public.note_composition_event(p_tenant uuid, p_composition uuid, p_episode uuid, p_created timestamp with time zone, p_kind text, p_detail jsonb) OWNER TO e2i_owner;

CREATE FUNCTION public.note_episode_status() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM public.note_composition_event(
        NEW.tenant_id, NEW.composition_id, NEW.episode_id, NEW.created_at, 'status',
        jsonb_strip_nulls(jsonb_build_object('status', NEW.status, 'attempt', NEW.attempt, 'error', NEW.error_message)));
    RETURN NULL;
END $$;

ALTER FUNCTION public.note_episode_status() OWNER TO e2i_owner;

CREATE FUNCTION public.note_step_status() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM public.note_composition_event(
        NEW.tenant_id, NEW.composition_id, NEW.episode_id, NEW.episode_created_at, 'step',
        jsonb_strip_nulls(jsonb_build_object(
            'step_number', NEW.step_number, 'name', NEW.step_name, 'tool', NEW.tool_name, 'level', NEW.level,
            'status', NEW.status, 'latency_ms', NEW.latency_ms, 'error', NEW.error_message)));
    IF NEW.status = 'COMPLETED' THEN
        PERFORM public.note_composition_event(
            NEW.tenant_id, NEW.composition_id, NEW.episode_id, NEW.episode_created_at, 'partial',
            jsonb_build_object('step_number', NEW.step_number, 'sub_question', NEW.serves_sub_question));
    END IF;
    RETURN NULL;
END $$;

ALTER FUNCTION public.note_step_status() OWNER TO e2i_owner;

CREATE FUNCTION public.refuse_audit_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

ALTER FUNCTION public.refuse_audit_change() OWNER TO e2i_owner;

CREATE FUNCTION public.refuse_unsealed_rows() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF NEW.rows_table IS NOT NULL AND NOT COALESCE(
        (SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = to_regclass(NEW.rows_table)), false) THEN
        RAISE EXCEPTION 'the rows of a data set must be sealed before the catalogue names them' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

ALTER FUNCTION public.refuse_unsealed_rows() OWNER TO e2i_owner;

CREATE FUNCTION public.require_tenant() RETURNS uuid
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    tenant uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
    IF tenant IS NULL THEN
        RAISE EXCEPTION 'no tenant is set for this transaction' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN tenant;
END $$;

ALTER FUNCTION public.require_tenant() OWNER TO e2i_owner;

CREATE FUNCTION public.rows_table_name(p_dataset_id uuid, p_version integer) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT 'd_' || replace(p_dataset_id::text, '-', '') || '_' || substr(md5(public.require_tenant()::text), 1, 8) || '_v' || p_version
$$;

ALTER FUNCTION public.rows_table_name(p_dataset_id uuid, p_version integer) OWNER TO e2i_owner;

COMMENT ON FUNCTION public.rows_table_name(p_dataset_id uuid, p_version integer) IS 'The tenant is part of the name: a tenant cannot even address another''s rows.';

CREATE FUNCTION public.seal_rows_table(p_dataset_id uuid, p_version integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    table_name text := public.rows_table_name(p_dataset_id, p_version);
    tenant uuid := public.require_tenant();
BEGIN
    EXECUTE format('REVOKE INSERT ON rows.%I FROM e2i_app', table_name);
    EXECUTE format('ALTER TABLE rows.%I ENABLE ROW LEVEL SECURITY', table_name);
    EXECUTE format('ALTER TABLE rows.%I FORCE ROW LEVEL SECURITY', table_name);
    EXECUTE format(
        'CREATE POLICY tenant_isolation ON rows.%I '
        'USING (%L::uuid = NULLIF(current_setting(''app.tenant_id'', true), '''')::uuid) '
        'WITH CHECK (%L::uuid = NULLIF(current_setting(''app.tenant_id'', true), '''')::uuid)', table_name, tenant, tenant);
END $$;

ALTER FUNCTION public.seal_rows_table(p_dataset_id uuid, p_version integer) OWNER TO e2i_owner;

COMMENT ON FUNCTION public.seal_rows_table(p_dataset_id uuid, p_version integer) IS 'Read-only from now on, and only for the tenant that loaded it.';

CREATE FUNCTION public.secure(target regclass, app_rights text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM isolate(target);
    EXECUTE format('GRANT %s ON %s TO e2i_app', app_rights, target);
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attname = 'updated_at' AND NOT attisdropped) THEN
        EXECUTE format('CREATE TRIGGER trg_updated_at BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION set_updated_at()', target);
    END IF;
END $$;

ALTER FUNCTION public.secure(target regclass, app_rights text) OWNER TO e2i_owner;

COMMENT ON FUNCTION public.secure(target regclass, app_rights text) IS 'isolate(), the app role''s rights, and updated_at where the table has it.';

CREATE FUNCTION public.set_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;

ALTER FUNCTION public.set_updated_at() OWNER TO e2i_owner;

CREATE FUNCTION public.system_tenant() RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT '00000000-0000-7000-8000-000000000000'::uuid $$;

ALTER FUNCTION public.system_tenant() OWNER TO e2i_owner;

COMMENT ON FUNCTION public.system_tenant() IS 'Owner of the rows that every tenant may read: the tools of the product.';

CREATE FUNCTION public.update_tool_registry_metrics() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    changed integer;
BEGIN
    UPDATE public.tool_registry AS r
    SET avg_latency_ms = m.avg_latency_ms, success_rate = m.success_rate
    FROM (
        SELECT tool, avg(latency_ms) AS avg_latency_ms, avg(success::integer)::double precision AS success_rate
        FROM public.tool_performance
        WHERE executed_at >= now() - interval '7 days'
        GROUP BY tool
    ) AS m
    WHERE r.tenant_id = public.system_tenant() AND r.name = m.tool
      AND (r.avg_latency_ms, r.success_rate) IS DISTINCT FROM (m.avg_latency_ms, m.success_rate);
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END $$;

ALTER FUNCTION public.update_tool_registry_metrics() OWNER TO e2i_owner;

COMMENT ON FUNCTION public.update_tool_registry_metrics() IS 'Latency and success rate of the last 7 days into tool_registry; returns the tools changed.';

CREATE FUNCTION public.verify_audit_log(anchored_seq bigint DEFAULT NULL::bigint, anchored_hash bytea DEFAULT NULL::bytea) RETURNS TABLE(seq bigint, problem text)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH chain AS (
        SELECT
            l.seq, l.prev_hash, l.hash, public.audit_hash(l) AS true_hash,
            lag(l.seq, 1, 0::bigint) OVER w AS previous_seq,
            lag(l.hash, 1, sha256('')) OVER w AS previous_hash
        FROM public.audit_log AS l
        WINDOW w AS (ORDER BY l.seq)
    ), head AS (
        SELECT h.seq, h.hash FROM public.audit_heads AS h
        UNION ALL
        SELECT anchored_seq, anchored_hash WHERE anchored_seq IS NOT NULL
    )
    SELECT c.seq, 'changed: its content does not match its hash' FROM chain AS c WHERE c.hash <> c.true_hash
    UNION ALL
    SELECT c.seq, 'not linked: its previous hash is not that of the row before it' FROM chain AS c WHERE c.prev_hash <> c.previous_hash
    UNION ALL
    SELECT c.seq, format('missing before it: entries %s to %s', c.previous_seq + 1, c.seq - 1) FROM chain AS c WHERE c.seq <> c.previous_seq + 1
    UNION ALL
    SELECT h.seq, 'missing: the chain should reach this entry with another hash or at all' FROM head AS h
    WHERE NOT EXISTS (SELECT FROM chain AS c WHERE c.seq = h.seq AND c.hash = h.hash)
    UNION ALL
    SELECT c.seq, 'inserted: the chain ends before this entry' FROM chain AS c
    WHERE c.seq > COALESCE((SELECT h.seq FROM public.audit_heads AS h), 0)
    ORDER BY 1, 2
$$;

ALTER FUNCTION public.verify_audit_log(anchored_seq bigint, anchored_hash bytea) OWNER TO e2i_owner;

COMMENT ON FUNCTION public.verify_audit_log(anchored_seq bigint, anchored_hash bytea) IS 'Every place where this tenant''s chain was changed, cut, reordered or added to; none when whole. An anchor kept elsewhere also exposes a rewritten chain.';

CREATE TABLE migrations.applied (
    version integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE migrations.applied OWNER TO e2i_owner;

CREATE TABLE public.audit_heads (
    tenant_id uuid NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL
);

ALTER TABLE ONLY public.audit_heads FORCE ROW LEVEL SECURITY;

ALTER TABLE public.audit_heads OWNER TO e2i_owner;

COMMENT ON TABLE public.audit_heads IS 'The end of each chain, so that a removed tail shows; anchor it outside the database daily.';

CREATE TABLE public.budgets (
    tenant_id uuid NOT NULL,
    scope text NOT NULL,
    subject text DEFAULT ''::text NOT NULL,
    period_start date DEFAULT '-infinity'::date NOT NULL,
    cap_usd numeric(12,6) NOT NULL,
    reserved_usd numeric(12,6) DEFAULT 0 NOT NULL,
    spent_usd numeric(12,6) DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT budgets_cap_usd_check CHECK ((cap_usd >= (0)::numeric)),
    CONSTRAINT budgets_reserved_usd_check CHECK ((reserved_usd >= (0)::numeric)),
    CONSTRAINT budgets_scope_check CHECK ((scope = ANY (ARRAY['tenant'::text, 'user'::text, 'composition'::text]))),
    CONSTRAINT budgets_spent_usd_check CHECK ((spent_usd >= (0)::numeric))
);

ALTER TABLE ONLY public.budgets FORCE ROW LEVEL SECURITY;

ALTER TABLE public.budgets OWNER TO e2i_owner;

CREATE TABLE public.classification_logs (
    tenant_id uuid NOT NULL,
    classification_id uuid DEFAULT public.new_id() NOT NULL,
    query_text text NOT NULL,
    query_hash text NOT NULL,
    routing_pattern public.routing_pattern NOT NULL,
    target_agents text[] DEFAULT '{}'::text[] NOT NULL,
    confidence double precision NOT NULL,
    features_extracted jsonb DEFAULT '{}'::jsonb NOT NULL,
    domain_mapping jsonb DEFAULT '[]'::jsonb NOT NULL,
    dependency_analysis jsonb DEFAULT '{}'::jsonb NOT NULL,
    sub_questions jsonb DEFAULT '[]'::jsonb NOT NULL,
    dependencies jsonb DEFAULT '[]'::jsonb NOT NULL,
    used_llm_layer boolean DEFAULT false NOT NULL,
    classification_latency_ms double precision,
    stage_latency_ms jsonb DEFAULT '{}'::jsonb NOT NULL,
    session_id text,
    user_id text,
    is_followup boolean DEFAULT false NOT NULL,
    was_correct boolean,
    correct_pattern public.routing_pattern,
    feedback_notes text,
    feedback_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT classification_logs_confidence_check CHECK (((confidence >= (0)::double precision) AND (confidence <= (1)::double precision)))
);

ALTER TABLE ONLY public.classification_logs FORCE ROW LEVEL SECURITY;

ALTER TABLE public.classification_logs OWNER TO e2i_owner;

COMMENT ON COLUMN public.classification_logs.dependency_analysis IS 'What stages 3 and 4 say beside the edges: reason and clarification.';

CREATE TABLE public.cohorts (
    tenant_id uuid NOT NULL,
    cohort_id uuid DEFAULT public.new_id() NOT NULL,
    name text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    dataset_id uuid NOT NULL,
    dataset_version integer NOT NULL,
    criteria jsonb NOT NULL,
    counts jsonb DEFAULT '[]'::jsonb NOT NULL,
    size bigint NOT NULL,
    created_by text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT cohorts_size_check CHECK ((size >= 0)),
    CONSTRAINT cohorts_version_check CHECK ((version >= 1))
);

ALTER TABLE ONLY public.cohorts FORCE ROW LEVEL SECURITY;

ALTER TABLE public.cohorts OWNER TO e2i_owner;

CREATE TABLE public.composer_episodes (
    tenant_id uuid NOT NULL,
    episode_id uuid DEFAULT public.new_id() NOT NULL,
    composition_id uuid NOT NULL,
    query_text text NOT NULL,
    query_embedding public.vector(1536),
    embedding_model text,
    sub_questions jsonb,
    dependencies jsonb,
    decomposition_source text,
    tool_plan jsonb,
    parallelizable_groups jsonb,
    tool_outputs jsonb,
    synthesized_response text,
    answer jsonb,
    missing jsonb DEFAULT '[]'::jsonb NOT NULL,
    total_latency_ms double precision,
    decompose_latency_ms double precision,
    plan_latency_ms double precision,
    execute_latency_ms double precision,
    synthesize_latency_ms double precision,
    other_latency_ms jsonb DEFAULT '{}'::jsonb NOT NULL,
    status public.composition_status DEFAULT 'PENDING'::public.composition_status NOT NULL,
    error_message text,
    success boolean,
    user_rating smallint,
    feedback_text text,
    user_success boolean,
    session_id text,
    user_id text,
    dataset text,
    deadline_seconds integer DEFAULT 300 NOT NULL,
    classification_id uuid,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    completed_at timestamp with time zone,
    feedback_at timestamp with time zone,
    max_cost_usd numeric(12,6),
    attempt integer DEFAULT 1 NOT NULL,
    attempted_at timestamp with time zone,
    plan_key text,
    CONSTRAINT composer_episodes_attempt_check CHECK ((attempt >= 1)),
    CONSTRAINT composer_episodes_check CHECK (((query_embedding IS NULL) OR (embedding_model IS NOT NULL))),
    CONSTRAINT composer_episodes_deadline_seconds_check CHECK (((deadline_seconds >= 1) AND (deadline_seconds <= 300))),
    CONSTRAINT composer_episodes_max_cost_usd_check CHECK ((max_cost_usd >= (0)::numeric)),
    CONSTRAINT composer_episodes_user_rating_check CHECK (((user_rating >= 1) AND (user_rating <= 5)))
)
PARTITION BY RANGE (created_at);

ALTER TABLE ONLY public.composer_episodes FORCE ROW LEVEL SECURITY;

ALTER TABLE public.composer_episodes OWNER TO e2i_owner;

COMMENT ON COLUMN public.composer_episodes.embedding_model IS 'Vectors of different models are never compared.';

COMMENT ON COLUMN public.composer_episodes.success IS 'COMPLETED with nothing missing; NULL until finished. user_success is the user''s own word.';

COMMENT ON COLUMN public.composer_episodes.max_cost_usd IS 'NULL: the cap of the settings.';

COMMENT ON COLUMN public.composer_episodes.attempt IS 'Executions so far; a retry adds one, and ends of earlier executions no longer count.';

COMMENT ON COLUMN public.composer_episodes.plan_key IS 'Hash of all that a plan depends on: the same key, the same plan.';

CREATE TABLE public.composer_episodes_default (
    tenant_id uuid CONSTRAINT composer_episodes_tenant_id_not_null NOT NULL,
    episode_id uuid DEFAULT public.new_id() CONSTRAINT composer_episodes_episode_id_not_null NOT NULL,
    composition_id uuid CONSTRAINT composer_episodes_composition_id_not_null NOT NULL,
    query_text text CONSTRAINT composer_episodes_query_text_not_null NOT NULL,
    query_embedding public.vector(1536),
    embedding_model text,
    sub_questions jsonb,
    dependencies jsonb,
    decomposition_source text,
    tool_plan jsonb,
    parallelizable_groups jsonb,
    tool_outputs jsonb,
    synthesized_response text,
    answer jsonb,
    missing jsonb DEFAULT '[]'::jsonb CONSTRAINT composer_episodes_missing_not_null NOT NULL,
    total_latency_ms double precision,
    decompose_latency_ms double precision,
    plan_latency_ms double precision,
    execute_latency_ms double precision,
    synthesize_latency_ms double precision,
    other_latency_ms jsonb DEFAULT '{}'::jsonb CONSTRAINT composer_episodes_other_latency_ms_not_null NOT NULL,
    status public.composition_status DEFAULT 'PENDING'::public.composition_status CONSTRAINT composer_episodes_status_not_null NOT NULL,
    error_message text,
    success boolean,
    user_rating smallint,
    feedback_text text,
    user_success boolean,
    session_id text,
    user_id text,
    dataset text,
    deadline_seconds integer DEFAULT 300 CONSTRAINT composer_episodes_deadline_seconds_not_null NOT NULL,
    classification_id uuid,
    created_at timestamp with time zone DEFAULT clock_timestamp() CONSTRAINT composer_episodes_created_at_not_null NOT NULL,
    completed_at timestamp with time zone,
    feedback_at timestamp with time zone,
    max_cost_usd numeric(12,6),
    attempt integer DEFAULT 1 CONSTRAINT composer_episodes_attempt_not_null NOT NULL,
    attempted_at timestamp with time zone,
    plan_key text,
    CONSTRAINT composer_episodes_attempt_check CHECK ((attempt >= 1)),
    CONSTRAINT composer_episodes_check CHECK (((query_embedding IS NULL) OR (embedding_model IS NOT NULL))),
    CONSTRAINT composer_episodes_deadline_seconds_check CHECK (((deadline_seconds >= 1) AND (deadline_seconds <= 300))),
    CONSTRAINT composer_episodes_max_cost_usd_check CHECK ((max_cost_usd >= (0)::numeric)),
    CONSTRAINT composer_episodes_user_rating_check CHECK (((user_rating >= 1) AND (user_rating <= 5)))
);

ALTER TABLE ONLY public.composer_episodes_default FORCE ROW LEVEL SECURITY;

ALTER TABLE public.composer_episodes_default OWNER TO e2i_owner;

CREATE TABLE public.composition_events (
    tenant_id uuid NOT NULL,
    composition_id uuid NOT NULL,
    seq integer NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    kind text NOT NULL,
    detail jsonb NOT NULL,
    episode_id uuid NOT NULL,
    episode_created_at timestamp with time zone NOT NULL,
    CONSTRAINT composition_events_kind_check CHECK ((kind = ANY (ARRAY['status'::text, 'step'::text, 'partial'::text]))),
    CONSTRAINT composition_events_seq_check CHECK ((seq >= 1))
);

ALTER TABLE ONLY public.composition_events FORCE ROW LEVEL SECURITY;

ALTER TABLE public.composition_events OWNER TO e2i_owner;

COMMENT ON TABLE public.composition_events IS 'Append-only: each change of a composition''s or a step''s status, numbered without gaps in the order of their commits.';

CREATE TABLE public.composition_steps (
    tenant_id uuid NOT NULL,
    step_id uuid DEFAULT public.new_id() NOT NULL,
    episode_id uuid NOT NULL,
    episode_created_at timestamp with time zone NOT NULL,
    composition_id uuid NOT NULL,
    step_number integer NOT NULL,
    step_name text NOT NULL,
    tool_id uuid,
    tool_name text NOT NULL,
    runtime text DEFAULT 'layer'::text NOT NULL,
    level integer DEFAULT 1 NOT NULL,
    input_params jsonb DEFAULT '{}'::jsonb NOT NULL,
    resolved_inputs jsonb,
    output_result jsonb,
    depends_on_steps integer[] DEFAULT '{}'::integer[] NOT NULL,
    serves_sub_question text NOT NULL,
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    latency_ms double precision,
    status public.composition_status DEFAULT 'PENDING'::public.composition_status NOT NULL,
    error_message text,
    retry_count integer DEFAULT 0 NOT NULL,
    output_ref text,
    CONSTRAINT composition_steps_runtime_check CHECK ((runtime = ANY (ARRAY['layer'::text, 'image'::text]))),
    CONSTRAINT composition_steps_step_number_check CHECK ((step_number >= 1))
);

ALTER TABLE ONLY public.composition_steps FORCE ROW LEVEL SECURITY;

ALTER TABLE public.composition_steps OWNER TO e2i_owner;

COMMENT ON COLUMN public.composition_steps.input_params IS 'As planned: literals and references to earlier outputs; resolved_inputs is what the tool got.';

COMMENT ON COLUMN public.composition_steps.output_ref IS 'Key in the object store of an output too large for a row; output_result is NULL then.';

CREATE TABLE public.dataset_columns (
    tenant_id uuid NOT NULL,
    dataset_id uuid NOT NULL,
    version integer NOT NULL,
    "position" integer NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    role text NOT NULL,
    role_guessed boolean DEFAULT true NOT NULL,
    unit text,
    description text,
    synonyms text[] DEFAULT '{}'::text[] NOT NULL,
    statistics jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT dataset_columns_kind_check CHECK ((kind = ANY (ARRAY['number'::text, 'integer'::text, 'boolean'::text, 'category'::text, 'text'::text, 'date'::text, 'datetime'::text, 'id'::text]))),
    CONSTRAINT dataset_columns_position_check CHECK (("position" >= 1)),
    CONSTRAINT dataset_columns_role_check CHECK ((role = ANY (ARRAY['id'::text, 'treatment'::text, 'outcome'::text, 'covariate'::text, 'segment'::text, 'time'::text, 'cluster'::text, 'ignore'::text])))
);

ALTER TABLE ONLY public.dataset_columns FORCE ROW LEVEL SECURITY;

ALTER TABLE public.dataset_columns OWNER TO e2i_owner;

CREATE TABLE public.datasets (
    tenant_id uuid NOT NULL,
    dataset_id uuid NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    row_count bigint NOT NULL,
    unit text,
    description text,
    randomised boolean DEFAULT false NOT NULL,
    warnings text[] DEFAULT '{}'::text[] NOT NULL,
    rows_table text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT datasets_row_count_check CHECK ((row_count >= 0)),
    CONSTRAINT datasets_version_check CHECK ((version >= 1))
);

ALTER TABLE ONLY public.datasets FORCE ROW LEVEL SECURITY;

ALTER TABLE public.datasets OWNER TO e2i_owner;

CREATE TABLE public.digital_twin_models (
    tenant_id uuid NOT NULL,
    model_id uuid DEFAULT public.new_id() NOT NULL,
    model_name text NOT NULL,
    model_description text,
    twin_type public.twin_type NOT NULL,
    model_version integer DEFAULT 1 NOT NULL,
    job_id uuid,
    mlflow_run_id text,
    mlflow_model_uri text,
    bundle_key text,
    training_config jsonb DEFAULT '{}'::jsonb NOT NULL,
    feature_columns text[] DEFAULT '{}'::text[] NOT NULL,
    target_columns text[] DEFAULT '{}'::text[] NOT NULL,
    performance_metrics jsonb DEFAULT '{}'::jsonb NOT NULL,
    fidelity_score double precision,
    fidelity_sample_count integer DEFAULT 0 NOT NULL,
    last_fidelity_update timestamp with time zone,
    is_active boolean DEFAULT false NOT NULL,
    activation_date timestamp with time zone,
    deactivation_date timestamp with time zone,
    deactivation_reason text,
    brand text NOT NULL,
    geographic_scope text,
    created_by text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    bundle_digest text,
    warnings text[] DEFAULT '{}'::text[] NOT NULL,
    figures jsonb DEFAULT '{}'::jsonb NOT NULL,
    fidelity jsonb DEFAULT '{}'::jsonb NOT NULL,
    mlflow_pending text,
    CONSTRAINT digital_twin_models_bundle_digest_check CHECK ((bundle_digest ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT digital_twin_models_fidelity_sample_count_check CHECK ((fidelity_sample_count >= 0)),
    CONSTRAINT digital_twin_models_fidelity_score_check CHECK (((fidelity_score >= (0)::double precision) AND (fidelity_score <= (1)::double precision))),
    CONSTRAINT digital_twin_models_model_version_check CHECK ((model_version >= 1))
);

ALTER TABLE ONLY public.digital_twin_models FORCE ROW LEVEL SECURITY;

ALTER TABLE public.digital_twin_models OWNER TO e2i_owner;

COMMENT ON COLUMN public.digital_twin_models.bundle_digest IS 'SHA-256 of the bundle; NULL until its training completed.';

COMMENT ON COLUMN public.digital_twin_models.fidelity IS 'What the last check found: similarity, accuracy, degradation.';

COMMENT ON COLUMN public.digital_twin_models.mlflow_pending IS 'Why the training is not in the experiment log; NULL once it is.';

CREATE TABLE public.documents (
    tenant_id uuid NOT NULL,
    document_id uuid DEFAULT public.new_id() NOT NULL,
    kind text NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    source text,
    author text,
    embedding public.vector(1536),
    embedding_model text,
    search tsvector GENERATED ALWAYS AS (to_tsvector('english'::regconfig, ((title || ' '::text) || body))) STORED,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT documents_check CHECK (((embedding IS NULL) OR (embedding_model IS NOT NULL)))
);

ALTER TABLE ONLY public.documents FORCE ROW LEVEL SECURITY;

ALTER TABLE public.documents OWNER TO e2i_owner;

CREATE TABLE public.entity_twin_versions (
    tenant_id uuid NOT NULL,
    entity_twin_id uuid NOT NULL,
    version integer NOT NULL,
    event_id text,
    event jsonb DEFAULT '{}'::jsonb NOT NULL,
    state jsonb NOT NULL,
    predictions jsonb DEFAULT '{}'::jsonb NOT NULL,
    valid_from timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT entity_twin_versions_version_check CHECK ((version >= 1))
);

ALTER TABLE ONLY public.entity_twin_versions FORCE ROW LEVEL SECURITY;

ALTER TABLE public.entity_twin_versions OWNER TO e2i_owner;

CREATE TABLE public.entity_twins (
    tenant_id uuid NOT NULL,
    entity_twin_id uuid DEFAULT public.new_id() NOT NULL,
    model_id uuid,
    twin_type public.twin_type NOT NULL,
    entity_token text NOT NULL,
    current_version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone
);

ALTER TABLE ONLY public.entity_twins FORCE ROW LEVEL SECURITY;

ALTER TABLE public.entity_twins OWNER TO e2i_owner;

COMMENT ON COLUMN public.entity_twins.entity_token IS 'A random token, never an identifier of the person.';

CREATE TABLE public.experiment_arms (
    tenant_id uuid NOT NULL,
    arm_id uuid DEFAULT public.new_id() NOT NULL,
    experiment_id uuid NOT NULL,
    name text NOT NULL,
    is_control boolean DEFAULT false NOT NULL,
    ratio double precision DEFAULT 1 NOT NULL,
    config jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT experiment_arms_ratio_check CHECK ((ratio > (0)::double precision))
);

ALTER TABLE ONLY public.experiment_arms FORCE ROW LEVEL SECURITY;

ALTER TABLE public.experiment_arms OWNER TO e2i_owner;

CREATE TABLE public.experiment_assignments (
    tenant_id uuid NOT NULL,
    assignment_id uuid DEFAULT public.new_id() NOT NULL,
    experiment_id uuid NOT NULL,
    arm_id uuid NOT NULL,
    unit_id text NOT NULL,
    stratum text DEFAULT ''::text NOT NULL,
    block integer,
    salt_version integer DEFAULT 1 NOT NULL,
    assigned_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE ONLY public.experiment_assignments FORCE ROW LEVEL SECURITY;

ALTER TABLE public.experiment_assignments OWNER TO e2i_owner;

CREATE TABLE public.experiment_enrolments (
    tenant_id uuid NOT NULL,
    enrolment_id uuid DEFAULT public.new_id() NOT NULL,
    experiment_id uuid NOT NULL,
    unit_id text NOT NULL,
    eligible boolean NOT NULL,
    exclusion_reason text,
    consent_version text,
    consented_at timestamp with time zone,
    withdrawn_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT experiment_enrolments_check CHECK ((eligible OR (exclusion_reason IS NOT NULL)))
);

ALTER TABLE ONLY public.experiment_enrolments FORCE ROW LEVEL SECURITY;

ALTER TABLE public.experiment_enrolments OWNER TO e2i_owner;

CREATE TABLE public.experiment_looks (
    tenant_id uuid NOT NULL,
    look_id uuid DEFAULT public.new_id() NOT NULL,
    experiment_id uuid NOT NULL,
    look_number integer NOT NULL,
    information_fraction double precision NOT NULL,
    boundary_z double precision NOT NULL,
    observed_z double precision,
    spent_alpha double precision NOT NULL,
    decision text NOT NULL,
    data_cut timestamp with time zone NOT NULL,
    analysed_by text,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT experiment_looks_information_fraction_check CHECK (((information_fraction > (0)::double precision) AND (information_fraction <= (1)::double precision))),
    CONSTRAINT experiment_looks_look_number_check CHECK ((look_number >= 1)),
    CONSTRAINT experiment_looks_spent_alpha_check CHECK (((spent_alpha >= (0)::double precision) AND (spent_alpha <= (1)::double precision)))
);

ALTER TABLE ONLY public.experiment_looks FORCE ROW LEVEL SECURITY;

ALTER TABLE public.experiment_looks OWNER TO e2i_owner;

COMMENT ON TABLE public.experiment_looks IS 'A look is recorded once: the app role may not change it.';

CREATE TABLE public.experiment_outcomes (
    tenant_id uuid NOT NULL,
    outcome_id uuid DEFAULT public.new_id() NOT NULL,
    experiment_id uuid NOT NULL,
    unit_id text NOT NULL,
    metric text NOT NULL,
    value double precision NOT NULL,
    observed_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.experiment_outcomes FORCE ROW LEVEL SECURITY;

ALTER TABLE public.experiment_outcomes OWNER TO e2i_owner;

CREATE TABLE public.idempotency_keys (
    tenant_id uuid NOT NULL,
    key text NOT NULL,
    body_hash text NOT NULL,
    response jsonb,
    locked_until timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT idempotency_keys_key_check CHECK (((length(key) >= 1) AND (length(key) <= 2000)))
);

ALTER TABLE ONLY public.idempotency_keys FORCE ROW LEVEL SECURITY;

ALTER TABLE public.idempotency_keys OWNER TO e2i_owner;

COMMENT ON COLUMN public.idempotency_keys.key IS 'The route and the caller''s key; response is NULL while the first request runs.';

CREATE TABLE public.llm_usage (
    tenant_id uuid NOT NULL,
    usage_id uuid DEFAULT public.new_id() NOT NULL,
    composition_id uuid,
    session_id text,
    user_id text,
    phase text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    tokens_in integer DEFAULT 0 NOT NULL,
    tokens_out integer DEFAULT 0 NOT NULL,
    tokens_cached integer DEFAULT 0 NOT NULL,
    reserved_usd numeric(12,6) DEFAULT 0 NOT NULL,
    cost_usd numeric(12,6),
    latency_ms double precision,
    attempts integer DEFAULT 1 NOT NULL,
    outcome text DEFAULT 'reserved'::text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    settled_at timestamp with time zone,
    tokens_cache_write_short integer DEFAULT 0 NOT NULL,
    tokens_cache_write_long integer DEFAULT 0 NOT NULL,
    tokens_reasoning integer DEFAULT 0 NOT NULL,
    prompt text,
    price_table text,
    request_id text,
    CONSTRAINT llm_usage_cost_usd_check CHECK ((cost_usd >= (0)::numeric)),
    CONSTRAINT llm_usage_reserved_usd_check CHECK ((reserved_usd >= (0)::numeric)),
    CONSTRAINT llm_usage_tokens_cache_write_long_check CHECK ((tokens_cache_write_long >= 0)),
    CONSTRAINT llm_usage_tokens_cache_write_short_check CHECK ((tokens_cache_write_short >= 0)),
    CONSTRAINT llm_usage_tokens_cached_check CHECK ((tokens_cached >= 0)),
    CONSTRAINT llm_usage_tokens_in_check CHECK ((tokens_in >= 0)),
    CONSTRAINT llm_usage_tokens_out_check CHECK ((tokens_out >= 0)),
    CONSTRAINT llm_usage_tokens_reasoning_check CHECK ((tokens_reasoning >= 0))
);

ALTER TABLE ONLY public.llm_usage FORCE ROW LEVEL SECURITY;

ALTER TABLE public.llm_usage OWNER TO e2i_owner;

COMMENT ON COLUMN public.llm_usage.tokens_in IS 'All input tokens; tokens_cached of them read from the cache, tokens_cache_write_* written to it.';

COMMENT ON COLUMN public.llm_usage.cost_usd IS 'NULL until settled; reserved_usd is held before the call.';

COMMENT ON COLUMN public.llm_usage.attempts IS 'Which attempt of its request this call was, from 1.';

COMMENT ON COLUMN public.llm_usage.tokens_reasoning IS 'Part of tokens_out.';

CREATE TABLE public.message_failures (
    tenant_id uuid NOT NULL,
    queue text NOT NULL,
    message_id text NOT NULL,
    topic text NOT NULL,
    error_type text NOT NULL,
    reason text NOT NULL,
    failures integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT message_failures_failures_check CHECK ((failures >= 1)),
    CONSTRAINT message_failures_message_id_check CHECK (((length(message_id) >= 1) AND (length(message_id) <= 200))),
    CONSTRAINT message_failures_queue_check CHECK (((length(queue) >= 1) AND (length(queue) <= 200))),
    CONSTRAINT message_failures_reason_check CHECK ((length(reason) <= 1000)),
    CONSTRAINT message_failures_topic_check CHECK ((length(topic) <= 200))
);

ALTER TABLE ONLY public.message_failures FORCE ROW LEVEL SECURITY;

ALTER TABLE public.message_failures OWNER TO e2i_owner;

COMMENT ON TABLE public.message_failures IS 'Why a queue''s message could not be served the last time; gone once it was, or was put back.';

CREATE TABLE public.ml_experiments (
    tenant_id uuid NOT NULL,
    experiment_id uuid DEFAULT public.new_id() NOT NULL,
    name text NOT NULL,
    hypothesis text,
    status public.experiment_status DEFAULT 'draft'::public.experiment_status NOT NULL,
    brand text,
    unit_type text,
    primary_outcome text,
    design jsonb DEFAULT '{}'::jsonb NOT NULL,
    protocol_hash text,
    protocol_version integer DEFAULT 1 NOT NULL,
    target_sample_size integer,
    alpha double precision DEFAULT 0.05 NOT NULL,
    results jsonb,
    created_by text,
    approved_by text,
    approved_at timestamp with time zone,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT ml_experiments_alpha_check CHECK (((alpha > (0)::double precision) AND (alpha < (1)::double precision))),
    CONSTRAINT ml_experiments_target_sample_size_check CHECK ((target_sample_size > 0))
);

ALTER TABLE ONLY public.ml_experiments FORCE ROW LEVEL SECURITY;

ALTER TABLE public.ml_experiments OWNER TO e2i_owner;

COMMENT ON COLUMN public.ml_experiments.results IS 'The analysis; "primary" holds the primary outcome''s estimate, std_error, confidence_interval [low, high] at 95% and sample_size.';

CREATE TABLE public.outbox (
    tenant_id uuid NOT NULL,
    outbox_id uuid DEFAULT public.new_id() NOT NULL,
    topic text NOT NULL,
    payload jsonb NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    claimed_until timestamp with time zone,
    last_error text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    published_at timestamp with time zone,
    CONSTRAINT outbox_topic_check CHECK (((length(topic) >= 1) AND (length(topic) <= 200)))
);

ALTER TABLE ONLY public.outbox FORCE ROW LEVEL SECURITY;

ALTER TABLE public.outbox OWNER TO e2i_owner;

COMMENT ON TABLE public.outbox IS 'Events written in the transaction that caused them; a relay publishes each at least once.';

CREATE TABLE public.tenants (
    tenant_id uuid DEFAULT public.new_id() NOT NULL,
    name text NOT NULL,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT tenants_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100)))
);

ALTER TABLE ONLY public.tenants FORCE ROW LEVEL SECURITY;

ALTER TABLE public.tenants OWNER TO e2i_owner;

CREATE TABLE public.tool_dependencies (
    tenant_id uuid DEFAULT public.system_tenant() NOT NULL,
    consumer text NOT NULL,
    producer text NOT NULL,
    output_field text DEFAULT ''::text NOT NULL,
    input_field text NOT NULL,
    transform_expression text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT tool_dependencies_check CHECK ((producer <> consumer))
);

ALTER TABLE ONLY public.tool_dependencies FORCE ROW LEVEL SECURITY;

ALTER TABLE public.tool_dependencies OWNER TO e2i_owner;

COMMENT ON COLUMN public.tool_dependencies.output_field IS 'Empty: the whole output.';

CREATE TABLE public.tool_performance (
    tenant_id uuid NOT NULL,
    performance_id uuid DEFAULT public.new_id() NOT NULL,
    tool text NOT NULL,
    context_type text NOT NULL,
    input_complexity integer,
    latency_ms double precision,
    success boolean NOT NULL,
    error_type text,
    composition_id uuid,
    step_id uuid,
    called_by text NOT NULL,
    executed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE ONLY public.tool_performance FORCE ROW LEVEL SECURITY;

ALTER TABLE public.tool_performance OWNER TO e2i_owner;

COMMENT ON COLUMN public.tool_performance.input_complexity IS 'Number of input fields of the call.';

CREATE TABLE public.tool_registry (
    tenant_id uuid DEFAULT public.system_tenant() NOT NULL,
    tool_id uuid DEFAULT public.new_id() NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    category public.tool_category NOT NULL,
    source_agent text NOT NULL,
    input_schema jsonb DEFAULT '{}'::jsonb NOT NULL,
    output_schema jsonb DEFAULT '{}'::jsonb NOT NULL,
    examples jsonb DEFAULT '[]'::jsonb NOT NULL,
    composable boolean DEFAULT true NOT NULL,
    avg_latency_ms double precision,
    success_rate double precision,
    version text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deprecated_at timestamp with time zone,
    CONSTRAINT tool_registry_avg_latency_ms_check CHECK ((avg_latency_ms >= (0)::double precision)),
    CONSTRAINT tool_registry_success_rate_check CHECK (((success_rate >= (0)::double precision) AND (success_rate <= (1)::double precision)))
);

ALTER TABLE ONLY public.tool_registry FORCE ROW LEVEL SECURITY;

ALTER TABLE public.tool_registry OWNER TO e2i_owner;

CREATE TABLE public.training_jobs (
    tenant_id uuid NOT NULL,
    job_id uuid DEFAULT public.new_id() NOT NULL,
    model_name text NOT NULL,
    request jsonb NOT NULL,
    status public.simulation_status DEFAULT 'pending'::public.simulation_status NOT NULL,
    phase text DEFAULT 'queued'::text NOT NULL,
    percent smallint DEFAULT 0 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    error_message text,
    requested_by text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    model_id uuid,
    brand text,
    retries integer DEFAULT 0 NOT NULL,
    CONSTRAINT training_jobs_percent_check CHECK (((percent >= 0) AND (percent <= 100))),
    CONSTRAINT training_jobs_retries_check CHECK ((retries >= 0))
);

ALTER TABLE ONLY public.training_jobs FORCE ROW LEVEL SECURITY;

ALTER TABLE public.training_jobs OWNER TO e2i_owner;

COMMENT ON COLUMN public.training_jobs.retries IS 'How often somebody asked for it again after it FAILED; each has an execution of its own.';

CREATE TABLE public.twin_fidelity_tracking (
    tenant_id uuid NOT NULL,
    tracking_id uuid DEFAULT public.new_id() NOT NULL,
    simulation_id uuid NOT NULL,
    actual_experiment_id uuid,
    simulated_ate double precision NOT NULL,
    simulated_ci_lower double precision,
    simulated_ci_upper double precision,
    actual_ate double precision,
    actual_ci_lower double precision,
    actual_ci_upper double precision,
    actual_sample_size integer,
    prediction_error double precision,
    absolute_error double precision,
    ci_coverage boolean,
    fidelity_grade public.fidelity_grade DEFAULT 'unvalidated'::public.fidelity_grade NOT NULL,
    validation_notes text,
    confounding_factors jsonb DEFAULT '[]'::jsonb NOT NULL,
    validated_by text,
    validated_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    simulated_std_error double precision,
    actual_std_error double precision,
    outcome_sd double precision,
    CONSTRAINT twin_fidelity_tracking_absolute_error_check CHECK ((absolute_error >= (0)::double precision)),
    CONSTRAINT twin_fidelity_tracking_actual_sample_size_check CHECK ((actual_sample_size > 0)),
    CONSTRAINT twin_fidelity_tracking_actual_std_error_check CHECK ((actual_std_error >= (0)::double precision)),
    CONSTRAINT twin_fidelity_tracking_outcome_sd_check CHECK ((outcome_sd > (0)::double precision)),
    CONSTRAINT twin_fidelity_tracking_simulated_std_error_check CHECK ((simulated_std_error >= (0)::double precision))
);

ALTER TABLE ONLY public.twin_fidelity_tracking FORCE ROW LEVEL SECURITY;

ALTER TABLE public.twin_fidelity_tracking OWNER TO e2i_owner;

COMMENT ON COLUMN public.twin_fidelity_tracking.prediction_error IS '(simulated - actual) / |actual|: relative and signed; absolute_error is in outcome units.';

CREATE TABLE public.twin_simulations (
    tenant_id uuid NOT NULL,
    simulation_id uuid DEFAULT public.new_id() NOT NULL,
    model_id uuid NOT NULL,
    experiment_design_id uuid,
    intervention_type text NOT NULL,
    intervention_config jsonb DEFAULT '{}'::jsonb NOT NULL,
    target_population text,
    population_filters jsonb DEFAULT '[]'::jsonb NOT NULL,
    twin_count integer NOT NULL,
    seed bigint,
    simulated_ate double precision,
    simulated_ci_lower double precision,
    simulated_ci_upper double precision,
    simulated_std_error double precision,
    effect_heterogeneity jsonb DEFAULT '{}'::jsonb NOT NULL,
    simulation_status public.simulation_status DEFAULT 'pending'::public.simulation_status NOT NULL,
    recommendation public.simulation_recommendation,
    recommendation_rationale text,
    recommended_sample_size integer,
    recommended_duration_weeks integer,
    simulation_confidence double precision,
    fidelity_warning boolean DEFAULT false NOT NULL,
    fidelity_warning_reason text,
    execution_time_ms double precision,
    memory_usage_mb double precision,
    brand text,
    error_message text,
    requested_by text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    cache_key text,
    request jsonb DEFAULT '{}'::jsonb NOT NULL,
    result jsonb,
    CONSTRAINT twin_simulations_check CHECK ((simulated_ci_lower <= simulated_ci_upper)),
    CONSTRAINT twin_simulations_recommended_duration_weeks_check CHECK ((recommended_duration_weeks > 0)),
    CONSTRAINT twin_simulations_recommended_sample_size_check CHECK ((recommended_sample_size > 0)),
    CONSTRAINT twin_simulations_simulated_std_error_check CHECK ((simulated_std_error >= (0)::double precision)),
    CONSTRAINT twin_simulations_simulation_confidence_check CHECK (((simulation_confidence >= (0)::double precision) AND (simulation_confidence <= (1)::double precision))),
    CONSTRAINT twin_simulations_twin_count_check CHECK ((twin_count > 0))
);

ALTER TABLE ONLY public.twin_simulations FORCE ROW LEVEL SECURITY;

ALTER TABLE public.twin_simulations OWNER TO e2i_owner;

CREATE VIEW public.v_active_compositions WITH (security_invoker='true') AS
 SELECT e.tenant_id,
    e.composition_id,
    e.query_text,
    e.status,
    e.session_id,
    e.created_at,
    (EXTRACT(epoch FROM (now() - e.created_at)))::double precision AS age_seconds,
    ((e.created_at + make_interval(secs => (e.deadline_seconds)::double precision)) < now()) AS overdue,
    s.steps_total,
    s.steps_done
   FROM (public.composer_episodes e
     CROSS JOIN LATERAL ( SELECT count(*) AS steps_total,
            count(*) FILTER (WHERE (c.status = ANY (ARRAY['COMPLETED'::public.composition_status, 'FAILED'::public.composition_status, 'SKIPPED'::public.composition_status]))) AS steps_done
           FROM public.composition_steps c
          WHERE ((c.tenant_id = e.tenant_id) AND (c.composition_id = e.composition_id))) s)
  WHERE (e.status = ANY (ARRAY['PENDING'::public.composition_status, 'DECOMPOSING'::public.composition_status, 'PLANNING'::public.composition_status, 'EXECUTING'::public.composition_status, 'SYNTHESIZING'::public.composition_status]));

ALTER VIEW public.v_active_compositions OWNER TO e2i_owner;

CREATE VIEW public.v_active_twin_models WITH (security_invoker='true') AS
 SELECT m.tenant_id,
    m.model_id,
    m.model_name,
    m.twin_type,
    m.model_version,
    m.brand,
    m.geographic_scope,
    m.fidelity_score,
    m.fidelity_sample_count,
    m.last_fidelity_update,
    m.activation_date,
    m.performance_metrics,
    s.simulations,
    s.last_simulated_at
   FROM (public.digital_twin_models m
     CROSS JOIN LATERAL ( SELECT count(*) AS simulations,
            max(t.created_at) AS last_simulated_at
           FROM public.twin_simulations t
          WHERE ((t.tenant_id = m.tenant_id) AND (t.model_id = m.model_id))) s)
  WHERE (m.is_active AND (m.deleted_at IS NULL));

ALTER VIEW public.v_active_twin_models OWNER TO e2i_owner;

CREATE VIEW public.v_classification_accuracy WITH (security_invoker='true') AS
 SELECT tenant_id,
    routing_pattern,
    count(*) AS classified,
    count(was_correct) AS judged,
    count(*) FILTER (WHERE was_correct) AS correct,
    ((count(*) FILTER (WHERE was_correct))::double precision / (NULLIF(count(was_correct), 0))::double precision) AS accuracy
   FROM public.classification_logs
  GROUP BY tenant_id, routing_pattern;

ALTER VIEW public.v_classification_accuracy OWNER TO e2i_owner;

CREATE VIEW public.v_composition_success_rate WITH (security_invoker='true') AS
 SELECT tenant_id,
    ((created_at AT TIME ZONE 'UTC'::text))::date AS day,
    count(*) AS compositions,
    count(*) FILTER (WHERE (status = 'COMPLETED'::public.composition_status)) AS completed,
    count(*) FILTER (WHERE (status = 'FAILED'::public.composition_status)) AS failed,
    count(*) FILTER (WHERE (status = 'TIMEOUT'::public.composition_status)) AS timed_out,
    count(*) FILTER (WHERE (status = 'CANCELLED'::public.composition_status)) AS cancelled,
    ((count(*) FILTER (WHERE (status = 'COMPLETED'::public.composition_status)))::double precision / (NULLIF(count(*) FILTER (WHERE (status = ANY (ARRAY['COMPLETED'::public.composition_status, 'FAILED'::public.composition_status, 'TIMEOUT'::public.composition_status]))), 0))::double precision) AS success_rate,
    avg(total_latency_ms) AS avg_latency_ms,
    percentile_cont((0.95)::double precision) WITHIN GROUP (ORDER BY total_latency_ms) AS p95_latency_ms,
    (avg(user_rating))::double precision AS avg_rating
   FROM public.composer_episodes
  GROUP BY tenant_id, (((created_at AT TIME ZONE 'UTC'::text))::date);

ALTER VIEW public.v_composition_success_rate OWNER TO e2i_owner;

CREATE VIEW public.v_model_fidelity_history WITH (security_invoker='true') AS
 SELECT f.tenant_id,
    s.model_id,
    m.model_name,
    m.model_version,
    f.tracking_id,
    f.simulation_id,
    f.actual_experiment_id,
    f.simulated_ate,
    f.actual_ate,
    f.prediction_error,
    f.absolute_error,
    f.ci_coverage,
    f.fidelity_grade,
    f.validated_at,
    avg(abs(f.prediction_error)) OVER history AS mean_error_so_far,
    avg((f.ci_coverage)::integer) OVER history AS coverage_so_far
   FROM ((public.twin_fidelity_tracking f
     JOIN public.twin_simulations s ON (((s.tenant_id = f.tenant_id) AND (s.simulation_id = f.simulation_id))))
     JOIN public.digital_twin_models m ON (((m.tenant_id = s.tenant_id) AND (m.model_id = s.model_id))))
  WINDOW history AS (PARTITION BY f.tenant_id, s.model_id ORDER BY f.validated_at, f.tracking_id);

ALTER VIEW public.v_model_fidelity_history OWNER TO e2i_owner;

CREATE VIEW public.v_fidelity_degradation_alerts WITH (security_invoker='true') AS
 SELECT tenant_id,
    model_id,
    model_name,
    recent_error,
    past_error,
    recent_validations,
    past_validations,
    ratio,
        CASE
            WHEN (ratio >= (1.5)::double precision) THEN 'CRITICAL'::text
            WHEN (ratio >= (1.25)::double precision) THEN 'WARNING'::text
            ELSE 'LISTED'::text
        END AS severity
   FROM ( SELECT h.tenant_id,
            h.model_id,
            h.model_name,
            h.recent_error,
            h.past_error,
            h.recent_validations,
            h.past_validations,
                CASE
                    WHEN (h.past_error > (0)::double precision) THEN (h.recent_error / h.past_error)
                    WHEN (h.recent_error > (0)::double precision) THEN 'Infinity'::double precision
                    ELSE NULL::double precision
                END AS ratio
           FROM ( SELECT v_model_fidelity_history.tenant_id,
                    v_model_fidelity_history.model_id,
                    v_model_fidelity_history.model_name,
                    avg(abs(v_model_fidelity_history.prediction_error)) FILTER (WHERE (v_model_fidelity_history.validated_at >= (now() - '30 days'::interval))) AS recent_error,
                    avg(abs(v_model_fidelity_history.prediction_error)) FILTER (WHERE (v_model_fidelity_history.validated_at < (now() - '30 days'::interval))) AS past_error,
                    count(*) FILTER (WHERE (v_model_fidelity_history.validated_at >= (now() - '30 days'::interval))) AS recent_validations,
                    count(*) FILTER (WHERE (v_model_fidelity_history.validated_at < (now() - '30 days'::interval))) AS past_validations
                   FROM public.v_model_fidelity_history
                  WHERE ((v_model_fidelity_history.validated_at >= (now() - '180 days'::interval)) AND (v_model_fidelity_history.prediction_error IS NOT NULL))
                  GROUP BY v_model_fidelity_history.tenant_id, v_model_fidelity_history.model_id, v_model_fidelity_history.model_name) h) d
  WHERE (ratio >= (1.1)::double precision);

ALTER VIEW public.v_fidelity_degradation_alerts OWNER TO e2i_owner;

COMMENT ON VIEW public.v_fidelity_degradation_alerts IS 'Mean relative error of the last 30 days against the 150 days before.';

CREATE VIEW public.v_simulation_summary WITH (security_invoker='true') AS
 SELECT s.tenant_id,
    s.simulation_id,
    s.model_id,
    m.model_name,
    m.model_version,
    m.twin_type,
    s.brand,
    s.intervention_type,
    s.twin_count,
    s.simulation_status,
    s.simulated_ate,
    s.simulated_ci_lower,
    s.simulated_ci_upper,
    s.recommendation,
    s.simulation_confidence,
    s.fidelity_warning,
    s.recommended_sample_size,
    s.recommended_duration_weeks,
    s.execution_time_ms,
    s.created_at,
    s.completed_at,
    f.actual_ate,
    f.fidelity_grade
   FROM ((public.twin_simulations s
     JOIN public.digital_twin_models m ON (((m.tenant_id = s.tenant_id) AND (m.model_id = s.model_id))))
     LEFT JOIN LATERAL ( SELECT t.actual_ate,
            t.fidelity_grade
           FROM public.twin_fidelity_tracking t
          WHERE ((t.tenant_id = s.tenant_id) AND (t.simulation_id = s.simulation_id))
          ORDER BY t.created_at DESC
         LIMIT 1) f ON (true));

ALTER VIEW public.v_simulation_summary OWNER TO e2i_owner;

CREATE VIEW public.v_tool_reliability WITH (security_invoker='true') AS
 SELECT tenant_id,
    tool,
    count(*) AS calls,
    count(*) FILTER (WHERE success) AS successes,
    ((count(*) FILTER (WHERE success))::double precision / (count(*))::double precision) AS success_rate,
    avg(latency_ms) AS avg_latency_ms,
    percentile_cont((0.50)::double precision) WITHIN GROUP (ORDER BY latency_ms) AS p50_ms,
    percentile_cont((0.95)::double precision) WITHIN GROUP (ORDER BY latency_ms) AS p95_ms,
    percentile_cont((0.99)::double precision) WITHIN GROUP (ORDER BY latency_ms) AS p99_ms,
    max(executed_at) AS last_executed_at
   FROM public.tool_performance
  WHERE (executed_at >= (now() - '7 days'::interval))
  GROUP BY tenant_id, tool;

ALTER VIEW public.v_tool_reliability OWNER TO e2i_owner;

ALTER TABLE ONLY public.composer_episodes ATTACH PARTITION public.composer_episodes_default DEFAULT;

ALTER TABLE ONLY migrations.applied
    ADD CONSTRAINT applied_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.audit_heads
    ADD CONSTRAINT audit_heads_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (tenant_id, seq);

ALTER TABLE ONLY public.budgets
    ADD CONSTRAINT budgets_pkey PRIMARY KEY (tenant_id, scope, subject, period_start);

ALTER TABLE ONLY public.classification_logs
    ADD CONSTRAINT classification_logs_pkey PRIMARY KEY (tenant_id, classification_id);

ALTER TABLE ONLY public.cohorts
    ADD CONSTRAINT cohorts_pkey PRIMARY KEY (tenant_id, cohort_id);

ALTER TABLE ONLY public.cohorts
    ADD CONSTRAINT cohorts_tenant_id_name_version_key UNIQUE (tenant_id, name, version);

ALTER TABLE ONLY public.composer_episodes
    ADD CONSTRAINT composer_episodes_pkey PRIMARY KEY (tenant_id, episode_id, created_at);

ALTER TABLE ONLY public.composer_episodes_default
    ADD CONSTRAINT composer_episodes_default_pkey PRIMARY KEY (tenant_id, episode_id, created_at);

ALTER TABLE ONLY public.composition_events
    ADD CONSTRAINT composition_events_pkey PRIMARY KEY (tenant_id, composition_id, seq);

ALTER TABLE ONLY public.composition_steps
    ADD CONSTRAINT composition_steps_pkey PRIMARY KEY (tenant_id, step_id);

ALTER TABLE ONLY public.composition_steps
    ADD CONSTRAINT composition_steps_tenant_id_composition_id_step_number_key UNIQUE (tenant_id, composition_id, step_number);

ALTER TABLE ONLY public.dataset_columns
    ADD CONSTRAINT dataset_columns_pkey PRIMARY KEY (tenant_id, dataset_id, version, "position");

ALTER TABLE ONLY public.dataset_columns
    ADD CONSTRAINT dataset_columns_tenant_id_dataset_id_version_name_key UNIQUE (tenant_id, dataset_id, version, name);

ALTER TABLE ONLY public.datasets
    ADD CONSTRAINT datasets_pkey PRIMARY KEY (tenant_id, dataset_id, version);

ALTER TABLE ONLY public.digital_twin_models
    ADD CONSTRAINT digital_twin_models_pkey PRIMARY KEY (tenant_id, model_id);

ALTER TABLE ONLY public.digital_twin_models
    ADD CONSTRAINT digital_twin_models_tenant_id_model_name_brand_model_versio_key UNIQUE (tenant_id, model_name, brand, model_version);

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_pkey PRIMARY KEY (tenant_id, document_id);

ALTER TABLE ONLY public.entity_twin_versions
    ADD CONSTRAINT entity_twin_versions_pkey PRIMARY KEY (tenant_id, entity_twin_id, version);

ALTER TABLE ONLY public.entity_twin_versions
    ADD CONSTRAINT entity_twin_versions_tenant_id_entity_twin_id_event_id_key UNIQUE (tenant_id, entity_twin_id, event_id);

ALTER TABLE ONLY public.entity_twins
    ADD CONSTRAINT entity_twins_pkey PRIMARY KEY (tenant_id, entity_twin_id);

ALTER TABLE ONLY public.entity_twins
    ADD CONSTRAINT entity_twins_tenant_id_twin_type_entity_token_key UNIQUE (tenant_id, twin_type, entity_token);

ALTER TABLE ONLY public.experiment_arms
    ADD CONSTRAINT experiment_arms_pkey PRIMARY KEY (tenant_id, arm_id);

ALTER TABLE ONLY public.experiment_arms
    ADD CONSTRAINT experiment_arms_tenant_id_experiment_id_name_key UNIQUE (tenant_id, experiment_id, name);

ALTER TABLE ONLY public.experiment_assignments
    ADD CONSTRAINT experiment_assignments_pkey PRIMARY KEY (tenant_id, assignment_id);

ALTER TABLE ONLY public.experiment_assignments
    ADD CONSTRAINT experiment_assignments_tenant_id_experiment_id_unit_id_key UNIQUE (tenant_id, experiment_id, unit_id);

ALTER TABLE ONLY public.experiment_enrolments
    ADD CONSTRAINT experiment_enrolments_pkey PRIMARY KEY (tenant_id, enrolment_id);

ALTER TABLE ONLY public.experiment_enrolments
    ADD CONSTRAINT experiment_enrolments_tenant_id_experiment_id_unit_id_key UNIQUE (tenant_id, experiment_id, unit_id);

ALTER TABLE ONLY public.experiment_looks
    ADD CONSTRAINT experiment_looks_pkey PRIMARY KEY (tenant_id, look_id);

ALTER TABLE ONLY public.experiment_looks
    ADD CONSTRAINT experiment_looks_tenant_id_experiment_id_look_number_key UNIQUE (tenant_id, experiment_id, look_number);

ALTER TABLE ONLY public.experiment_outcomes
    ADD CONSTRAINT experiment_outcomes_pkey PRIMARY KEY (tenant_id, outcome_id);

ALTER TABLE ONLY public.experiment_outcomes
    ADD CONSTRAINT experiment_outcomes_tenant_id_experiment_id_unit_id_metric__key UNIQUE (tenant_id, experiment_id, unit_id, metric, observed_at);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, key);

ALTER TABLE ONLY public.llm_usage
    ADD CONSTRAINT llm_usage_pkey PRIMARY KEY (tenant_id, usage_id);

ALTER TABLE ONLY public.message_failures
    ADD CONSTRAINT message_failures_pkey PRIMARY KEY (tenant_id, queue, message_id);

ALTER TABLE ONLY public.ml_experiments
    ADD CONSTRAINT ml_experiments_pkey PRIMARY KEY (tenant_id, experiment_id);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (tenant_id, outbox_id);

ALTER TABLE ONLY public.tenants
    ADD CONSTRAINT tenants_name_key UNIQUE (name);

ALTER TABLE ONLY public.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.tool_dependencies
    ADD CONSTRAINT tool_dependencies_pkey PRIMARY KEY (tenant_id, consumer, producer, output_field, input_field);

ALTER TABLE ONLY public.tool_performance
    ADD CONSTRAINT tool_performance_pkey PRIMARY KEY (tenant_id, performance_id);

ALTER TABLE ONLY public.tool_registry
    ADD CONSTRAINT tool_registry_pkey PRIMARY KEY (tenant_id, tool_id);

ALTER TABLE ONLY public.tool_registry
    ADD CONSTRAINT tool_registry_tenant_id_name_key UNIQUE (tenant_id, name);

ALTER TABLE ONLY public.training_jobs
    ADD CONSTRAINT training_jobs_pkey PRIMARY KEY (tenant_id, job_id);

ALTER TABLE ONLY public.twin_fidelity_tracking
    ADD CONSTRAINT twin_fidelity_tracking_pkey PRIMARY KEY (tenant_id, tracking_id);

ALTER TABLE ONLY public.twin_simulations
    ADD CONSTRAINT twin_simulations_pkey PRIMARY KEY (tenant_id, simulation_id);

CREATE INDEX classification_logs_hash ON public.classification_logs USING btree (tenant_id, query_hash, created_at DESC);

CREATE INDEX classification_logs_session ON public.classification_logs USING btree (tenant_id, session_id, created_at DESC) WHERE (session_id IS NOT NULL);

CREATE INDEX composer_episodes_active ON ONLY public.composer_episodes USING btree (tenant_id, created_at DESC, composition_id DESC) WHERE (status = ANY (ARRAY['PENDING'::public.composition_status, 'DECOMPOSING'::public.composition_status, 'PLANNING'::public.composition_status, 'EXECUTING'::public.composition_status, 'SYNTHESIZING'::public.composition_status]));

CREATE INDEX composer_episodes_composition ON ONLY public.composer_episodes USING btree (tenant_id, composition_id);

CREATE INDEX composer_episodes_embedding ON ONLY public.composer_episodes USING hnsw (query_embedding public.vector_cosine_ops) WHERE (status = 'COMPLETED'::public.composition_status);

CREATE INDEX composer_episodes_default_query_embedding_idx ON public.composer_episodes_default USING hnsw (query_embedding public.vector_cosine_ops) WHERE (status = 'COMPLETED'::public.composition_status);

CREATE INDEX composer_episodes_default_tenant_id_composition_id_idx ON public.composer_episodes_default USING btree (tenant_id, composition_id);

CREATE INDEX composer_episodes_newest ON ONLY public.composer_episodes USING btree (tenant_id, created_at DESC, composition_id DESC);

CREATE INDEX composer_episodes_default_tenant_id_created_at_composition__idx ON public.composer_episodes_default USING btree (tenant_id, created_at DESC, composition_id DESC);

CREATE INDEX composer_episodes_default_tenant_id_created_at_composition_idx1 ON public.composer_episodes_default USING btree (tenant_id, created_at DESC, composition_id DESC) WHERE (status = ANY (ARRAY['PENDING'::public.composition_status, 'DECOMPOSING'::public.composition_status, 'PLANNING'::public.composition_status, 'EXECUTING'::public.composition_status, 'SYNTHESIZING'::public.composition_status]));

CREATE INDEX composer_episodes_ended_badly ON ONLY public.composer_episodes USING btree (tenant_id, created_at DESC, composition_id DESC) WHERE (status = ANY (ARRAY['FAILED'::public.composition_status, 'TIMEOUT'::public.composition_status, 'SKIPPED'::public.composition_status, 'CANCELLED'::public.composition_status]));

CREATE INDEX composer_episodes_default_tenant_id_created_at_composition_idx2 ON public.composer_episodes_default USING btree (tenant_id, created_at DESC, composition_id DESC) WHERE (status = ANY (ARRAY['FAILED'::public.composition_status, 'TIMEOUT'::public.composition_status, 'SKIPPED'::public.composition_status, 'CANCELLED'::public.composition_status]));

CREATE INDEX composer_episodes_embedded ON ONLY public.composer_episodes USING btree (tenant_id, embedding_model) WHERE ((status = 'COMPLETED'::public.composition_status) AND (query_embedding IS NOT NULL));

CREATE INDEX composer_episodes_default_tenant_id_embedding_model_idx ON public.composer_episodes_default USING btree (tenant_id, embedding_model) WHERE ((status = 'COMPLETED'::public.composition_status) AND (query_embedding IS NOT NULL));

CREATE INDEX composer_episodes_plan_key ON ONLY public.composer_episodes USING btree (tenant_id, plan_key, created_at DESC) WHERE (plan_key IS NOT NULL);

CREATE INDEX composer_episodes_default_tenant_id_plan_key_created_at_idx ON public.composer_episodes_default USING btree (tenant_id, plan_key, created_at DESC) WHERE (plan_key IS NOT NULL);

CREATE INDEX composer_episodes_session ON ONLY public.composer_episodes USING btree (tenant_id, session_id, created_at DESC, composition_id DESC) WHERE (session_id IS NOT NULL);

CREATE INDEX composer_episodes_default_tenant_id_session_id_created_at_c_idx ON public.composer_episodes_default USING btree (tenant_id, session_id, created_at DESC, composition_id DESC) WHERE (session_id IS NOT NULL);

CREATE INDEX composition_events_episode ON public.composition_events USING btree (tenant_id, episode_id, episode_created_at);

CREATE INDEX composition_steps_episode ON public.composition_steps USING btree (tenant_id, episode_id, episode_created_at);

CREATE UNIQUE INDEX datasets_name ON public.datasets USING btree (tenant_id, lower(name), version) WHERE (deleted_at IS NULL);

CREATE INDEX digital_twin_models_newest ON public.digital_twin_models USING btree (tenant_id, created_at DESC, model_id DESC) WHERE (deleted_at IS NULL);

CREATE UNIQUE INDEX digital_twin_models_one_active ON public.digital_twin_models USING btree (tenant_id, model_name, brand) WHERE is_active;

CREATE INDEX documents_embedding ON public.documents USING hnsw (embedding public.vector_cosine_ops);

CREATE INDEX documents_search ON public.documents USING gin (search);

CREATE INDEX idempotency_keys_expiry ON public.idempotency_keys USING btree (tenant_id, expires_at);

CREATE INDEX llm_usage_composition ON public.llm_usage USING btree (tenant_id, composition_id) WHERE (composition_id IS NOT NULL);

CREATE INDEX llm_usage_day ON public.llm_usage USING btree (tenant_id, created_at DESC);

CREATE INDEX llm_usage_unsettled ON public.llm_usage USING btree (tenant_id, created_at) WHERE (settled_at IS NULL);

CREATE INDEX ml_experiments_newest ON public.ml_experiments USING btree (tenant_id, created_at DESC, experiment_id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX outbox_waiting ON public.outbox USING btree (tenant_id, created_at, outbox_id) WHERE (published_at IS NULL);

CREATE INDEX tool_performance_recent ON public.tool_performance USING btree (tenant_id, executed_at DESC);

CREATE UNIQUE INDEX tool_performance_step ON public.tool_performance USING btree (tenant_id, step_id) WHERE (step_id IS NOT NULL);

CREATE INDEX training_jobs_newest ON public.training_jobs USING btree (tenant_id, created_at DESC, job_id DESC);

CREATE INDEX twin_fidelity_tracking_simulation ON public.twin_fidelity_tracking USING btree (tenant_id, simulation_id);

CREATE INDEX twin_simulations_cache ON public.twin_simulations USING btree (tenant_id, model_id, cache_key) WHERE (simulation_status = 'completed'::public.simulation_status);

CREATE INDEX twin_simulations_model ON public.twin_simulations USING btree (tenant_id, model_id, created_at DESC);

CREATE INDEX twin_simulations_newest ON public.twin_simulations USING btree (tenant_id, created_at DESC, simulation_id DESC);

ALTER INDEX public.composer_episodes_pkey ATTACH PARTITION public.composer_episodes_default_pkey;

ALTER INDEX public.composer_episodes_embedding ATTACH PARTITION public.composer_episodes_default_query_embedding_idx;

ALTER INDEX public.composer_episodes_composition ATTACH PARTITION public.composer_episodes_default_tenant_id_composition_id_idx;

ALTER INDEX public.composer_episodes_newest ATTACH PARTITION public.composer_episodes_default_tenant_id_created_at_composition__idx;

ALTER INDEX public.composer_episodes_active ATTACH PARTITION public.composer_episodes_default_tenant_id_created_at_composition_idx1;

ALTER INDEX public.composer_episodes_ended_badly ATTACH PARTITION public.composer_episodes_default_tenant_id_created_at_composition_idx2;

ALTER INDEX public.composer_episodes_embedded ATTACH PARTITION public.composer_episodes_default_tenant_id_embedding_model_idx;

ALTER INDEX public.composer_episodes_plan_key ATTACH PARTITION public.composer_episodes_default_tenant_id_plan_key_created_at_idx;

ALTER INDEX public.composer_episodes_session ATTACH PARTITION public.composer_episodes_default_tenant_id_session_id_created_at_c_idx;

CREATE TRIGGER trg_chain_audit_entry BEFORE INSERT ON public.audit_log FOR EACH ROW EXECUTE FUNCTION public.chain_audit_entry();

CREATE TRIGGER trg_log_step_performance AFTER INSERT OR UPDATE OF status ON public.composition_steps FOR EACH ROW WHEN ((new.status = ANY (ARRAY['COMPLETED'::public.composition_status, 'FAILED'::public.composition_status]))) EXECUTE FUNCTION public.log_step_performance();

CREATE TRIGGER trg_note_episode_status AFTER UPDATE OF status ON public.composer_episodes FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.note_episode_status();

CREATE TRIGGER trg_note_new_episode AFTER INSERT ON public.composer_episodes FOR EACH ROW WHEN ((new.status = 'PENDING'::public.composition_status)) EXECUTE FUNCTION public.note_episode_status();

CREATE TRIGGER trg_note_new_step AFTER INSERT ON public.composition_steps FOR EACH ROW WHEN ((new.status = 'PENDING'::public.composition_status)) EXECUTE FUNCTION public.note_step_status();

CREATE TRIGGER trg_note_step_status AFTER UPDATE OF status ON public.composition_steps FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.note_step_status();

CREATE TRIGGER trg_refuse_audit_change BEFORE DELETE OR UPDATE ON public.audit_log FOR EACH ROW EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER trg_refuse_audit_truncate BEFORE TRUNCATE ON public.audit_log FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER trg_refuse_unsealed_rows BEFORE INSERT ON public.datasets FOR EACH ROW EXECUTE FUNCTION public.refuse_unsealed_rows();

CREATE TRIGGER trg_updated_at BEFORE UPDATE ON public.budgets FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

CREATE TRIGGER trg_updated_at BEFORE UPDATE ON public.datasets FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

CREATE TRIGGER trg_updated_at BEFORE UPDATE ON public.digital_twin_models FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

CREATE TRIGGER trg_updated_at BEFORE UPDATE ON public.documents FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

CREATE TRIGGER trg_updated_at BEFORE UPDATE ON public.entity_twins FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

CREATE TRIGGER trg_updated_at BEFORE UPDATE ON public.experiment_enrolments FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

CREATE TRIGGER trg_updated_at BEFORE UPDATE ON public.message_failures FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

CREATE TRIGGER trg_updated_at BEFORE UPDATE ON public.ml_experiments FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

CREATE TRIGGER trg_updated_at BEFORE UPDATE ON public.tenants FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

CREATE TRIGGER trg_updated_at BEFORE UPDATE ON public.tool_registry FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

CREATE TRIGGER trg_updated_at BEFORE UPDATE ON public.training_jobs FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

ALTER TABLE ONLY public.cohorts
    ADD CONSTRAINT cohorts_tenant_id_dataset_id_dataset_version_fkey FOREIGN KEY (tenant_id, dataset_id, dataset_version) REFERENCES public.datasets(tenant_id, dataset_id, version);

ALTER TABLE ONLY public.composition_events
    ADD CONSTRAINT composition_events_tenant_id_episode_id_episode_created_at_fkey FOREIGN KEY (tenant_id, episode_id, episode_created_at) REFERENCES public.composer_episodes(tenant_id, episode_id, created_at) ON DELETE CASCADE;

ALTER TABLE ONLY public.composition_steps
    ADD CONSTRAINT composition_steps_tenant_id_episode_id_episode_created_at_fkey FOREIGN KEY (tenant_id, episode_id, episode_created_at) REFERENCES public.composer_episodes(tenant_id, episode_id, created_at) ON DELETE CASCADE;

ALTER TABLE ONLY public.dataset_columns
    ADD CONSTRAINT dataset_columns_tenant_id_dataset_id_version_fkey FOREIGN KEY (tenant_id, dataset_id, version) REFERENCES public.datasets(tenant_id, dataset_id, version) ON DELETE CASCADE;

ALTER TABLE ONLY public.digital_twin_models
    ADD CONSTRAINT digital_twin_models_tenant_id_job_id_fkey FOREIGN KEY (tenant_id, job_id) REFERENCES public.training_jobs(tenant_id, job_id);

ALTER TABLE ONLY public.entity_twin_versions
    ADD CONSTRAINT entity_twin_versions_tenant_id_entity_twin_id_fkey FOREIGN KEY (tenant_id, entity_twin_id) REFERENCES public.entity_twins(tenant_id, entity_twin_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.entity_twins
    ADD CONSTRAINT entity_twins_tenant_id_model_id_fkey FOREIGN KEY (tenant_id, model_id) REFERENCES public.digital_twin_models(tenant_id, model_id);

ALTER TABLE ONLY public.experiment_arms
    ADD CONSTRAINT experiment_arms_tenant_id_experiment_id_fkey FOREIGN KEY (tenant_id, experiment_id) REFERENCES public.ml_experiments(tenant_id, experiment_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.experiment_assignments
    ADD CONSTRAINT experiment_assignments_tenant_id_arm_id_fkey FOREIGN KEY (tenant_id, arm_id) REFERENCES public.experiment_arms(tenant_id, arm_id);

ALTER TABLE ONLY public.experiment_assignments
    ADD CONSTRAINT experiment_assignments_tenant_id_experiment_id_fkey FOREIGN KEY (tenant_id, experiment_id) REFERENCES public.ml_experiments(tenant_id, experiment_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.experiment_enrolments
    ADD CONSTRAINT experiment_enrolments_tenant_id_experiment_id_fkey FOREIGN KEY (tenant_id, experiment_id) REFERENCES public.ml_experiments(tenant_id, experiment_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.experiment_looks
    ADD CONSTRAINT experiment_looks_tenant_id_experiment_id_fkey FOREIGN KEY (tenant_id, experiment_id) REFERENCES public.ml_experiments(tenant_id, experiment_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.experiment_outcomes
    ADD CONSTRAINT experiment_outcomes_tenant_id_experiment_id_fkey FOREIGN KEY (tenant_id, experiment_id) REFERENCES public.ml_experiments(tenant_id, experiment_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.tool_dependencies
    ADD CONSTRAINT tool_dependencies_tenant_id_consumer_fkey FOREIGN KEY (tenant_id, consumer) REFERENCES public.tool_registry(tenant_id, name) ON DELETE CASCADE;

ALTER TABLE ONLY public.tool_dependencies
    ADD CONSTRAINT tool_dependencies_tenant_id_producer_fkey FOREIGN KEY (tenant_id, producer) REFERENCES public.tool_registry(tenant_id, name) ON DELETE CASCADE;

ALTER TABLE ONLY public.twin_fidelity_tracking
    ADD CONSTRAINT twin_fidelity_tracking_tenant_id_actual_experiment_id_fkey FOREIGN KEY (tenant_id, actual_experiment_id) REFERENCES public.ml_experiments(tenant_id, experiment_id);

ALTER TABLE ONLY public.twin_fidelity_tracking
    ADD CONSTRAINT twin_fidelity_tracking_tenant_id_simulation_id_fkey FOREIGN KEY (tenant_id, simulation_id) REFERENCES public.twin_simulations(tenant_id, simulation_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.twin_simulations
    ADD CONSTRAINT twin_simulations_tenant_id_experiment_design_id_fkey FOREIGN KEY (tenant_id, experiment_design_id) REFERENCES public.ml_experiments(tenant_id, experiment_id);

ALTER TABLE ONLY public.twin_simulations
    ADD CONSTRAINT twin_simulations_tenant_id_model_id_fkey FOREIGN KEY (tenant_id, model_id) REFERENCES public.digital_twin_models(tenant_id, model_id);

ALTER TABLE public.audit_heads ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit_log ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.budgets ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.classification_logs ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.cohorts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.composer_episodes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.composer_episodes_default ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.composition_events ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.composition_steps ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.dataset_columns ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.datasets ENABLE ROW LEVEL SECURITY;

CREATE POLICY deployment ON public.tenants TO e2i_owner USING (true) WITH CHECK (true);

CREATE POLICY deployment ON public.tool_dependencies TO e2i_owner USING ((tenant_id = public.system_tenant())) WITH CHECK ((tenant_id = public.system_tenant()));

CREATE POLICY deployment ON public.tool_registry TO e2i_owner USING ((tenant_id = public.system_tenant())) WITH CHECK ((tenant_id = public.system_tenant()));

ALTER TABLE public.digital_twin_models ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.documents ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.entity_twin_versions ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.entity_twins ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.experiment_arms ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.experiment_assignments ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.experiment_enrolments ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.experiment_looks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.experiment_outcomes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.llm_usage ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.message_failures ENABLE ROW LEVEL SECURITY;

CREATE POLICY metrics ON public.tool_performance FOR SELECT TO e2i_owner USING (true);

ALTER TABLE public.ml_experiments ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.outbox ENABLE ROW LEVEL SECURITY;

CREATE POLICY shared_read ON public.tool_dependencies FOR SELECT USING (((tenant_id = public.system_tenant()) AND (NULLIF(current_setting('app.tenant_id'::text, true), ''::text) IS NOT NULL)));

CREATE POLICY shared_read ON public.tool_registry FOR SELECT USING (((tenant_id = public.system_tenant()) AND (NULLIF(current_setting('app.tenant_id'::text, true), ''::text) IS NOT NULL)));

CREATE POLICY tenant_isolation ON public.audit_heads USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.audit_log USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.budgets USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.classification_logs USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.cohorts USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.composer_episodes USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.composer_episodes_default USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.composition_events USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.composition_steps USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.dataset_columns USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.datasets USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.digital_twin_models USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.documents USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.entity_twin_versions USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.entity_twins USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.experiment_arms USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.experiment_assignments USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.experiment_enrolments USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.experiment_looks USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.experiment_outcomes USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.idempotency_keys USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.llm_usage USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.message_failures USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.ml_experiments USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.outbox USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.tenants USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.tool_dependencies USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.tool_performance USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.tool_registry USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.training_jobs USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.twin_fidelity_tracking USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant_isolation ON public.twin_simulations USING ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid));

ALTER TABLE public.tenants ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.tool_dependencies ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.tool_performance ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.tool_registry ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.training_jobs ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.twin_fidelity_tracking ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.twin_simulations ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA migrations TO e2i_app;

GRANT ALL ON SCHEMA public TO e2i_owner;
GRANT USAGE ON SCHEMA public TO e2i_app;

GRANT USAGE ON SCHEMA rows TO e2i_app;

REVOKE ALL ON FUNCTION public.active_tenants() FROM PUBLIC;
GRANT ALL ON FUNCTION public.active_tenants() TO e2i_app;

GRANT SELECT,INSERT ON TABLE public.audit_log TO e2i_app;

REVOKE ALL ON FUNCTION public.audit_hash(entry public.audit_log) FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_hash(entry public.audit_log) TO e2i_app;

REVOKE ALL ON FUNCTION public.calculate_fidelity_grade(prediction_error double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION public.calculate_fidelity_grade(prediction_error double precision) TO e2i_app;

REVOKE ALL ON FUNCTION public.chain_audit_entry() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.create_rows_table(p_dataset_id uuid, p_version integer, p_columns jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.create_rows_table(p_dataset_id uuid, p_version integer, p_columns jsonb) TO e2i_app;

REVOKE ALL ON FUNCTION public.drop_rows_table(p_dataset_id uuid, p_version integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.drop_rows_table(p_dataset_id uuid, p_version integer) TO e2i_app;

REVOKE ALL ON FUNCTION public.ensure_episode_partitions(months_ahead integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.ensure_episode_partitions(months_ahead integer) TO e2i_app;

REVOKE ALL ON FUNCTION public.find_similar_compositions(p_embedding public.vector, p_limit integer, p_min_similarity double precision, p_model text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.find_similar_compositions(p_embedding public.vector, p_limit integer, p_min_similarity double precision, p_model text) TO e2i_app;

REVOKE ALL ON FUNCTION public.get_tool_execution_order(tool_names text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.get_tool_execution_order(tool_names text[]) TO e2i_app;

REVOKE ALL ON FUNCTION public.isolate(target regclass) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.log_step_performance() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.new_id() FROM PUBLIC;
GRANT ALL ON FUNCTION public.new_id() TO e2i_app;

REVOKE ALL ON FUNCTION public.note_composition_event(p_tenant uuid, p_composition uuid, p_episode uuid, p_created timestamp with time zone, p_kind text, p_detail jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.note_composition_event(p_tenant uuid, p_composition uuid, p_episode uuid, p_created timestamp with time zone, p_kind text, p_detail jsonb) TO e2i_app;

REVOKE ALL ON FUNCTION public.note_episode_status() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.note_step_status() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_audit_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.refuse_unsealed_rows() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.require_tenant() FROM PUBLIC;
GRANT ALL ON FUNCTION public.require_tenant() TO e2i_app;

REVOKE ALL ON FUNCTION public.rows_table_name(p_dataset_id uuid, p_version integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.rows_table_name(p_dataset_id uuid, p_version integer) TO e2i_app;

REVOKE ALL ON FUNCTION public.seal_rows_table(p_dataset_id uuid, p_version integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.seal_rows_table(p_dataset_id uuid, p_version integer) TO e2i_app;

REVOKE ALL ON FUNCTION public.secure(target regclass, app_rights text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.set_updated_at() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.system_tenant() FROM PUBLIC;
GRANT ALL ON FUNCTION public.system_tenant() TO e2i_app;

REVOKE ALL ON FUNCTION public.update_tool_registry_metrics() FROM PUBLIC;
GRANT ALL ON FUNCTION public.update_tool_registry_metrics() TO e2i_app;

REVOKE ALL ON FUNCTION public.verify_audit_log(anchored_seq bigint, anchored_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.verify_audit_log(anchored_seq bigint, anchored_hash bytea) TO e2i_app;

GRANT SELECT ON TABLE migrations.applied TO e2i_app;

GRANT SELECT ON TABLE public.audit_heads TO e2i_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.budgets TO e2i_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.classification_logs TO e2i_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.cohorts TO e2i_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.composer_episodes TO e2i_app;

GRANT SELECT,INSERT ON TABLE public.composition_events TO e2i_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.composition_steps TO e2i_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.dataset_columns TO e2i_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.datasets TO e2i_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.digital_twin_models TO e2i_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.documents TO e2i_app;

GRANT SELECT,INSERT ON TABLE public.entity_twin_versions TO e2i_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.entity_twins TO e2i_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.experiment_arms TO e2i_app;

GRANT SELECT,INSERT ON TABLE public.experiment_assignments TO e2i_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.experiment_enrolments TO e2i_app;

GRANT SELECT,INSERT ON TABLE public.experiment_looks TO e2i_app;

GRANT SELECT,INSERT ON TABLE public.experiment_outcomes TO e2i_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.idempotency_keys TO e2i_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.llm_usage TO e2i_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.message_failures TO e2i_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.ml_experiments TO e2i_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.outbox TO e2i_app;

GRANT SELECT ON TABLE public.tenants TO e2i_app;

GRANT SELECT ON TABLE public.tool_dependencies TO e2i_app;

GRANT SELECT,INSERT ON TABLE public.tool_performance TO e2i_app;

GRANT SELECT ON TABLE public.tool_registry TO e2i_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.training_jobs TO e2i_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.twin_fidelity_tracking TO e2i_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.twin_simulations TO e2i_app;

GRANT SELECT ON TABLE public.v_active_compositions TO e2i_app;

GRANT SELECT ON TABLE public.v_active_twin_models TO e2i_app;

GRANT SELECT ON TABLE public.v_classification_accuracy TO e2i_app;

GRANT SELECT ON TABLE public.v_composition_success_rate TO e2i_app;

GRANT SELECT ON TABLE public.v_model_fidelity_history TO e2i_app;

GRANT SELECT ON TABLE public.v_fidelity_degradation_alerts TO e2i_app;

GRANT SELECT ON TABLE public.v_simulation_summary TO e2i_app;

GRANT SELECT ON TABLE public.v_tool_reliability TO e2i_app;

ALTER DEFAULT PRIVILEGES FOR ROLE e2i_owner REVOKE ALL ON FUNCTIONS FROM PUBLIC;
