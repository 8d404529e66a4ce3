"""What twins' repositories promise, in memory and over Postgres alike."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from builders_trained import simulated, twin_request
from e2i_shared.db.entities import PostgresEntities
from e2i_shared.db.jobs import PostgresJobs
from e2i_shared.db.outbox import PostgresOutbox
from e2i_shared.db.simulations import PostgresSimulations
from e2i_shared.db.twins import PostgresTwins
from e2i_shared.errors import ConflictError, NotFoundError
from e2i_shared.ids import new_id
from e2i_shared.testing import FakeOutbox, fake_twins
from e2i_shared.twins.entity import Event, Version
from e2i_shared.twins.model import NewSimulation, NewTraining, SimulateRequest, SimulationQuery, Trained, TwinQuery
from e2i_shared.twins.repository import TwinStores
from e2i_shared.twins.validation import ExperimentResult, ValidateRequest

if TYPE_CHECKING:
    from collections.abc import Callable

DIGEST = "a" * 64
FOUND = Trained(
    bundle_key="twins/t/a.twin",
    bundle_digest=DIGEST,
    features=["region"],
    metrics={"auc": 0.75},
    figures={"population": {"score": 0.9}},
    warnings=["Mind the gap."],
    fidelity_score=0.9,
)
ASKED = SimulateRequest(intervention_type="visits", target_population="low responders", seed=7)
VERDICT = {"error": 0.3, "relative_error": 0.15, "ci_coverage": True, "fidelity_grade": "good", "outcome_sd": 2.0}


@pytest.fixture(params=["fake", "postgres"])
def both(request) -> tuple[TwinStores, Any]:
    """The stores of a fresh tenant, and its outbox."""
    if request.param == "fake":
        outbox = FakeOutbox()
        return fake_twins(outbox, lambda: datetime.now(UTC)), outbox
    request.getfixturevalue("registered")
    return postgres_stores(request.getfixturevalue("database"), new_id())


def postgres_stores(database: Any, tenant: str) -> tuple[TwinStores, Any]:
    made = TwinStores(
        models=PostgresTwins(database, tenant),
        jobs=PostgresJobs(database, tenant),
        simulations=PostgresSimulations(database, tenant),
        entities=PostgresEntities(database, tenant),
    )
    return made, PostgresOutbox(database, tenant)


@pytest.fixture
def stores(both) -> TwinStores:
    return both[0]


@pytest.fixture
def topics(both) -> Callable[[], list[str]]:
    """Return the topics of the events that wait."""
    return lambda: [event.topic for event in both[1].claim()]


@pytest.fixture
def train(stores) -> Callable[..., str]:
    """Return a maker of trained twins; it returns their ids."""

    def made(found: Trained = FOUND, **changes: Any) -> str:
        job, _ = stores.jobs.create(NewTraining(request=twin_request(**changes), user="anna"))
        stores.jobs.begin(job.job_id)
        assert stores.jobs.complete(job.job_id, found)
        return job.twin_id

    return made


def ask(stores: TwinStores, twin_id: str, key: str = "k", *, queued: bool = False) -> str:
    new = NewSimulation(twin_id=twin_id, brand="Kisqali", request=ASKED, cache_key=key, user="anna")
    stores.simulations.create(new, queued=queued)
    return new.simulation_id


def test_a_training_is_pending_with_a_version_and_an_event(stores, topics):
    new = NewTraining(request=twin_request(description="Who responds"), user="anna")

    job, version = stores.jobs.create(new)

    assert (job.job_id, job.twin_id, job.status, job.percent, version) == (new.job_id, new.twin_id, "PENDING", 0, 1)
    assert stores.jobs.request(job.job_id) == new.request
    twin = stores.models.get(job.twin_id)
    assert (twin.status, twin.active, twin.description, twin.interventions) == (
        "PENDING",
        False,
        "Who responds",
        ["visits"],
    )
    assert topics() == ["training.requested"]


def test_versions_count_within_a_name_and_brand(stores):
    numbers = [
        stores.jobs.create(NewTraining(request=twin_request(**changes)))[1]
        for changes in ({}, {}, {"brand": "Fabhalta"}, {"name": "other"}, {})
    ]
    assert numbers == [1, 2, 1, 1, 3]


def test_an_attempt_counts_and_its_progress_shows(stores):
    job, _ = stores.jobs.create(NewTraining(request=twin_request()))

    stores.jobs.begin(job.job_id)
    stores.jobs.begin(job.job_id)
    stores.jobs.progress(job.job_id, "effects", 40)

    found = stores.jobs.get(job.job_id)
    assert (found.status, found.phase, found.percent, found.attempts) == ("RUNNING", "effects", 40, 2)
    assert found.started_at is not None
    assert stores.models.get(job.twin_id).status == "RUNNING"


def test_a_completed_training_keeps_what_it_found_and_is_the_one_active_version(stores, train, topics):
    old, new = train(), train()

    twin = stores.models.get(new)
    assert twin.active
    assert (twin.model_hash, twin.metrics, twin.figures, twin.warnings) == (
        DIGEST,
        FOUND.metrics,
        FOUND.figures,
        FOUND.warnings,
    )
    assert (twin.status, twin.features, twin.fidelity_score, twin.mlflow_pending) == (
        "COMPLETED",
        ["region"],
        0.9,
        "waiting to be logged",
    )
    assert not stores.models.get(old).active
    assert stores.models.get(old).deactivation_reason == "A newer version was trained."
    assert topics() == 2 * ["training.requested", "training.updated", "training.updated"]


def test_a_challenger_leaves_the_champion_active(stores, train):
    champion = train()
    challenger = train(FOUND.model_copy(update={"active": False}))

    assert stores.models.get(champion).active
    assert not stores.models.get(challenger).active

    stores.models.activate(challenger, "It predicts better.")
    assert stores.models.get(challenger).active
    assert stores.models.get(champion).deactivation_reason == "It predicts better."


def test_a_job_has_one_end(stores):
    job, _ = stores.jobs.create(NewTraining(request=twin_request()))
    stores.jobs.begin(job.job_id)

    assert stores.jobs.fail(job.job_id, "Too few rows.")
    assert not stores.jobs.fail(job.job_id, "again")
    assert not stores.jobs.complete(job.job_id, FOUND)
    assert stores.jobs.begin(job.job_id) is None
    stores.jobs.progress(job.job_id, "late", 99)

    found = stores.jobs.get(job.job_id)
    assert (found.status, found.error, found.phase) == ("FAILED", "Too few rows.", "failed")
    assert found.completed_at is not None
    assert stores.models.get(job.twin_id).model_hash is None


def test_cancelling_ends_a_job_once_and_a_finished_one_cannot_be(stores, train):
    job, _ = stores.jobs.create(NewTraining(request=twin_request()))

    assert stores.jobs.cancel(job.job_id, "ben").status == "CANCELLED"
    assert stores.jobs.cancel(job.job_id, "ben").error == "Cancelled by ben."
    assert not stores.jobs.complete(job.job_id, FOUND)
    assert stores.models.get(job.twin_id).status == "CANCELLED"
    done = stores.models.get(train()).job_id
    with pytest.raises(ConflictError, match="COMPLETED"):
        stores.jobs.cancel(done, "ben")


def test_what_does_not_exist_is_not_found(stores):
    for call in (
        lambda: stores.jobs.get(new_id()),
        lambda: stores.jobs.get("no-uuid"),
        lambda: stores.models.get(new_id()),
        lambda: stores.models.delete(new_id(), None),
        lambda: stores.models.activate(new_id(), ""),
        lambda: stores.simulations.get(new_id()),
        lambda: stores.simulations.request("x"),
    ):
        with pytest.raises(NotFoundError):
            call()
    assert stores.entities.find(new_id()) is None


def test_who_asked_for_trainings_of_late_is_known(stores):
    for user in ("fidelity_check", "anna", "fidelity_check"):
        stores.jobs.create(NewTraining(request=twin_request(), user=user))
    assert len(stores.jobs.asked("responders", "Kisqali", "fidelity_check")) == 2
    assert stores.jobs.asked("responders", "Fabhalta", "fidelity_check") == []


def test_lists_are_newest_first_page_by_page_and_filtered(stores, train):
    ids = [train(), train(brand="Fabhalta"), train(name="other")]

    first = stores.models.list(TwinQuery(limit=2))
    rest = stores.models.list(TwinQuery(limit=2, cursor=first.next_cursor))

    assert [line.twin_id for line in (*first.items, *rest.items)] == ids[::-1]
    assert rest.next_cursor is None
    assert [line.twin_id for line in stores.models.list(TwinQuery(brand="fabhalta")).items] == [ids[1]]
    assert [line.twin_id for line in stores.models.list(TwinQuery(name="other")).items] == [ids[2]]
    assert stores.models.list(TwinQuery(twin_type="patient")).items == []
    assert stores.models.list(TwinQuery(active=False)).items == []


def test_the_active_twin_of_a_brand_is_found_whatever_its_case(stores, train):
    train()
    newest = train()

    assert stores.models.active("kisqali", None, None).twin_id == newest
    assert stores.models.active("Kisqali", "hcp", "responders").twin_id == newest
    with pytest.raises(NotFoundError) as refused:
        stores.models.active("Nobody", None, None)
    assert refused.value.candidates == ("Kisqali: responders",)


def test_a_deleted_twin_is_gone_but_its_simulations_stay(stores, train):
    twin = train()
    simulation = ask(stores, twin)

    stores.models.delete(twin, "olga")

    with pytest.raises(NotFoundError):
        stores.models.get(twin)
    assert stores.models.list(TwinQuery()).items == []
    assert not stores.simulations.complete(simulation, simulated(), 1.0)
    stores.simulations.fail(simulation, "The twin was deleted meanwhile.")
    assert stores.simulations.get(simulation).error == "The twin was deleted meanwhile."


def test_a_training_whose_twin_was_deleted_does_not_bring_it_back(stores):
    job, _ = stores.jobs.create(NewTraining(request=twin_request()))
    stores.jobs.begin(job.job_id)
    stores.models.delete(job.twin_id, None)

    assert stores.jobs.complete(job.job_id, FOUND)
    with pytest.raises(NotFoundError):
        stores.models.get(job.twin_id)


def test_where_a_training_is_logged_is_kept(stores, train):
    twin = train()

    stores.models.record_run(twin, None, None, "the store is away")
    assert stores.models.get(twin).mlflow_pending == "the store is away"

    stores.models.record_run(twin, "run-1", "models:/x/1", None)
    found = stores.models.get(twin)
    assert (found.mlflow_run_id, found.mlflow_model_uri, found.mlflow_pending) == ("run-1", "models:/x/1", None)


def test_a_check_s_findings_are_kept_and_an_alarm_is_an_event(stores, train, topics):
    twin = train()
    topics()

    stores.models.record_fidelity(twin, 0.8, 3, {"grade": "good", "alert": {"severity": "critical"}}, "twin.degraded")

    found = stores.models.get(twin)
    assert (found.fidelity_score, found.fidelity_sample_count, found.fidelity_grade) == (0.8, 3, "good")
    assert found.last_fidelity_update is not None
    assert topics() == ["twin.degraded"]


def test_a_simulation_comes_back_whole(stores, train):
    twin = train()
    simulation = ask(stores, twin)
    assert stores.simulations.get(simulation).status == "PENDING"
    assert stores.simulations.request(simulation).request == ASKED

    assert stores.simulations.begin(simulation)
    assert stores.simulations.complete(simulation, simulated(), 3.5)

    found, result = stores.simulations.get(simulation), simulated()
    assert (found.status, found.twin_id, found.execution_time_ms) == ("COMPLETED", twin, 3.5)
    assert found.simulated_ate == result.simulated_ate
    assert found.confidence_interval == result.confidence_interval
    assert found.effect_heterogeneity == result.effect_heterogeneity
    assert found.charts == result.charts
    assert found.advice == result.advice
    assert (found.target_population, found.seed) == ("low responders", result.seed)


def test_a_simulation_ends_once(stores, train):
    simulation = ask(stores, train())

    stores.simulations.fail(simulation, "no overlap")
    assert not stores.simulations.begin(simulation)
    assert not stores.simulations.complete(simulation, simulated(), 1.0)
    assert stores.simulations.get(simulation).status == "FAILED"


def test_only_a_completed_simulation_of_the_same_key_is_cached(stores, train):
    twin = train()
    simulation = ask(stores, twin, "one")

    assert stores.simulations.cached(twin, "one") is None
    stores.simulations.complete(simulation, simulated(), 1.0)
    assert stores.simulations.cached(twin, "one").simulation_id == simulation
    assert stores.simulations.cached(twin, "two") is None


def test_a_queued_simulation_asks_for_a_worker(stores, train, topics):
    twin = train()
    topics()

    simulation = ask(stores, twin, queued=True)
    assert topics() == ["simulation.requested"]
    stores.simulations.complete(simulation, simulated(), 1.0)
    assert topics() == ["simulation.updated"]


def test_simulations_are_listed_by_twin_brand_and_status(stores, train):
    one, other = train(), train(brand="Fabhalta")
    done, waiting = ask(stores, one), ask(stores, other)
    stores.simulations.complete(done, simulated(), 1.0)

    def listed(**query: Any) -> list[str]:
        return [line.simulation_id for line in stores.simulations.list(SimulationQuery(**query)).items]

    assert listed() == [waiting, done]
    assert listed(twin_id=one) == [done]
    assert listed(status="PENDING") == [waiting]
    assert listed(brand="kisqali") == [waiting, done]
    first = stores.simulations.list(SimulationQuery(limit=1))
    assert [v.simulation_id for v in stores.simulations.list(SimulationQuery(cursor=first.next_cursor)).items] == [done]


def test_what_came_true_is_kept_with_its_prediction_for_every_version(stores, train):
    simulation = ask(stores, train())
    told = ValidateRequest(simulation_id=simulation, actual_ate=2.0, actual_ci=(1.5, 2.5), actual_sample_size=400)
    with pytest.raises(ConflictError, match="COMPLETED"):
        stores.simulations.validate(told, VERDICT, "anna")
    stores.simulations.complete(simulation, simulated(), 1.0)

    kept = stores.simulations.validate(told, VERDICT, "anna")

    assert (kept.actual_ate, kept.actual_ci, kept.fidelity_grade, kept.relative_error) == (
        2.0,
        (1.5, 2.5),
        "good",
        0.15,
    )
    assert kept.simulated_ate == simulated().simulated_ate
    assert kept.actual_std_error == pytest.approx(1 / 3.92, rel=1e-3)
    assert stores.simulations.get(simulation).fidelity_grade == "good"
    assert [v.tracking_id for v in stores.simulations.validations(train())] == [kept.tracking_id]
    assert stores.simulations.validations(train(brand="Fabhalta")) == []


def test_an_experiment_that_does_not_exist_validates_nothing(stores, train):
    simulation = ask(stores, train())
    stores.simulations.complete(simulation, simulated(), 1.0)
    told = ValidateRequest(simulation_id=simulation, actual_ate=2.0, actual_experiment_id=new_id())
    with pytest.raises(NotFoundError, match="experiment"):
        stores.simulations.validate(told, VERDICT, None)


def test_what_an_experiment_found_is_read_from_its_analysis(registered, database):
    tenant = new_id()
    stores, _ = postgres_stores(database, tenant)
    found = {"primary": {"estimate": 1.2, "std_error": 0.3, "confidence_interval": [0.6, 1.8], "sample_size": 400}}
    statement = (
        "INSERT INTO ml_experiments (tenant_id, name, status, primary_outcome, results) "
        "VALUES (%s, 'x', 'analyzed', 'trx', %s) RETURNING experiment_id::text"
    )
    ((analysed,), (running,)) = [
        registered.as_admin(statement, [tenant, results])[0] for results in (json.dumps(found), None)
    ]

    assert stores.simulations.actual(analysed, "trx") == ExperimentResult(**found["primary"])
    with pytest.raises(ConflictError, match="another outcome"):
        stores.simulations.actual(analysed, "nrx")
    with pytest.raises(ConflictError, match="no analysis yet"):
        stores.simulations.actual(running, "trx")
    for nowhere in (new_id(), "no-uuid"):
        with pytest.raises(NotFoundError):
            stores.simulations.actual(nowhere, "trx")
    other, _ = postgres_stores(database, new_id())
    with pytest.raises(NotFoundError):
        other.simulations.actual(analysed, "trx")

    twin, _ = stores.jobs.create(NewTraining(request=twin_request()))
    stores.jobs.begin(twin.job_id)
    stores.jobs.complete(twin.job_id, FOUND)
    simulation = ask(stores, twin.twin_id)
    stores.simulations.complete(simulation, simulated(), 1.0)
    told = ValidateRequest(simulation_id=simulation, actual_experiment_id=analysed)
    kept = stores.simulations.validate(told.told_by(stores.simulations.actual(analysed, "trx")), VERDICT, None)
    assert (kept.actual_ate, kept.actual_ci, kept.actual_experiment_id) == (1.2, (0.6, 1.8), analysed)


def test_a_failed_job_waits_again_as_if_it_were_new_and_no_other_does(stores, train, topics):
    job, _ = stores.jobs.create(NewTraining(request=twin_request()))
    for _ in range(3):
        stores.jobs.begin(job.job_id)
    stores.jobs.fail(job.job_id, "interrupted")
    topics()

    again = stores.jobs.retry(job.job_id)

    assert (again.status, again.phase, again.percent, again.attempts) == ("PENDING", "queued", 0, 0)
    assert (again.retries, again.error, again.started_at, again.completed_at) == (1, None, None, None)
    assert sorted(topics()) == ["training.requested", "training.updated"]
    with pytest.raises(ConflictError, match="PENDING"):
        stores.jobs.retry(job.job_id)
    assert stores.jobs.begin(job.job_id).attempts == 1
    assert stores.jobs.complete(job.job_id, FOUND)
    assert stores.models.get(job.twin_id).active
    with pytest.raises(ConflictError, match="COMPLETED"):
        stores.jobs.retry(job.job_id)
    cancelled, _ = stores.jobs.create(NewTraining(request=twin_request()))
    stores.jobs.cancel(cancelled.job_id, None)
    with pytest.raises(ConflictError, match="CANCELLED"):
        stores.jobs.retry(cancelled.job_id)
    with pytest.raises(NotFoundError):
        stores.jobs.retry(new_id())


def test_a_failed_job_of_a_deleted_twin_is_not_tried_again(stores):
    job, _ = stores.jobs.create(NewTraining(request=twin_request()))
    stores.jobs.fail(job.job_id, "no")
    stores.models.delete(job.twin_id, None)
    with pytest.raises(ConflictError, match="deleted"):
        stores.jobs.retry(job.job_id)


def test_an_older_version_that_is_trained_last_leaves_the_newer_one_in_use(stores, train):
    old, _ = stores.jobs.create(NewTraining(request=twin_request()))
    stores.jobs.begin(old.job_id)
    new = train()

    assert stores.jobs.complete(old.job_id, FOUND)

    assert stores.models.get(new).active
    late = stores.models.get(old.twin_id)
    assert (late.active, late.status) == (False, "COMPLETED")
    assert late.deactivation_reason == "Version 2, which was asked for later, is in use."


def test_what_is_not_in_the_log_is_asked_for_once_each(stores, train, topics):
    logged, away, unconfigured, gone = train(), train(), train(), train()
    stores.models.record_run(logged, "run", "models:/x/1", None)
    stores.models.record_run(away, None, None, "the store is away")
    stores.models.record_run(unconfigured, None, None, "none")
    stores.models.record_run(gone, None, None, "the store is away")
    stores.models.delete(gone, None)
    topics()
    of = {twin: stores.models.get(twin).job_id for twin in (logged, away, unconfigured)}

    assert stores.jobs.ask_to_log(unless="none") == [of[away]]
    assert sorted(stores.jobs.ask_to_log()) == sorted([of[away], of[unconfigured]])
    assert topics() == 3 * ["training.log_requested"]


def test_what_completed_just_now_is_left_to_its_own_workflow(stores, train):
    train()
    assert stores.jobs.ask_to_log(settled_seconds=900) == []
    assert len(stores.jobs.ask_to_log()) == 1


def test_an_entity_s_versions_are_kept_in_order_and_never_changed(stores, train, topics):
    model = train()
    topics()
    twin, versions = stores.entities.open(model, "hcp", "hcp-17")
    assert stores.entities.open(model, "hcp", "hcp-17")[0] == twin
    assert stores.entities.open(model, "hcp", "hcp-18")[0] != twin
    assert stores.entities.find(twin) is None

    now = datetime.now(UTC)
    event = Event("created", "set", now, {"region": "North", "decile": 3.0})
    first = Version(twin, 1, {"region": "North"}, {"trx": 5.5}, (event,), now, now, "d1", "created")
    versions.append(first)

    assert versions.history(twin) == [first]
    model_id, again = stores.entities.find(twin)
    assert (model_id, again.history(twin)) == (model, [first])
    with pytest.raises(ConflictError):
        versions.append(first)
    assert topics() == ["twin.updated"]


def test_nothing_of_one_tenant_is_seen_by_another(registered, database):
    mine, _ = postgres_stores(database, registered.tenant)
    theirs, _ = postgres_stores(database, registered.other_tenant)
    job, _ = mine.jobs.create(NewTraining(request=twin_request()))
    mine.jobs.begin(job.job_id)
    mine.jobs.complete(job.job_id, FOUND)
    simulation = ask(mine, job.twin_id)
    entity, _ = mine.entities.open(job.twin_id, "hcp", "hcp-17")

    for call in (
        lambda: theirs.jobs.get(job.job_id),
        lambda: theirs.jobs.cancel(job.job_id, None),
        lambda: theirs.models.get(job.twin_id),
        lambda: theirs.models.delete(job.twin_id, None),
        lambda: theirs.simulations.get(simulation),
    ):
        with pytest.raises(NotFoundError):
            call()
    assert theirs.models.list(TwinQuery()).items == []
    assert theirs.simulations.list(SimulationQuery()).items == []
    assert not theirs.simulations.complete(simulation, simulated(), 1.0)
    assert theirs.simulations.cached(job.twin_id, "k") is None
    assert theirs.entities.find(entity) is None
    assert str(uuid.UUID(entity)) == entity
