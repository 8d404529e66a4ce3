"""The composer's phases over a real database: the same answer as in memory, whatever is delivered twice or killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest
from builders_composer import (
    KISQALI,
    KISQALI_EDGES,
    KISQALI_PARTS,
    catalogue,
    classification,
    created,
    drive,
    kpi_names,
    runner,
    sample,
    services,
)
from e2i_shared.api.classification import Domain
from e2i_shared.api.composition import CompositionStatus as Status
from e2i_shared.composer.embedding import MODEL, embed
from e2i_shared.composer.phases import ComposerServices, run_phase
from e2i_shared.db.catalogue import PostgresCatalogue, next_version, save_version
from e2i_shared.db.compositions import PostgresCompositions
from e2i_shared.db.connection import Database
from e2i_shared.db.tools import PostgresTools, sync_tools
from e2i_shared.errors import UnknownValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.postgres
TOOLS = catalogue()


@pytest.fixture(scope="module")
def database(migrated) -> Iterator[Database]:
    """A database that knows the tools and the sample's catalogue."""
    sync_tools(migrated.admin, [t.describe(schemas=True).model_copy(update={"edges": []}) for t in TOOLS.values()])
    opened = Database(migrated.app)
    for dataset in sample().datasets.values():
        with opened.transaction(migrated.tenant) as connection:
            identity, version = next_version(connection, dataset.name)
            save_version(connection, dataset.model_copy(update={"dataset_id": identity, "version": version}))
    yield opened
    opened.close()


@pytest.fixture
def bundle(database, migrated) -> Callable[..., ComposerServices]:
    """A maker of services over the database for a question."""

    def make(query=KISQALI, parts=KISQALI_PARTS, edges=KISQALI_EDGES, run=None) -> ComposerServices:
        tools = PostgresTools(database, migrated.tenant)
        return services(
            classification(query, parts, edges),
            TOOLS,
            compositions=PostgresCompositions(database, migrated.tenant),
            datasets=PostgresCatalogue(database, migrated.tenant).all,
            run=run or runner(TOOLS),
            kpis=kpi_names(),
            latency_ms=lambda: {r.tool: r.p50_ms for r in tools.reliability() if r.p50_ms is not None},
        )

    return make


def run(made: ComposerServices, identity: str, phase: str, **more: Any) -> Any:
    return run_phase({"phase": phase, "tenant_id": "t", "composition_id": identity, **more}, made)


def to_end(made: ComposerServices, identity: str) -> Any:
    run(made, identity, "decompose")
    for level in run(made, identity, "plan")["levels"]:
        for step in level:
            run(made, identity, "execute", step_number=step["step_number"])
    return run(made, identity, "synthesize")


def test_the_answer_is_the_same_as_in_memory(bundle):
    made = bundle()
    identity = created(made, KISQALI)

    assert to_end(made, identity)["status"] == "COMPLETED"

    stored = made.compositions.get(identity)
    in_memory, _ = drive(KISQALI, KISQALI_PARTS, KISQALI_EDGES)
    assert stored.answer == in_memory.answer
    assert stored.decomposition == in_memory.decomposition
    assert stored.plan.steps == in_memory.plan.steps
    assert set(stored.latency_ms) >= {"decompose", "plan", "execute", "synthesize", "total"}


def test_every_number_of_a_stored_answer_resolves_to_a_stored_output(bundle):
    from e2i_shared.composer.pointers import lookup

    made = bundle()
    identity = created(made, KISQALI)
    to_end(made, identity)
    outputs = {s.step.step_number: s.output for s in made.compositions.steps(identity)}

    refs = [r for p in made.compositions.get(identity).answer.parts for c in p.claims for r in c.value_refs]

    assert len(refs) > 10
    assert all(lookup(outputs[r.step], r.pointer) is not None for r in refs)


