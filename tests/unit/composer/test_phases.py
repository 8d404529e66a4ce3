from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from builders_composer import (
    KISQALI,
    KISQALI_EDGES,
    KISQALI_PARTS,
    catalogue,
    classification,
    created,
    effect_output,
    runner,
    services,
)
from e2i_shared.api.classification import Clarification, Domain
from e2i_shared.api.composition import CompositionStatus as Status
from e2i_shared.composer.phases import PHASES, run_phase
from e2i_shared.errors import (
    InsufficientDataError,
    MalformedRequestError,
    TransientToolError,
    UnknownValueError,
    UnprocessableError,
)

TENANT = "00000000-0000-7000-8000-000000000001"


class Composition:
    """One composition and the workflow that drives it."""

    def __init__(
        self, query=KISQALI, parts=KISQALI_PARTS, edges=KISQALI_EDGES, *, clarification=None, **changes: Any
    ) -> None:
        made = classification(query, parts, edges, clarification=clarification)
        self.classified = 0
        self.age = timedelta(0)
        details = {"deadline_seconds": changes.pop("deadline_seconds")} if "deadline_seconds" in changes else {}

        def classify(_record) -> Any:
            self.classified += 1
            return made

        self.services = services(made, **({"classify": classify, "now": self._now} | changes))
        self.id = created(self.services, query, **details)

    def _now(self) -> Any:
        return datetime.fromisoformat(self.record.created_at) + self.age

    @property
    def record(self):
        return self.services.compositions.get(self.id)

    @property
    def steps(self):
        return self.services.compositions.steps(self.id)

    def run(self, phase, **more: Any):
        event = {"phase": phase, "tenant_id": TENANT, "composition_id": self.id, **more}
        result = run_phase(event, self.services)
        json.dumps(result)
        return result

    def to_end(self):
        self.run("decompose")
        for level in self.run("plan")["levels"]:
            for step in level:
                self.run("execute", step_number=step["step_number"])
        return self.run("synthesize")


def test_the_phases_are_those_of_the_workflow():
    assert set(PHASES) == {"decompose", "plan", "execute", "record_step_failure", "synthesize", "record_failure"}


def test_an_unknown_phase_is_refused():
    with pytest.raises(MalformedRequestError, match="no phase 'dance'"):
        run_phase({"phase": "dance"}, Composition().services)
    with pytest.raises(MalformedRequestError):
        run_phase({}, Composition().services)


class TestDecompose:
    def test_it_stores_the_sub_questions_and_returns_only_ids(self):
        one = Composition()

        assert one.run("decompose") == {"tenant_id": TENANT, "composition_id": one.id}
        assert [q.id for q in one.record.decomposition.sub_questions] == ["Q1", "Q2", "Q3"]
        assert one.record.status is Status.DECOMPOSING
        assert "decompose" in one.record.latency_ms

    def test_it_is_done_once(self):
        one = Composition()
        one.run("decompose")
        before = one.record.decomposition

        one.run("decompose")

        assert one.classified == 1
        assert one.record.decomposition == before

    def test_a_question_that_needs_clarifying_is_raised_for_the_workflow_to_record(self):
        one = Composition("what about those?", [], clarification=Clarification(message="No outcome is named."))
        with pytest.raises(UnprocessableError, match="No outcome is named"):
            one.run("decompose")


