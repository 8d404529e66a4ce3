DROP VIEW v_active_compositions;
DROP VIEW v_composition_success_rate;
DROP FUNCTION find_similar_compositions(vector, integer, double precision, text);
DROP TABLE composition_steps;
DROP FUNCTION log_step_performance();
DROP FUNCTION ensure_episode_partitions(integer);
DROP TABLE composer_episodes;
