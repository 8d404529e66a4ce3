DROP INDEX llm_usage_unsettled;
ALTER TABLE llm_usage
    DROP COLUMN tokens_cache_write_short,
    DROP COLUMN tokens_cache_write_long,
    DROP COLUMN tokens_reasoning,
    DROP COLUMN prompt,
    DROP COLUMN price_table,
    DROP COLUMN request_id;
COMMENT ON COLUMN llm_usage.tokens_in IS NULL;
COMMENT ON COLUMN llm_usage.attempts IS NULL;
