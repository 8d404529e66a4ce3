"""A question for a digital twin, from its plan to its sentences."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from builders_composer import cate_output, datasets, decomposition, effect_output, kpi_names
from builders_frames import NO_DATA
from builders_trained import TrialTwins
from e2i_shared.api.classification import Domain
from e2i_shared.composer.claims import claims_of
from e2i_shared.composer.claims.told import Labels, Told
from e2i_shared.composer.grounding import Sources, _from_claims, check_text
from e2i_shared.composer.plan import make_plan
from e2i_shared.composer.render import render_claim, render_part
from e2i_shared.composer.synthesize import _claims
from e2i_shared.tools._registry import catalogue, run_tool

TOOL = "intervention_prescreener"


def planned(text: str, *, without: str = "") -> Any:
    tools = {name: spec for name, spec in catalogue().items() if name != without}
    return make_plan("…", decomposition([(Domain.EXPERIMENT, text)], ()), datasets(), tools, kpis=kpi_names())


def inputs(text: str) -> dict[str, Any]:
    (step,) = [s for s in planned(text).steps if s.tool == TOOL]
    return dict(step.inputs)


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("Pre-screen 20% more rep visits on the digital twin", {"dose_change_pct": 20.0}),
        ("What would 2 more rep visits do to TRx on the twin", {"dose_change": 2.0}),
    ],
)
def test_the_change_asked_for_is_what_the_twin_is_given(text: str, config: dict[str, Any]):
    made = inputs(text)
    assert made["intervention_type"] == "rep_visits"
    assert made["intervention_config"] == config


def test_the_brand_chooses_the_twin_and_is_no_filter():
    made = inputs("Pre-screen 20% more rep visits for Kisqali in the Northeast with the digital twin")
    assert made["brand"] == "Kisqali"
    assert [f["column"] for f in made["filters"]] == ["region"]


def test_low_responders_are_found_first():
    plan = planned("What would 20% more rep visits do to TRx of the low responders on the digital twin")
    assert [s.tool for s in plan.steps][-2:] == ["cate_analyzer", TOOL]
    assert plan.steps[-1].inputs["target_population"]["path"].endswith("low_responders")


def test_without_a_twin_in_the_question_or_a_tool_nothing_changes():
    assert TOOL not in [s.tool for s in planned("What would 20% more rep visits do to TRx").steps]
    plan = planned("Pre-screen 20% more rep visits on the digital twin for TRx", without=TOOL)
    assert "counterfactual_simulator" in [s.tool for s in plan.steps]


def test_what_the_twin_predicts_is_said_with_its_interval_and_what_to_do():
    output = run_tool(TOOL, {"intervention_type": "visits"}, replace(NO_DATA, twins=TrialTwins()))
    told = Told(1, TOOL, output, {}, Labels(names={"trx": "TRx"}))

    effect, advice, test, trust = [render_claim(c, {1: output}) for c in claims_of(told)]

    assert effect.startswith("The digital twin predicts a change of TRx by 2.")
    assert "(95% interval 2." in effect
    assert advice.startswith("It is worth doing: The effect (")
    assert f"{output['recommended_sample_size']:,} units per arm for 12 weeks" in test
    assert "unvalidated" in trust


def test_what_was_asked_of_the_twin_is_said_before_what_it_took():
    output = run_tool(TOOL, {"intervention_type": "visits"}, replace(NO_DATA, twins=TrialTwins()))
    plan = planned("What would 20% more rep visits do to TRx of the low responders on the digital twin")
    book = {s.step_number: SimpleNamespace(step=s) for s in plan.steps}
    found = {TOOL: output, "cate_analyzer": cate_output(), "causal_effect_estimator": effect_output()}
    told = {n: Told(n, s.step.tool, found[s.step.tool], {}, Labels(names={})) for n, s in book.items()}
    (question,) = decomposition([(Domain.EXPERIMENT, "what would the digital twin say")], ()).sub_questions

    first = _claims(question, told, book)[0]

    assert book[first.value_refs[0].step].step.tool == TOOL


def test_an_effect_that_may_be_none_is_said_so():
    output = run_tool(TOOL, {"intervention_type": "visits"}, replace(NO_DATA, twins=TrialTwins()))
    output |= {"ci_lower": -0.5, "recommendation": "skip", "recommended_sample_size": None}

    said = [render_claim(c, {1: output}) for c in claims_of(Told(1, TOOL, output, {}, Labels(names={})))]

    assert "no clear change" in said[0]
    assert said[1].startswith("It is not worth a test")
    assert len(said) == 3


def test_a_test_that_the_population_cannot_carry_gets_no_duration():
    output = run_tool(TOOL, {"intervention_type": "visits"}, replace(NO_DATA, twins=TrialTwins()))
    output |= {"recommended_duration_weeks": None, "recommended_sample_size": 6_952}

    said = [render_claim(c, {1: output}) for c in claims_of(Told(1, TOOL, output, {}, Labels(names={})))]

    assert said[2] == "A real test would need 6,952 per arm, more than this population can give in a plausible time."


@pytest.mark.parametrize("weeks", [12, 40])
def test_its_sentences_raise_no_alarm_and_a_changed_number_does(weeks: int):
    output = run_tool(TOOL, {"intervention_type": "visits"}, replace(NO_DATA, twins=TrialTwins()))
    output |= {"recommended_duration_weeks": weeks, "recommended_sample_size": 6_952}
    made = claims_of(Told(1, TOOL, output, {}, Labels(names={"trx": "TRx"})))
    text, sources = render_part(made, {1: output}), Sources().joined(_from_claims(made, {1: output}))

    assert check_text(text, sources) == []
    assert check_text(text.replace("6,952", "6,953"), sources)
    assert check_text(text.replace(f"{weeks} weeks", f"{weeks + 1} weeks"), sources)
