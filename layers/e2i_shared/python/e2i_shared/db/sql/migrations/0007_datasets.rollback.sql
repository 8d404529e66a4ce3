DROP SCHEMA rows CASCADE;
DROP FUNCTION drop_rows_table(uuid, integer);
DROP FUNCTION seal_rows_table(uuid, integer);
DROP FUNCTION create_rows_table(uuid, integer, jsonb);
DROP FUNCTION rows_table_name(uuid, integer);
DROP TABLE cohorts;
DROP TABLE dataset_columns;
DROP TABLE datasets;
DROP FUNCTION refuse_unsealed_rows();
