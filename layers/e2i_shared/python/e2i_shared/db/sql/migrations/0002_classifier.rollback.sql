DROP VIEW v_classification_accuracy;
DROP TABLE classification_logs;
