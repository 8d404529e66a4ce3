"""What a composition does when a step hangs, breaks its contract or returns far too much, and when it is tried again."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from builders_composer import (
    KISQALI,
    KISQALI_EDGES,
    KISQALI_PARTS,
    catalogue,
    classification,
    created,
    runner,
    services,
)
from e2i_shared.api.composition import CompositionStatus as Status
from e2i_shared.composer.phases import run_phase
from e2i_shared.errors import ContractError, InsufficientDataError, TransientToolError, UnprocessableError
from e2i_shared.testing import FakeCompositions, FixedClock

TOOLS = catalogue()


class Driven:
    """One composition, driven as the workflow does: level by level, retryable errors given up on after two retries."""

    def __init__(self, run: Any, age: timedelta = timedelta(0)) -> None:
        self.ran = Counter[str]()
        self.sent: list[str] = []

        def counted(tool: str, inputs: Any) -> Any:
            self.ran[tool] += 1
            return run(tool, inputs)

        self.clock = FixedClock()
        self.store = FakeCompositions(clock=self.clock)
        self.services = services(
            classification(KISQALI, KISQALI_PARTS, KISQALI_EDGES),
            compositions=self.store,
            run=counted,
            now=lambda: self.clock() + age,
        )
        self.id = created(self.services, KISQALI)

    def phase(self, name: str, **more: Any) -> Any:
        answer = run_phase({"phase": name, "tenant_id": "t", "composition_id": self.id, **more}, self.services)
        self.sent.append(json.dumps(answer))
        return answer

    def step(self, number: int) -> None:
        for _ in range(3):
            try:
                self.phase("execute", step_number=number)
            except TransientToolError as error:
                cause = json.dumps({"errorType": "TransientToolError", "errorMessage": error.message})
                told = {"Error": "TransientToolError", "Cause": cause}
            else:
                return
        self.phase("record_step_failure", step_number=number, error=told)

    def to_end(self) -> Any:
        self.phase("decompose")
        for level in self.phase("plan")["levels"]:
            for each in level:
                self.step(each["step_number"])
        self.phase("synthesize")
        return self.store.get(self.id)

    @property
    def steps(self) -> dict[str, Any]:
        return {s.step.tool: s for s in self.store.steps(self.id)}


def failing(tool: str, error: Exception) -> Any:
    def run(name: str, inputs: Any) -> Any:
        if name == tool:
            raise error
        return runner(TOOLS)(name, inputs)

    return run


def test_a_retry_runs_only_what_did_not_complete_and_answers_in_full():
    broken = [InsufficientDataError("Only 3 rows are left.")]

    def run(name: str, inputs: Any) -> Any:
        if name == "cate_analyzer" and broken:
            raise broken[0]
        return runner(TOOLS)(name, inputs)

    one = Driven(run)
    first = one.to_end()
    assert [m.sub_question for m in first.missing] == ["Q2"]
    before = dict(one.ran)

    broken.clear()
    one.store.retry(one.id)
    second = one.to_end()

    again = {tool: times - before.get(tool, 0) for tool, times in one.ran.items() if times > before.get(tool, 0)}
    assert again == {"cate_analyzer": 1, "segment_ranker": 1}
    assert (second.composition_id, second.status, second.attempt, second.missing) == (one.id, Status.COMPLETED, 2, [])
    assert [p.sub_question for p in second.answer.parts] == ["Q1", "Q2", "Q3"]


def test_a_retry_begins_its_deadline_anew():
    one = Driven(runner(TOOLS))
    one.store.fail(one.id, Status.TIMEOUT, "late")
    one.clock.advance(7200)
    one.store.retry(one.id)
    assert one.to_end().status is Status.COMPLETED


def test_an_error_that_may_pass_is_tried_three_times_and_then_fails_its_branch_alone():
    one = Driven(failing("cate_analyzer", TransientToolError("busy")))
    record = one.to_end()
    assert one.ran["cate_analyzer"] == 3
    assert (one.steps["cate_analyzer"].status, one.steps["cate_analyzer"].retry_count) == (Status.FAILED, 2)
    assert one.steps["segment_ranker"].status is Status.SKIPPED
    assert "cate_analyzer" in one.steps["segment_ranker"].error_message
    assert one.ran["segment_ranker"] == 0
    assert [p.sub_question for p in record.answer.parts] == ["Q1", "Q3"]


def test_an_error_that_will_not_pass_is_tried_once():
    one = Driven(failing("cate_analyzer", InsufficientDataError("Only 3 rows are left.")))
    one.to_end()
    assert one.ran["cate_analyzer"] == 1


def test_a_tool_that_breaks_its_contract_fails_once_and_what_needs_it_is_skipped():
    one = Driven(failing("causal_effect_estimator", ContractError("Its output has no ate.")))
    with pytest.raises(UnprocessableError, match="Its output has no ate"):
        one.to_end()
    assert one.steps["causal_effect_estimator"].status is Status.FAILED
    assert one.ran == {"causal_effect_estimator": 1}
    others = [s for tool, s in one.steps.items() if tool != "causal_effect_estimator"]
    assert {s.status for s in others} == {Status.SKIPPED}
    assert all("Not run, because step" in s.error_message for s in others)


def test_however_large_an_output_only_ids_travel_between_states():
    def run(name: str, inputs: Any) -> Any:
        made = runner(TOOLS)(name, inputs)
        return made | {"padding": "x" * 5_000_000} if name == "causal_effect_estimator" else made

    one = Driven(run)
    one.to_end()
    assert max(map(len, one.sent)) < 1_000


def test_after_the_deadline_nothing_more_is_run():
    one = Driven(runner(TOOLS), age=timedelta(seconds=301))
    one.phase("decompose")
    for level in one.phase("plan")["levels"]:
        for each in level:
            one.step(each["step_number"])
    assert sum(one.ran.values()) == 0
    assert {s.status for s in one.steps.values()} == {Status.SKIPPED}