def test_every_phase_delivered_twice_changes_nothing(bundle):
    made = bundle()
    identity = created(made, KISQALI)
    for _ in range(2):
        run(made, identity, "decompose")
    levels = [run(made, identity, "plan") for _ in range(2)]
    for step in (s for level in levels[0]["levels"] for s in level):
        statuses = [run(made, identity, "execute", step_number=step["step_number"]) for _ in range(2)]
        assert statuses[0] == statuses[1]
    for _ in range(2):
        run(made, identity, "synthesize")

    assert levels[0] == levels[1]
    assert [s.retry_count for s in made.compositions.steps(identity)] == [0, 0, 0, 0]


def test_one_step_delivered_to_two_workers_at_once_has_one_output(bundle):
    gate = threading.Barrier(2)
    calls = []

    def slow(tool: str, inputs: Any) -> Any:
        gate.wait(10)
        calls.append(tool)
        return runner(TOOLS)(tool, inputs)

    made = bundle(run=slow)
    identity = created(made, KISQALI)
    run(made, identity, "decompose")
    run(made, identity, "plan")
    results: list[Any] = []
    workers = [
        threading.Thread(target=lambda: results.append(run(made, identity, "execute", step_number=1))) for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)

    assert results == [{"step_number": 1, "status": "COMPLETED"}] * 2
    assert len(calls) == 2
    assert made.compositions.steps(identity)[0].output["ate"] == pytest.approx(2.0531)


def _die_in_the_tool(conninfo: str, tenant: str, identity: str) -> None:
    database = Database(conninfo)

    def die(_tool: str, _inputs: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    made = services(
        classification(KISQALI, KISQALI_PARTS, KISQALI_EDGES),
        TOOLS,
        compositions=PostgresCompositions(database, tenant),
        run=die,
    )
    run(made, identity, "execute", step_number=1)


def test_a_worker_killed_in_a_step_leaves_it_open_and_the_next_one_finishes_it(bundle, migrated):
    made = bundle()
    identity = created(made, KISQALI)
    run(made, identity, "decompose")
    run(made, identity, "plan")
    victim = multiprocessing.get_context("spawn").Process(
        target=_die_in_the_tool, args=(migrated.app, migrated.tenant, identity)
    )
    victim.start()
    victim.join(60)
    assert victim.exitcode == -signal.SIGKILL
    assert made.compositions.steps(identity)[0].status is Status.EXECUTING

    assert run(made, identity, "execute", step_number=1)["status"] == "COMPLETED"
    assert made.compositions.steps(identity)[0].retry_count == 1
    assert to_end(made, identity)["status"] == "COMPLETED"


def test_a_question_that_cannot_be_bound_ends_failed_with_the_reason(bundle):
    query = "Did rep visits raise Blorptrix TRx?"
    made = bundle(query, [(Domain.CAUSAL, query)], [])
    identity = created(made, query)
    run(made, identity, "decompose")
    with pytest.raises(UnknownValueError) as caught:
        run(made, identity, "plan")
    cause = '{"errorType": "UnknownValueError", "errorMessage": "' + caught.value.message.replace('"', "'") + '"}'

    assert (
        run(made, identity, "record_failure", error={"Error": "UnknownValueError", "Cause": cause})["status"]
        == "FAILED"
    )
    assert "Kisqali" in made.compositions.get(identity).error_message


def test_the_second_plan_knows_the_usual_latencies(bundle):
    made = bundle()
    for _ in range(2):
        identity = created(made, KISQALI)
        to_end(made, identity)
    assert made.compositions.get(identity).plan.critical_path_ms >= 0


def test_similar_questions_are_found_by_the_local_embedding(bundle):
    made = bundle()
    identity = created(made, KISQALI, embedding=embed(KISQALI), embedding_model=MODEL)
    to_end(made, identity)

    found = made.compositions.similar(embed(KISQALI.replace("more ", "")), MODEL, limit=3, min_similarity=0.7)

    assert identity in [s.composition_id for s in found]
    assert made.compositions.similar(embed("forecast adherence of patients"), MODEL) == []
    assert made.compositions.similar(embed(KISQALI), "another-model") == []
