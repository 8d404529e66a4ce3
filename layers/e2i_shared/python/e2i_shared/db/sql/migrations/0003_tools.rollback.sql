DROP FUNCTION get_tool_execution_order(text[]);
DROP FUNCTION update_tool_registry_metrics();
DROP VIEW v_tool_reliability;
DROP TABLE tool_performance;
DROP TABLE tool_dependencies;
DROP TABLE tool_registry;