class TestPlan:
    def test_it_returns_levels_of_step_numbers_and_runtimes(self):
        one = Composition()
        one.run("decompose")

        assert one.run("plan") == {
            "tenant_id": TENANT,
            "composition_id": one.id,
            "levels": [
                [{"step_number": 1, "runtime": "image", "limit_seconds": 30}],
                [
                    {"step_number": 2, "runtime": "image", "limit_seconds": 30},
                    {"step_number": 4, "runtime": "layer", "limit_seconds": 30},
                ],
                [{"step_number": 3, "runtime": "layer", "limit_seconds": 30}],
            ],
        }
        assert [s.status for s in one.steps] == [Status.PENDING] * 4
        assert one.record.status is Status.PLANNING

    def test_it_is_done_once(self):
        one = Composition()
        one.run("decompose")
        first = one.run("plan")
        one.services.tools.pop("segment_ranker")

        assert one.run("plan") == first

    def test_what_cannot_be_bound_is_raised(self):
        query = "Did rep visits raise Blorptrix TRx?"
        one = Composition(query, [(Domain.CAUSAL, query)], [])
        one.run("decompose")
        with pytest.raises(UnknownValueError, match="Blorptrix"):
            one.run("plan")

    def test_the_data_set_of_the_request_is_used(self):
        query = "Did rep visits raise TRx?"
        one = Composition(query, [(Domain.CAUSAL, query)], [])
        one.services.compositions._episodes[one.id] = one.record.model_copy(update={"dataset": "territories"})
        one.run("decompose")
        one.run("plan")
        assert one.record.plan.dataset == "territories"

    def test_before_decomposing_it_is_refused(self):
        with pytest.raises(UnprocessableError, match="not been decomposed"):
            Composition().run("plan")

    def test_a_plan_of_an_ended_composition_has_no_levels(self):
        one = Composition()
        one.run("decompose")
        one.run("plan")
        one.services.compositions.fail(one.id, Status.CANCELLED, "stopped")
        assert one.run("plan")["levels"] == []


class TestExecute:
    def planned(self, **changes: Any):
        one = Composition(**changes)
        one.run("decompose")
        one.run("plan")
        return one

    def test_it_runs_the_step_and_returns_its_status(self):
        one = self.planned()
        assert one.run("execute", step_number=1) == {"step_number": 1, "status": "COMPLETED"}
        assert one.record.status is Status.EXECUTING

    def test_running_it_twice_changes_nothing(self):
        one = self.planned()
        one.run("execute", step_number=1)
        before = one.steps
        assert one.run("execute", step_number=1)["status"] == "COMPLETED"
        assert one.steps == before

    def test_after_the_deadline_steps_are_skipped(self):
        one = self.planned(deadline_seconds=10)
        one.age = timedelta(seconds=11)
        assert one.run("execute", step_number=1)["status"] == "SKIPPED"
        assert "deadline of 10 s" in one.steps[0].error_message

    def test_a_retryable_error_is_raised_for_the_workflow_to_retry(self):
        def run(_tool, _inputs) -> Any:
            raise TransientToolError("busy")

        one = self.planned(run=run)
        with pytest.raises(TransientToolError):
            one.run("execute", step_number=1)

    def test_a_step_of_an_ended_composition_is_not_run(self):
        one = self.planned()
        one.services.compositions.fail(one.id, Status.TIMEOUT, "too late")
        assert one.run("execute", step_number=1)["status"] == "SKIPPED"

    def test_a_step_the_workflow_gave_up_on_is_recorded(self):
        one = self.planned()
        one.services.compositions.start_step(one.id, 1, {})
        error = {"Error": "States.Timeout", "Cause": ""}
        assert one.run("record_step_failure", step_number=1, error=error) == {"step_number": 1, "status": "FAILED"}


