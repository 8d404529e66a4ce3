"""A step fails, hangs, breaks its contract, says far too much or dies: the others finish, and the answer says what is missing."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from faulty.handlers import SECRET
from faulty.product import alive, eventually

if TYPE_CHECKING:
    from faulty.product import Product

EFFECT, REFUTATION, SENSITIVITY, AGE, RANKING, SIZE = (
    "causal_effect_estimator",
    "refutation_runner",
    "sensitivity_analyzer",
    "cate_analyzer",
    "segment_ranker",
    "power_calculator",
)


def statuses(view) -> dict[str, str]:
    return {step["tool"]: step["status"] for step in view["steps"]}


def test_nothing_goes_wrong_and_everything_is_answered(product: Product):
    identity = product.ask()

    view = product.ended(identity)

    assert (view["status"], view["missing"]) == ("COMPLETED", [])
    assert set(statuses(view).values()) == {"COMPLETED"}
    assert len(product.sound(identity).record.answer.parts) == 4


def test_a_step_that_raises_fails_its_branch_alone_and_the_answer_names_what_is_missing(product: Product):
    identity = product.ask({AGE: {"do": "raise"}})

    view = product.ended(identity)

    assert view["status"] == "COMPLETED"
    failed = {tool: status for tool, status in statuses(view).items() if status != "COMPLETED"}
    assert failed == {AGE: "FAILED", RANKING: "SKIPPED"}
    assert [part["question"] for part in view["missing"]] == ["which age groups gained most"]
    assert "which age groups gained most" in view["answer"]["text"].split("Not answered:")[1]
    assert {part["sub_question"] for part in view["answer"]["parts"]} == {"Q1", "Q2", "Q4"}
    assert SECRET not in json.dumps(view)
    assert len(product.runs(identity, AGE)) == 1
    product.sound(identity)


@pytest.mark.parametrize("how", ["hang", "spin"])
def test_a_step_that_never_ends_is_killed_at_its_limit_and_the_others_finish(product: Product, how: str):
    identity = product.ask({AGE: {"do": how}})
    ((pid, begun),) = eventually(lambda: product.runs(identity, AGE))

    view = product.ended(identity)

    assert not alive(pid)
    failed = {tool: status for tool, status in statuses(view).items() if status != "COMPLETED"}
    assert failed == {AGE: "FAILED", RANKING: "SKIPPED"}
    assert "took too long" in view["missing"][0]["reason"]
    assert len(product.runs(identity, AGE)) == 1, "what took too long is not tried again"
    took = max(event.at for event in product.sound(identity).events)
    from datetime import datetime

    assert datetime.fromisoformat(took).timestamp() - begun < product.step_seconds + 5


def test_an_error_that_may_pass_is_tried_again_after_a_while_that_differs(product: Product):
    identities = [product.ask({REFUTATION: {"do": "transient", "times": 2}}) for _ in range(3)]

    views = [product.ended(identity) for identity in identities]

    assert [view["status"] for view in views] == ["COMPLETED"] * 3
    assert all(set(statuses(view).values()) == {"COMPLETED"} for view in views)
    waits = []
    for identity in identities:
        at = [when for _, when in product.runs(identity, REFUTATION)]
        assert len(at) == 3
        waits += [later - earlier for earlier, later in pairwise(at)]
        retried = {step.step.tool: step.retry_count for step in product.sound(identity).steps}
        assert retried[REFUTATION] == 2
    assert len({round(wait, 2) for wait in waits}) > 1, "the pauses are drawn"
    assert max(waits) < 2.0 + 2.0, "at most the second interval, and what a busy machine adds"


def test_an_error_that_stays_is_tried_three_times_and_then_fails_its_branch(product: Product):
    identity = product.ask({REFUTATION: {"do": "transient"}})

    view = product.ended(identity)

    assert len(product.runs(identity, REFUTATION)) == 3
    assert statuses(view)[REFUTATION] == "FAILED"
    assert {part["sub_question"] for part in view["answer"]["parts"]} >= {"Q1", "Q3", "Q4"}
    product.sound(identity)


@pytest.mark.parametrize("how", ["wrong type", "nan", "infinite", "none", "incomplete"])
def test_an_output_outside_its_schema_is_no_output_and_what_needs_it_is_skipped(product: Product, how: str):
    identity = product.ask({AGE: {"do": how}})

    view = product.ended(identity)

    seen = product.sound(identity)
    age = next(step for step in seen.steps if step.step.tool == AGE)
    ranking = next(step for step in seen.steps if step.step.tool == RANKING)
    assert (age.status, age.output) == ("FAILED", None)
    assert "own schema" in age.error_message
    assert (ranking.status, ranking.resolved_inputs) == ("SKIPPED", None)
    assert "which it needs, failed" in ranking.error_message
    assert len(product.runs(identity, AGE)) == 1
    assert product.runs(identity, RANKING) == []
    assert [part["sub_question"] for part in view["missing"]] == ["Q3"]


def test_when_the_first_step_fails_there_is_no_answer_but_the_reason(product: Product):
    identity = product.ask({EFFECT: {"do": "refuse"}})

    view = product.ended(identity)

    assert (view["status"], view["answer"]) == ("FAILED", None)
    assert "Only 3 rows are left" in view["error"]
    assert sorted(statuses(view).values()) == ["FAILED"] + ["SKIPPED"] * 5
    product.sound(identity)


def test_five_megabytes_of_output_are_kept_by_reference_and_only_ids_travel(product: Product):
    identity = product.ask({AGE: {"do": "large"}})

    view = product.ended(identity)

    assert view["status"] == "COMPLETED", view["error"]
    seen = product.sound(identity)
    large = next(step for step in seen.steps if step.step.tool == AGE)
    assert large.output_ref
    assert len(json.dumps(large.output)) > 5_000_000
    (stored,) = product.rows(
        "SELECT pg_column_size(output_result) AS size, output_ref FROM composition_steps "
        "WHERE composition_id = %s AND tool_name = 'cate_analyzer'",
        identity,
    )
    assert stored == {"size": None, "output_ref": large.output_ref}
    (execution,) = product.executions(identity, 1)
    events = product.aws("stepfunctions", "get_execution_history", executionArn=execution["executionArn"])["events"]
    assert len(events) > 20
    assert max(len(json.dumps(event)) for event in events) < 5_000


@pytest.mark.parametrize("tool", [EFFECT, AGE])
def test_a_process_that_dies_with_its_result_in_hand_is_replaced_and_the_step_done_once(product: Product, tool: str):
    identity = product.ask({tool: {"do": "kill", "times": 1}})

    view = product.ended(identity)

    assert set(statuses(view).values()) == {"COMPLETED"}
    runs = product.runs(identity, tool)
    assert len(runs) == 2
    assert runs[0][0] != runs[1][0]
    product.sound(identity)


def test_a_process_that_dies_after_it_stored_its_result_does_not_do_it_again(product: Product):
    identity = product.ask({f"execute {AGE}": {"do": "kill after", "times": 1}})

    view = product.ended(identity)

    assert set(statuses(view).values()) == {"COMPLETED"}
    assert len(product.runs(identity, f"execute {AGE}")) == 2, "the step was delivered again"
    assert len(product.runs(identity, AGE)) == 1, "and the tool was not"
    product.sound(identity)
