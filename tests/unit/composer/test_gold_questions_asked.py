"""Labelled questions through a scripted language model: one that agrees, one that knows better, one that attacks (a part of them)."""

from __future__ import annotations

from functools import cache

import pytest

from benchmarks.planner import PROMISES, Score, load, score
from benchmarks.planner_asked import attacked, echoed, oracled, rules_of

TOLD = load()[::3]
REFUSED = [gold for gold in load() if gold.refusal]

echo = cache(echoed)


@cache
def agreed() -> Score:
    return score((gold, echo(gold.query)) for gold in TOLD)


@pytest.mark.parametrize("measure", PROMISES)
def test_a_model_that_agrees_scores_as_promised(measure):
    assert agreed().figures()[measure] >= PROMISES[measure], agreed().problems


@pytest.mark.parametrize("gold", TOLD, ids=lambda g: g.id)
def test_a_model_that_agrees_changes_no_step(gold):
    made = echo(gold.query).plan
    if made is None or not made.steps:
        return  # refused, as it is to be or not: scored above
    rules = rules_of(gold.query)[0]
    assert [(s.tool, s.inputs, s.serves) for s in made.steps] == [(s.tool, s.inputs, s.serves) for s in rules.steps]
    assert (made.source, made.missing) == ("llm", rules.missing)


def test_right_plans_are_accepted_where_the_draft_lacks_columns_and_steps():
    found = score((gold, oracled(gold.query)) for gold in TOLD)
    assert {m: v for m, v in found.figures().items() if v < PROMISES[m]} == {}, found.problems


@pytest.mark.parametrize("gold", REFUSED, ids=lambda g: g.id)
def test_a_question_to_be_refused_stays_refused_whatever_the_model_says(gold):
    found = score([(gold, attacked(gold.query))])
    assert found.figures()["refusals"] == 1.0, found.problems


def test_a_plan_of_columns_by_name_is_replaced_where_the_question_is_answered():
    made = attacked("Did rep visits raise Kisqali TRx?").plan
    assert made is not None
    assert made.source == "rules"
