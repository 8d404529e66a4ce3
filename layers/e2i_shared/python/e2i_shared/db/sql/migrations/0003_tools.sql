-- The tool registry, its edges, and how each call went.
-- The product's own tools belong to the system tenant: every tenant reads them, only a deployment (as e2i_owner) writes them.

CREATE TABLE tool_registry (
    tenant_id uuid NOT NULL DEFAULT system_tenant(),
    tool_id uuid NOT NULL DEFAULT new_id(),
    name text NOT NULL,
    description text NOT NULL,
    category tool_category NOT NULL,
    source_agent text NOT NULL,
    input_schema jsonb NOT NULL DEFAULT '{}',
    output_schema jsonb NOT NULL DEFAULT '{}',
    examples jsonb NOT NULL DEFAULT '[]',
    composable boolean NOT NULL DEFAULT true,
    avg_latency_ms double precision CHECK (avg_latency_ms >= 0),
    success_rate double precision CHECK (success_rate BETWEEN 0 AND 1),
    version text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deprecated_at timestamptz,
    PRIMARY KEY (tenant_id, tool_id),
    UNIQUE (tenant_id, name)
);
SELECT secure('tool_registry', 'SELECT');
CREATE POLICY shared_read ON tool_registry FOR SELECT
    USING (tenant_id = system_tenant() AND NULLIF(current_setting('app.tenant_id', true), '') IS NOT NULL);
CREATE POLICY deployment ON tool_registry TO e2i_owner
    USING (tenant_id = system_tenant()) WITH CHECK (tenant_id = system_tenant());

CREATE TABLE tool_dependencies (
    tenant_id uuid NOT NULL DEFAULT system_tenant(),
    consumer text NOT NULL,
    producer text NOT NULL CHECK (producer <> consumer),
    output_field text NOT NULL DEFAULT '',
    input_field text NOT NULL,
    transform_expression text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, consumer, producer, output_field, input_field),
    FOREIGN KEY (tenant_id, consumer) REFERENCES tool_registry (tenant_id, name) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, producer) REFERENCES tool_registry (tenant_id, name) ON DELETE CASCADE
);
COMMENT ON COLUMN tool_dependencies.output_field IS 'Empty: the whole output.';
SELECT secure('tool_dependencies', 'SELECT');
CREATE POLICY shared_read ON tool_dependencies FOR SELECT
    USING (tenant_id = system_tenant() AND NULLIF(current_setting('app.tenant_id', true), '') IS NOT NULL);
CREATE POLICY deployment ON tool_dependencies TO e2i_owner
    USING (tenant_id = system_tenant()) WITH CHECK (tenant_id = system_tenant());

CREATE TABLE tool_performance (
    tenant_id uuid NOT NULL,
    performance_id uuid NOT NULL DEFAULT new_id(),
    tool text NOT NULL,
    context_type text NOT NULL,
    input_complexity integer,
    latency_ms double precision,
    success boolean NOT NULL,
    error_type text,
    composition_id uuid,
    step_id uuid,
    called_by text NOT NULL,
    executed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, performance_id)
);
COMMENT ON COLUMN tool_performance.input_complexity IS 'Number of input fields of the call.';
CREATE UNIQUE INDEX tool_performance_step ON tool_performance (tenant_id, step_id) WHERE step_id IS NOT NULL;
CREATE INDEX tool_performance_recent ON tool_performance (tenant_id, executed_at DESC);
SELECT secure('tool_performance', 'SELECT, INSERT');
-- Latency and success of a shared tool are figures of the product, summed over tenants by update_tool_registry_metrics().
CREATE POLICY metrics ON tool_performance FOR SELECT TO e2i_owner USING (true);

CREATE VIEW v_tool_reliability WITH (security_invoker = true) AS
SELECT
    tenant_id,
    tool,
    count(*) AS calls,
    count(*) FILTER (WHERE success) AS successes,
    count(*) FILTER (WHERE success)::double precision / count(*) AS success_rate,
    avg(latency_ms) AS avg_latency_ms,
    percentile_cont(0.50) WITHIN GROUP (ORDER BY latency_ms) AS p50_ms,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms) AS p95_ms,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY latency_ms) AS p99_ms,
    max(executed_at) AS last_executed_at
FROM tool_performance
WHERE executed_at >= now() - interval '7 days'
GROUP BY tenant_id, tool;
GRANT SELECT ON v_tool_reliability TO e2i_app;

CREATE FUNCTION update_tool_registry_metrics() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
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
COMMENT ON FUNCTION update_tool_registry_metrics() IS 'Latency and success rate of the last 7 days into tool_registry; returns the tools changed.';
GRANT EXECUTE ON FUNCTION update_tool_registry_metrics() TO e2i_app;

CREATE FUNCTION get_tool_execution_order(tool_names text[])
RETURNS TABLE (step_order integer, level integer, tool_name text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
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
COMMENT ON FUNCTION get_tool_execution_order(text[]) IS
    'Kahn''s algorithm over tool_dependencies among the given tools; E2I01 names the tools of a cycle and what waits for them, E2I02 an unknown tool.';
GRANT EXECUTE ON FUNCTION get_tool_execution_order(text[]) TO e2i_app;
