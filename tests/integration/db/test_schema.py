"""The schema holds every promised name, and schema.sql equals the sum of the migrations."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from psycopg import sql

ROOT = Path(__file__).parents[3]

COLUMNS = {
    "digital_twin_models": "model_id model_name model_description twin_type model_version mlflow_run_id mlflow_model_uri "
    "training_config feature_columns target_columns performance_metrics fidelity_score fidelity_sample_count "
    "last_fidelity_update is_active activation_date deactivation_date deactivation_reason brand geographic_scope "
    "created_by created_at updated_at",
    "twin_simulations": "simulation_id model_id experiment_design_id intervention_type intervention_config "
    "target_population population_filters twin_count simulated_ate simulated_ci_lower simulated_ci_upper "
    "simulated_std_error effect_heterogeneity simulation_status recommendation recommendation_rationale "
    "recommended_sample_size recommended_duration_weeks simulation_confidence fidelity_warning "
    "fidelity_warning_reason execution_time_ms memory_usage_mb brand error_message requested_by created_at "
    "started_at completed_at",
    "twin_fidelity_tracking": "tracking_id simulation_id actual_experiment_id simulated_ate simulated_ci_lower "
    "simulated_ci_upper actual_ate actual_ci_lower actual_ci_upper actual_sample_size prediction_error absolute_error "
    "ci_coverage fidelity_grade validation_notes confounding_factors validated_by validated_at created_at",
    "classification_logs": "classification_id query_text query_hash routing_pattern target_agents confidence "
    "features_extracted domain_mapping dependency_analysis sub_questions dependencies used_llm_layer "
    "classification_latency_ms session_id user_id is_followup was_correct correct_pattern feedback_notes created_at",
    "composer_episodes": "episode_id composition_id query_text query_embedding sub_questions dependencies tool_plan "
    "parallelizable_groups tool_outputs synthesized_response total_latency_ms decompose_latency_ms plan_latency_ms "
    "execute_latency_ms synthesize_latency_ms status error_message success user_rating feedback_text session_id user_id "
    "classification_id created_at completed_at feedback_at embedding_model",
    "composition_steps": "step_id episode_id step_number step_name tool_id tool_name input_params output_result "
    "depends_on_steps serves_sub_question started_at completed_at latency_ms status error_message retry_count",
    "tool_registry": "tool_id name description category source_agent input_schema output_schema composable "
    "avg_latency_ms success_rate version created_at updated_at deprecated_at",
    "tool_dependencies": "consumer producer output_field input_field transform_expression",
    "tool_performance": "tool context_type input_complexity latency_ms success error_type composition_id step_id "
    "called_by executed_at",
    **dict.fromkeys(
        [
            "ml_experiments",
            "experiment_arms",
            "experiment_assignments",
            "experiment_enrolments",
            "experiment_outcomes",
            "experiment_looks",
            "datasets",
            "dataset_columns",
            "cohorts",
            "training_jobs",
            "entity_twins",
            "entity_twin_versions",
            "llm_usage",
            "budgets",
            "idempotency_keys",
            "composition_events",
            "documents",
            "audit_log",
            "outbox",
            "tenants",
        ],
        "tenant_id",
    ),
}
ENUMS = {
    "routing_pattern": "SINGLE_AGENT PARALLEL_DELEGATION TOOL_COMPOSER CLARIFICATION_NEEDED",
    "dependency_type": "REFERENCE_CHAIN CONDITIONAL LOGICAL_SEQUENCE ENTITY_TRANSFORMATION",
    "tool_category": "CAUSAL SEGMENTATION GAP EXPERIMENT PREDICTION MONITORING KPI COHORT EXPLANATION",
    "composition_status": "PENDING DECOMPOSING PLANNING EXECUTING SYNTHESIZING COMPLETED FAILED TIMEOUT SKIPPED CANCELLED",
    "twin_type": "hcp patient territory",
    "simulation_status": "pending running completed failed",
    "simulation_recommendation": "deploy skip refine",
    "fidelity_grade": "excellent good fair poor unvalidated",
}
VIEWS = (
    "v_composition_success_rate v_tool_reliability v_classification_accuracy v_active_compositions v_active_twin_models "
    "v_simulation_summary v_model_fidelity_history v_fidelity_degradation_alerts"
)
FUNCTIONS = (
    "update_tool_registry_metrics find_similar_compositions get_tool_execution_order calculate_fidelity_grade "
    "ensure_episode_partitions create_rows_table seal_rows_table drop_rows_table verify_audit_log"
)


@pytest.mark.parametrize("table", COLUMNS)
def test_every_promised_column_exists(migrated, table):
    rows = migrated.as_admin(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s", [table]
    )

    assert set(COLUMNS[table].split()) - {name for (name,) in rows} == set()


@pytest.mark.parametrize("enum", ENUMS)
def test_every_promised_enum_has_its_values_in_order(migrated, enum):
    ((labels,),) = migrated.as_admin(
        "SELECT array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = %s::regtype", [enum]
    )

    assert labels == ENUMS[enum].split()


@pytest.mark.parametrize("view", VIEWS.split())
def test_every_promised_view_reads_with_the_callers_rights(migrated, view):
    ((options,),) = migrated.as_admin("SELECT reloptions FROM pg_class WHERE oid = %s::regclass", [view])

    assert options == ["security_invoker=true"]


@pytest.mark.parametrize("view", VIEWS.split())
def test_the_application_can_read_every_view(migrated, database, view):
    with database.transaction(migrated.tenant) as connection:
        connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(view))).fetchall()


@pytest.mark.parametrize("function", FUNCTIONS.split())
def test_every_promised_function_is_the_applications_to_call_and_nobody_elses(migrated, function):
    rows = migrated.as_admin(
        "SELECT has_function_privilege('e2i_app', oid, 'EXECUTE'), proacl::text LIKE '%%{=X%%' "
        "FROM pg_proc WHERE proname = %s",
        [function],
    )

    assert rows == [(True, False)]


def test_definer_functions_pin_their_search_path(migrated):
    rows = migrated.as_admin(
        "SELECT proname, array_to_string(proconfig, ',') FROM pg_proc WHERE prosecdef AND proowner = 'e2i_owner'::regrole"
    )

    assert {name for name, _ in rows} >= {
        "create_rows_table",
        "seal_rows_table",
        "drop_rows_table",
        "chain_audit_entry",
    }
    assert [name for name, config in rows if "search_path=pg_catalog" not in (config or "")] == []


def test_the_vector_indexes_are_hnsw_by_cosine(migrated):
    rows = migrated.as_admin(
        "SELECT indexdef FROM pg_indexes WHERE indexname IN ('composer_episodes_embedding', 'documents_embedding')"
    )

    assert len(rows) == 2
    assert all("USING hnsw" in definition and "vector_cosine_ops" in definition for (definition,) in rows)


def test_every_table_with_updated_at_keeps_it(migrated):
    rows = migrated.as_admin(
        """
        SELECT c.relname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'updated_at'
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgname = 'trg_updated_at')
        """
    )

    assert rows == []


def test_updated_at_moves_with_each_change(migrated, database):
    with database.transaction(migrated.tenant) as connection:
        connection.execute("INSERT INTO budgets (tenant_id, scope, cap_usd) VALUES (require_tenant(), 'tenant', 5)")
    with database.transaction(migrated.tenant) as connection:
        row = connection.execute("UPDATE budgets SET cap_usd = 6 RETURNING updated_at > created_at AS moved").fetchone()

    assert row == {"moved": True}


@pytest.mark.parametrize(
    ("error", "grade"),
    [
        (0.0, "excellent"),
        (-0.0999, "excellent"),
        (0.10, "good"),
        (-0.1999, "good"),
        (0.20, "fair"),
        (0.3499, "fair"),
        (0.35, "poor"),
        (float("inf"), "poor"),
        (float("nan"), "unvalidated"),
        (None, "unvalidated"),
    ],
)
def test_a_relative_error_has_its_grade(migrated, error, grade):
    assert migrated.as_admin("SELECT calculate_fidelity_grade(%s)::text", [error]) == [(grade,)]


def test_new_ids_are_version_seven_and_sort_by_time(migrated):
    ((ids, versions),) = migrated.as_admin(
        "SELECT array_agg(i ORDER BY n), array_agg(DISTINCT substr(i::text, 15, 1)) FROM ("
        "SELECT n, new_id() AS i, pg_sleep(0.002) FROM generate_series(1, 20) AS n) AS made"
    )

    assert versions == ["7"]
    assert ids == sorted(ids)


def test_schema_sql_equals_the_sum_of_the_migrations(postgres_server, migrated):
    spec = spec_from_file_location("dump_schema", ROOT / "scripts" / "dump_schema.py")
    module = module_from_spec(spec)
    sys.modules["dump_schema"] = module
    spec.loader.exec_module(module)

    assert module.dump(migrated.admin, postgres_server.bin_path) == module.SCHEMA.read_text(), (
        "run python scripts/dump_schema.py"
    )
