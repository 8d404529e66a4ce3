DROP TABLE experiment_looks;
DROP TABLE experiment_outcomes;
DROP TABLE experiment_enrolments;
DROP TABLE experiment_assignments;
DROP TABLE experiment_arms;
DROP TABLE ml_experiments;
DROP TYPE experiment_status;
