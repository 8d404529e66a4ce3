"""The offline planner against the labelled questions, and the scorer against plans that are wrong."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from e2i_shared.composer.model import Plan, PlanStep

from benchmarks.planner import PLAN_MS, PROMISES, Gold, Planned, Score, load, percentile, plan, score


@cache
def pairs() -> tuple[tuple[Gold, Planned], ...]:
    return tuple((gold, plan(gold.query)) for gold in load())


def test_there_are_enough_questions_and_a_third_is_held_out():
    rows = load()
    assert len(rows) >= 120
    assert 0.3 <= sum(r.held_out for r in rows) / len(rows) <= 0.4
    assert len({r.query for r in rows}) == len(rows) == len({r.id for r in rows})


def test_every_tool_of_the_plan_is_asked_for_on_both_sides():
    for held_out in (False, True):
        asked = {t["tool"] for r in load() if r.held_out is held_out for t in r.tools}
        assert len(asked) >= 15, sorted(asked)
    assert {r.refusal for r in load()} >= {"unbindable", "clarification", "incomplete"}


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize("measure", PROMISES)
def test_plans_are_as_right_as_promised(measure, held_out):
    found = score(p for p in pairs() if p[0].held_out is held_out)
    assert found.figures()[measure] >= PROMISES[measure], found.problems


def test_planning_keeps_its_time():
    assert percentile([p.milliseconds for _, p in pairs()], 0.5) < PLAN_MS


def step(number: int, tool: str, inputs: dict[str, Any], depends_on: tuple[int, ...] = ()) -> PlanStep:
    return PlanStep(
        step_number=number,
        name=tool,
        tool=tool,
        runtime="layer",
        inputs=inputs,
        depends_on=list(depends_on),
        serves="Q1",
        level=1 + len(depends_on),
    )


EFFECT = {"dataset": "d", "treatment_col": "a", "outcome_col": "y", "filters": [{"column": "r", "value": "South"}]}
GOLD = Gold(
    "g1",
    "q",
    held_out=False,
    tools=[
        {"tool": "causal_effect_estimator", "args": {"dataset": ["d", "e"], "filters": ["r = South"]}},
        {"tool": "refutation_runner", "args": {}},
    ],
    edges=[["causal_effect_estimator", "refutation_runner"]],
)
STEPS = (step(1, "causal_effect_estimator", EFFECT), step(2, "refutation_runner", {}, (1,)))


def made(*steps: PlanStep) -> Planned:
    return Planned(Plan(dataset="d", dataset_version=1, steps=list(steps), levels=[]), "", 1.0)


def figures(gold: Gold, planned: Planned) -> dict[str, float]:
    return score([(gold, planned)]).figures()


def test_a_right_plan_scores_one_everywhere():
    assert set(figures(GOLD, made(*STEPS)).values()) == {1.0}


@pytest.mark.parametrize(
    ("planned", "measure", "value"),
    [
        (made(STEPS[0]), "tool_f1", 2 / 3),
        (made(STEPS[0]), "edge_f1", 0.0),
        (made(*STEPS, step(3, "gap_calculator", {})), "tool_f1", 0.8),
        (made(step(1, "causal_effect_estimator", EFFECT | {"dataset": "f"}), STEPS[1]), "arguments", 0.5),
        (made(step(1, "causal_effect_estimator", EFFECT | {"filters": []}), STEPS[1]), "arguments", 0.5),
        (Planned(None, "There is no data.", 1.0), "tool_f1", 0.0),
        (Planned(None, "There is no data.", 1.0), "arguments", 0.0),
    ],
)
def test_what_is_wrong_costs(planned, measure, value):
    assert figures(GOLD, planned)[measure] == pytest.approx(value)


def test_a_refusal_must_name_what_it_refuses():
    gold = replace(GOLD, tools=[], edges=[], refusal="unbindable", names="Zoltexa")
    assert figures(gold, Planned(None, "Nothing is called 'Zoltexa'.", 1.0))["refusals"] == 1.0
    assert figures(gold, Planned(None, "Nothing fits.", 1.0))["refusals"] == 0.0
    assert figures(gold, made(STEPS[0]))["refusals"] == 0.0


def test_a_tool_that_does_not_exist_must_be_reported():
    gold = replace(GOLD, missing=["crystal_ball"])
    found = score([(gold, made(*STEPS))])
    assert found.figures()["refusals"] == 0.0
    assert found.problems == {"g1": ["crystal_ball must be reported missing, got nothing"]}


def test_periods_references_and_numbers_are_compared_by_what_they_mean():
    wanted = {"period": "2026-07-01/2026-10-01", "horizon": 6.0, "kind.of": "x", "columns": ["b", "a"]}
    gold = replace(GOLD, tools=[{"tool": "t", "args": wanted}], edges=[])
    inputs = {
        "period": {"start": "2026-07-01", "end": "2026-10-01"},
        "horizon": 6,
        "kind": {"of": "x"},
        "columns": ["a", "b"],
    }
    assert figures(gold, made(step(1, "t", inputs)))["arguments"] == 1.0
    assert figures(gold, made(step(1, "t", inputs | {"horizon": 7})))["arguments"] == 0.75


def test_nothing_to_score_is_no_failure():
    assert set(Score().figures().values()) == {1.0}
