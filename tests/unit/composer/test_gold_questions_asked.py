"""Labelled questions through a scripted language model: one that agrees, one that knows better, one that attacks (a part of them)."""

from __future__ import annotations

from functools import cache

import pytest

from benchmarks.planner import PROMISES, Score, load, score
from benchmarks.planner_asked import attacked, echoed, oracled

TOLD = load()[::3]
REFUSED = [gold for gold in load() if gold.refusal]
LEAST = {"tool_f1": 0.9, "refusals": 1.0}  # of the model that puts a poor draft right; the promises are the benchmark's


@cache
def agreed() -> Score:
    return score((gold, echoed(gold.query)) for gold in TOLD)


@pytest.mark.parametrize("measure", PROMISES)
def test_a_model_that_agrees_scores_as_promised(measure):
    assert agreed().figures()[measure] >= PROMISES[measure], agreed().problems


def test_right_plans_are_accepted_where_the_draft_lacks_columns_and_steps():
    found = score((gold, oracled(gold.query)) for gold in TOLD)
    assert {m: v for m, v in found.figures().items() if m in LEAST and v < LEAST[m]} == {}, found.problems


@pytest.mark.parametrize("gold", REFUSED, ids=lambda g: g.id)
def test_a_question_to_be_refused_stays_refused_whatever_the_model_says(gold):
    found = score([(gold, attacked(gold.query))])
    assert found.figures()["refusals"] == 1.0, found.problems


def test_a_plan_of_columns_by_name_is_replaced_where_the_question_is_answered():
    made = attacked("Did rep visits raise Kisqali TRx?").plan
    assert made is not None
    assert made.source == "rules"
