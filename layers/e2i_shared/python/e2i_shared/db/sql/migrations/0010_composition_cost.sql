-- What a composition may spend on language models, as its caller said.

ALTER TABLE composer_episodes ADD COLUMN max_cost_usd numeric(12, 6) CHECK (max_cost_usd >= 0);
COMMENT ON COLUMN composer_episodes.max_cost_usd IS 'NULL: the cap of the settings.';
