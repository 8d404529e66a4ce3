"""Triggers, partitions, views and the functions of the schema do what they say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from builders_db import a_composition, a_direction, a_plan, an_answer
from e2i_shared.api.composition import CompositionStatus
from e2i_shared.db.compositions import PostgresCompositions
from e2i_shared.errors import MalformedRequestError
from e2i_shared.ids import new_id


@pytest.fixture
def tenant():
    return new_id()


@pytest.fixture
def compositions(database, tenant):
    return PostgresCompositions(database, tenant)


@pytest.fixture
def planned(compositions):
    new = a_composition()
    compositions.create(new)
    compositions.save_plan(new.composition_id, a_plan(), 1.0)
    return new.composition_id


def performance(migrated, tenant):
    return migrated.as_admin(
        "SELECT tool, context_type, input_complexity, latency_ms, success, error_type, called_by FROM tool_performance "
        "WHERE tenant_id = %s ORDER BY executed_at",
        [tenant],
    )


def test_a_completed_step_writes_its_performance_exactly_once(migrated, compositions, planned, tenant):
    compositions.start_step(planned, 1, {"a": 1, "b": 2, "c": 3})
    compositions.finish_step(planned, 1, CompositionStatus.COMPLETED, output={}, latency_ms=12.5)
    migrated.as_admin("UPDATE composition_steps SET status = 'COMPLETED' WHERE tenant_id = %s", [tenant])
    migrated.as_admin("UPDATE composition_steps SET status = 'FAILED' WHERE tenant_id = %s", [tenant])

    assert performance(migrated, tenant) == [
        ("estimate", "composition", 3, 12.5, True, None, "tool_composer"),
        ("segment", "composition", 2, None, True, None, "tool_composer"),
    ]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("NoOverlapError: nowhere alike", "NoOverlapError"),
        ("the tool was too slow", "Error"),
        (None, "Error"),
    ],
)
def test_a_failed_step_names_its_kind_of_error(migrated, compositions, planned, tenant, message, kind):
    compositions.finish_step(planned, 1, CompositionStatus.FAILED, error=message)

    assert [(row[4], row[5]) for row in performance(migrated, tenant)] == [(False, kind)]


def test_a_step_inserted_as_finished_is_recorded_too(migrated, compositions, planned, tenant):
    migrated.as_admin(
        "INSERT INTO composition_steps (tenant_id, episode_id, episode_created_at, composition_id, step_number, step_name, "
        "tool_name, serves_sub_question, status, input_params) SELECT tenant_id, episode_id, episode_created_at, "
        "composition_id, 3, 's', 'late', 'Q1', 'COMPLETED', '[1]' FROM composition_steps WHERE tenant_id = %s LIMIT 1",
        [tenant],
    )

    assert performance(migrated, tenant) == [("late", "composition", 0, None, True, None, "tool_composer")]


def months_from_now(count: int) -> list[str]:
    now = datetime.now(UTC)
    return [f"{now.year + (now.month - 1 + n) // 12}_{(now.month - 1 + n) % 12 + 1:02d}" for n in range(count)]


def test_a_year_of_partitions_exists_ahead(migrated):
    rows = migrated.as_admin(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'composer_episodes'::regclass ORDER BY 1"
    )

    assert [name for (name,) in rows] == [
        *(f"composer_episodes_{month}" for month in months_from_now(13)),
        "composer_episodes_default",
    ]


def test_partitions_further_ahead_are_created_once_and_protected(migrated, compositions):
    assert compositions.ensure_partitions(14) == 2
    assert compositions.ensure_partitions(14) == 0

    furthest = f"composer_episodes_{months_from_now(15)[-1]}"
    assert migrated.as_admin(
        "SELECT relrowsecurity, relforcerowsecurity, relowner::regrole::text, "
        "(SELECT count(*) FROM pg_policy WHERE polrelid = c.oid) FROM pg_class AS c WHERE oid = %s::regclass",
        [furthest],
    ) == [(True, True, "e2i_owner", 1)]


def test_a_month_whose_rows_already_lie_in_the_default_partition_stays_there(migrated, database, compositions, tenant):
    with database.transaction(tenant) as connection:
        connection.execute(
            "INSERT INTO composer_episodes (tenant_id, composition_id, query_text, created_at) "
            "VALUES (require_tenant(), new_id(), 'far', now() + interval '18 months')"
        )

    assert compositions.ensure_partitions(19) in {4, 6}
    assert compositions.ensure_partitions(19) == 0


@pytest.mark.parametrize("months", [-1, 121])
def test_a_senseless_number_of_partitions_is_refused(compositions, months):
    with pytest.raises(MalformedRequestError):
        compositions.ensure_partitions(months)


def test_a_row_lands_in_the_partition_of_its_month(migrated, compositions, tenant):
    compositions.create(a_composition())

    assert migrated.as_admin(
        "SELECT tableoid::regclass::text FROM composer_episodes WHERE tenant_id = %s", [tenant]
    ) == [(f"composer_episodes_{months_from_now(1)[0]}",)]


def test_active_compositions_count_their_steps(migrated, database, compositions, planned, tenant):
    compositions.finish_step(planned, 1, CompositionStatus.COMPLETED, output={})
    done = a_composition()
    compositions.create(done)
    compositions.fail(done.composition_id, CompositionStatus.FAILED, "x")

    with database.transaction(tenant) as connection:
        (row,) = connection.execute("SELECT * FROM v_active_compositions").fetchall()

    assert (str(row["composition_id"]), row["steps_total"], row["steps_done"]) == (planned, 2, 1)
    assert row["overdue"] is False


def test_the_success_rate_leaves_out_what_still_runs(database, compositions, tenant):
    for end in (CompositionStatus.FAILED, CompositionStatus.TIMEOUT, None):
        new = a_composition()
        compositions.create(new)
        if end:
            compositions.fail(new.composition_id, end, "x")
    for _ in range(2):
        new = a_composition()
        compositions.create(new)
        compositions.save_answer(new.composition_id, an_answer(), [], {"total": 100.0})

    with database.transaction(tenant) as connection:
        (row,) = connection.execute("SELECT * FROM v_composition_success_rate").fetchall()

    assert (row["compositions"], row["completed"], row["failed"], row["timed_out"]) == (5, 2, 1, 1)
    assert (row["success_rate"], row["p95_latency_ms"]) == (0.5, 100.0)


def test_an_answer_keeps_the_outputs_of_its_steps(migrated, compositions, planned, tenant):
    compositions.finish_step(planned, 1, CompositionStatus.COMPLETED, output={"ate": 0.42})
    compositions.save_answer(planned, an_answer(), [], {})

    assert migrated.as_admin(
        "SELECT tool_outputs, synthesized_response, parallelizable_groups FROM composer_episodes WHERE tenant_id = %s",
        [tenant],
    ) == [({"1": {"ate": 0.42}}, an_answer().text, [[1], [2]])]


def twin(connection, errors: list[tuple[float, int]]) -> None:
    """A twin model with one validated simulation per (relative error, days ago)."""
    model = connection.execute(
        "INSERT INTO digital_twin_models (tenant_id, model_name, twin_type, brand, is_active) "
        "VALUES (require_tenant(), 'm', 'hcp', 'Kisqali', true) RETURNING model_id"
    ).fetchone()["model_id"]
    for error, days in errors:
        connection.execute(
            "WITH s AS (INSERT INTO twin_simulations (tenant_id, model_id, intervention_type, twin_count) "
            "VALUES (require_tenant(), %s, 'email_campaign', 100) RETURNING simulation_id) "
            "INSERT INTO twin_fidelity_tracking (tenant_id, simulation_id, simulated_ate, actual_ate, prediction_error, "
            "ci_coverage, fidelity_grade, validated_at) SELECT require_tenant(), simulation_id, 1, 1, %s, true, "
            "calculate_fidelity_grade(%s), now() - make_interval(days => %s) FROM s",
            [model, error, error, days],
        )


@pytest.mark.parametrize(
    ("recent", "severity"), [(0.10, None), (0.109, None), (0.111, "LISTED"), (-0.126, "WARNING"), (0.151, "CRITICAL")]
)
def test_a_twin_that_grows_inaccurate_raises_an_alert(database, tenant, recent, severity):
    with database.transaction(tenant) as connection:
        twin(connection, [(recent, 3), (0.10, 60), (-0.10, 100), (9.0, 400)])
        alerts = connection.execute("SELECT severity, recent_error FROM v_fidelity_degradation_alerts").fetchall()

    assert [alert["severity"] for alert in alerts] == ([severity] if severity else [])


def test_the_twin_views_tell_one_story(database, tenant):
    with database.transaction(tenant) as connection:
        twin(connection, [(0.05, 20), (0.15, 10)])
        (model,) = connection.execute("SELECT * FROM v_active_twin_models").fetchall()
        history = connection.execute("SELECT * FROM v_model_fidelity_history ORDER BY validated_at").fetchall()
        summary = connection.execute("SELECT fidelity_grade FROM v_simulation_summary").fetchall()

    assert model["simulations"] == 2
    assert [row["mean_error_so_far"] for row in history] == pytest.approx([0.05, 0.10])
    assert sorted(row["fidelity_grade"] for row in summary) == ["excellent", "good"]


def test_only_one_version_of_a_twin_is_active(database, tenant):
    from e2i_shared.errors import ConflictError

    with database.transaction(tenant) as connection:
        twin(connection, [])
    with pytest.raises(ConflictError), database.transaction(tenant) as connection:
        connection.execute(
            "INSERT INTO digital_twin_models (tenant_id, model_name, twin_type, brand, is_active, model_version) "
            "VALUES (require_tenant(), 'm', 'hcp', 'Kisqali', true, 2)"
        )


def test_the_model_of_the_newest_episode_is_the_default_of_a_search(database, compositions, tenant):
    for model in ("old", "new"):
        new = a_composition(embedding=a_direction(1), embedding_model=model, query=model)
        compositions.create(new)
        compositions.save_answer(new.composition_id, an_answer(), [], {})

    with database.transaction(tenant) as connection:
        rows = connection.execute(
            "SELECT query_text FROM find_similar_compositions(%s::vector, 5, 0.7)", [str(a_direction(1))]
        ).fetchall()

    assert rows == [{"query_text": "new"}]


@pytest.mark.parametrize("embedding", [[1.0, 2.0], [float("nan")] * 1536])
def test_a_vector_of_the_wrong_shape_is_refused_clearly(compositions, embedding):
    with pytest.raises(MalformedRequestError):
        compositions.create(a_composition(embedding=embedding, embedding_model="m"))
