ALTER TABLE composer_episodes DROP COLUMN max_cost_usd;