class TestSynthesize:
    def test_the_whole_way_ends_completed_with_a_cited_answer(self):
        one = Composition()

        assert one.to_end() == {"composition_id": one.id, "status": "COMPLETED"}

        record = one.record
        assert record.status is Status.COMPLETED
        assert [p.sub_question for p in record.answer.parts] == ["Q1", "Q2", "Q3"]
        assert [p.citations for p in record.answer.parts] == [[1], [2, 3], [4]]
        assert "2.05 TRx" in record.answer.headline
        assert record.missing == []

    def test_every_phase_has_its_latency(self):
        one = Composition()
        one.age = timedelta(seconds=2)
        one.to_end()
        assert set(one.record.latency_ms) >= {"decompose", "plan", "execute", "synthesize", "total"}
        assert one.record.latency_ms["total"] == pytest.approx(2000)

    def test_it_is_done_once(self):
        one = Composition()
        one.to_end()
        before = one.record
        assert one.run("synthesize")["status"] == "COMPLETED"
        assert one.record == before

    def test_a_composition_that_was_stopped_stays_stopped(self):
        one = Composition()
        one.run("decompose")
        one.run("plan")
        one.services.compositions.fail(one.id, Status.CANCELLED, "stopped")
        assert one.run("synthesize")["status"] == "CANCELLED"

    def test_a_failed_branch_is_missing_and_the_rest_is_answered(self):
        tools = catalogue()

        def run(tool, inputs) -> Any:
            if tool == "cate_analyzer":
                raise InsufficientDataError("Segment Allergy has 3 rows.")
            return runner(tools)(tool, inputs)

        one = Composition(run=run)
        one.to_end()

        assert [p.sub_question for p in one.record.answer.parts] == ["Q1", "Q3"]
        (gone,) = one.record.missing
        assert gone.sub_question == "Q2"
        assert "Segment Allergy has 3 rows." in gone.reason
        assert "Segment Allergy has 3 rows." in one.record.answer.text

    def test_when_nothing_can_be_answered_it_is_raised_with_the_reasons(self):
        def run(_tool, _inputs) -> Any:
            raise InsufficientDataError("Only 3 rows are left.")

        one = Composition(run=run)
        with pytest.raises(UnprocessableError, match=r"Nothing could be answered\..*Only 3 rows are left"):
            one.to_end()

    def test_an_answer_that_no_tool_can_give_is_raised_with_the_reason(self):
        query = "Forecast Kisqali TRx"
        one = Composition(query, [(Domain.PREDICTION, query)], [])
        with pytest.raises(UnprocessableError, match="forecaster"):
            one.to_end()


class TestRecordFailure:
    def test_the_message_of_our_error_is_stored(self):
        one = Composition()
        cause = json.dumps({"errorType": "UnknownValueError", "errorMessage": "Nothing is called 'Blorptrix'."})

        done = one.run("record_failure", error={"Error": "UnknownValueError", "Cause": cause})

        assert done == {"composition_id": one.id, "status": "FAILED"}
        assert one.record.error_message == "Nothing is called 'Blorptrix'."

    def test_open_steps_end_with_it(self):
        one = Composition()
        one.run("decompose")
        one.run("plan")
        one.services.compositions.start_step(one.id, 1, {})
        one.run("record_failure", error={"Error": "States.Timeout", "Cause": ""})
        assert [s.status for s in one.steps] == [Status.FAILED, Status.SKIPPED, Status.SKIPPED, Status.SKIPPED]

    def test_an_ended_composition_stays_as_it_is(self):
        one = Composition()
        one.to_end()
        assert one.run("record_failure", error={"Error": "X"})["status"] == "COMPLETED"

    def test_without_an_error_it_still_ends(self):
        one = Composition()
        assert one.run("record_failure")["status"] == "FAILED"


@pytest.mark.parametrize("phase", ["decompose", "plan", "execute", "synthesize"])
def test_every_phase_may_be_delivered_twice_anywhere(phase):
    once, twice = Composition(), Composition()
    for one, repeats in ((once, 1), (twice, 2)):
        for _ in range(repeats if phase == "decompose" else 1):
            one.run("decompose")
        for _ in range(repeats if phase == "plan" else 1):
            levels = one.run("plan")["levels"]
        for step in (s for level in levels for s in level):
            for _ in range(repeats if phase == "execute" else 1):
                one.run("execute", step_number=step["step_number"])
        for _ in range(repeats if phase == "synthesize" else 1):
            one.run("synthesize")

    assert twice.record.answer == once.record.answer
    assert [(s.status, s.retry_count) for s in twice.steps] == [(s.status, s.retry_count) for s in once.steps]


def test_the_answer_follows_the_outputs():
    from builders_composer import EffectParams, EffectResult, tool

    tools = catalogue(
        causal_effect_estimator=tool(
            "causal_effect_estimator",
            "CAUSAL",
            EffectParams,
            EffectResult,
            effect_output(ate=-0.52, ci_lower=-0.61, ci_upper=-0.43),
        )
    )
    query = "Did rep visits raise TRx?"
    one = Composition(query, [(Domain.CAUSAL, query)], [], tools=tools, run=runner(tools))
    one.to_end()
    assert "visit lowers TRx by 0.520 TRx" in one.record.answer.headline
