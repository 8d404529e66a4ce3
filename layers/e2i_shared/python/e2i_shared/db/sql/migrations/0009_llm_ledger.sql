-- What the ledger of language-model calls must tell: each kind of token, the attempt, the price table, the provider's own id.

ALTER TABLE llm_usage
    ADD COLUMN tokens_cache_write_short integer NOT NULL DEFAULT 0 CHECK (tokens_cache_write_short >= 0),
    ADD COLUMN tokens_cache_write_long integer NOT NULL DEFAULT 0 CHECK (tokens_cache_write_long >= 0),
    ADD COLUMN tokens_reasoning integer NOT NULL DEFAULT 0 CHECK (tokens_reasoning >= 0),
    ADD COLUMN prompt text,
    ADD COLUMN price_table text,
    ADD COLUMN request_id text;
COMMENT ON COLUMN llm_usage.tokens_in IS 'All input tokens; tokens_cached of them read from the cache, tokens_cache_write_* written to it.';
COMMENT ON COLUMN llm_usage.tokens_reasoning IS 'Part of tokens_out.';
COMMENT ON COLUMN llm_usage.attempts IS 'Which attempt of its request this call was, from 1.';
CREATE INDEX llm_usage_unsettled ON llm_usage (tenant_id, created_at) WHERE settled_at IS NULL;
