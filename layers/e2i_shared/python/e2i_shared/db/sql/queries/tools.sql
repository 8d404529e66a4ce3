-- name: upsert
-- Bring a registry row to its declaration; true when it was new.
INSERT INTO tool_registry AS t (name, description, category, source_agent, input_schema, output_schema, examples, version)
VALUES (
    %(name)s, %(description)s, %(category)s, %(source_agent)s, %(input_schema)s, %(output_schema)s, %(examples)s, %(version)s
)
ON CONFLICT (tenant_id, name) DO UPDATE
SET description = EXCLUDED.description, category = EXCLUDED.category, source_agent = EXCLUDED.source_agent,
    input_schema = EXCLUDED.input_schema, output_schema = EXCLUDED.output_schema, examples = EXCLUDED.examples,
    version = EXCLUDED.version, deprecated_at = NULL
WHERE (t.description, t.category, t.source_agent, t.input_schema, t.output_schema, t.examples, t.version)
      IS DISTINCT FROM (EXCLUDED.description, EXCLUDED.category, EXCLUDED.source_agent, EXCLUDED.input_schema,
                        EXCLUDED.output_schema, EXCLUDED.examples, EXCLUDED.version)
   OR t.deprecated_at IS NOT NULL
RETURNING xmax = 0 AS inserted;

-- name: deprecate_others
-- What is no longer declared stays for history.
UPDATE tool_registry
SET deprecated_at = clock_timestamp()
WHERE tenant_id = system_tenant() AND deprecated_at IS NULL AND name <> ALL (%(names)s)
RETURNING name;

-- name: clear_edges
-- The edges are declared anew.
DELETE FROM tool_dependencies WHERE tenant_id = system_tenant();

-- name: insert_edge
-- A consumer may take an input from a producer's output.
INSERT INTO tool_dependencies (consumer, producer, output_field, input_field, transform_expression)
VALUES (%(consumer)s, %(producer)s, %(output_field)s, %(input_field)s, %(transform_expression)s)
ON CONFLICT DO NOTHING;

-- name: list
-- The tools a tenant may use, with the edges into each.
SELECT
    t.name, t.category, t.source_agent, t.description, t.version, t.input_schema, t.output_schema, t.examples,
    COALESCE((
        SELECT jsonb_agg(jsonb_build_object(
            'producer', d.producer, 'output_field', d.output_field, 'input_field', d.input_field,
            'transform_expression', d.transform_expression) ORDER BY d.producer, d.output_field, d.input_field)
        FROM tool_dependencies AS d
        WHERE d.tenant_id = t.tenant_id AND d.consumer = t.name), '[]') AS edges
FROM tool_registry AS t
WHERE t.deprecated_at IS NULL
ORDER BY t.name;

-- name: reliability
-- How each tool did for this tenant in the last 7 days.
SELECT tool, calls, success_rate, avg_latency_ms, p50_ms, p95_ms, p99_ms FROM v_tool_reliability ORDER BY tool;

-- name: record_run
-- A call outside a composition; those inside are recorded by trg_log_step_performance.
INSERT INTO tool_performance (tenant_id, tool, context_type, input_complexity, latency_ms, success, error_type, called_by)
VALUES (require_tenant(), %(tool)s, 'direct', %(input_complexity)s, %(latency_ms)s, %(success)s, %(error_type)s, %(called_by)s);

-- name: update_metrics
-- Refresh the registry's latency and success rate.
SELECT update_tool_registry_metrics() AS changed;

-- name: execution_order
-- Producers before consumers.
SELECT level, tool_name FROM get_tool_execution_order(%(names)s) ORDER BY step_order;
