"""Answers as a brand manager reads them: compared brands apart, as many as asked for, the question's own names; and rephrasings that work."""

from __future__ import annotations

import re

import pytest
from builders_composer import datasets
from builders_questions import TODAY, asked
from e2i_shared.api.classification import ClassifyRequest, RoutingPattern
from e2i_shared.api.composition import CompositionStatus as Status
from e2i_shared.classifier.classify import classify
from e2i_shared.composer.partial import partial_results


def text(query: str) -> str:
    return asked(query)[0].answer.text


def test_brands_that_are_compared_are_told_apart():
    told = text("Compare Kisqali and Fabhalta TRx in Q3 2026")

    assert "By brand: Kisqali" in told
    assert "; Fabhalta" in told


def test_the_top_five_are_five_and_come_first_with_the_name_of_the_measure():
    record, _ = asked("Top 5 territories by Kisqali TRx")

    assert record.answer.headline.startswith("Total prescriptions (TRx), Kisqali, first by territories: T")
    assert record.answer.headline.count(" TRx") == 5


def test_without_a_number_all_groups_are_listed_after_the_whole():
    headline = asked("Kisqali TRx by region")[0].answer.headline

    assert headline.startswith("Total prescriptions (TRx), Kisqali:")
    assert "By regions: " in text("Kisqali TRx by regions") or "By region: " in text("Kisqali TRx by region")


def test_which_to_prioritise_is_about_the_segments_just_compared():
    _, steps = asked("Which specialties respond most to rep visits for Fabhalta, and which should we prioritise?")

    assert [s.step.tool for s in steps].count("cate_analyzer") == 1
    assert {s.step.serves for s in steps if s.step.tool == "segment_ranker"} == {"Q1,Q2"}


def test_an_outcome_nobody_named_is_called_by_its_usual_name():
    assert "raise TRx by" in text("Did emails help?")
    told = text("Simulate giving every patient a copay card")
    assert "adherence would be" in told
    assert "pdc" not in told.split("Keep in mind")[0]


def test_patients_are_patients_and_not_rows():
    assert "of 5,000 patients had the copay card" in text("How likely is a patient to get the copay card?")


def test_what_steps_say_while_others_run_uses_the_same_names_as_the_answer():
    record, steps = asked("Did emails help?")

    (first,) = partial_results(record.plan, steps, datasets())

    assert first.text in record.answer.text


UNCLEAR = [
    "blah blah",
    "What is the capital of France?",
    "help",
    "what about those?",
    "And in the South?",
    "???",
    "Quels facteurs influencent les ventes ?",
    "why",
    "tell me something",
    "the weather in Boston tomorrow",
]


def rephrasings(query: str) -> list[str]:
    found = classify(ClassifyRequest(query=query), datasets(), today=TODAY)
    assert found.routing_pattern is RoutingPattern.CLARIFICATION_NEEDED, found.reason
    return found.clarification.rephrasings


@pytest.mark.parametrize("query", UNCLEAR)
def test_each_rephrasing_of_an_unclear_question_is_answered(query: str):
    offered = rephrasings(query)

    assert len(offered) >= 3
    for each in offered:
        record, _ = asked(each)
        assert (record.status, record.missing) == (Status.COMPLETED, []), (each, record.error_message)
        assert record.answer.parts


def test_the_lowest_come_first_when_they_are_asked_for():
    headline = asked("Which regions have the lowest Fabhalta market share?")[0].answer.headline

    assert ", Fabhalta, lowest first, by region" in headline
    shares = [float(each) for each in re.findall(r"(\d+\.\d)%", headline)]
    assert shares == sorted(shares)
    assert len(shares) == 4


def test_whether_a_measure_grows_is_its_trend_and_no_effect():
    record, steps = asked("Is Kisqali TRx growing or declining?")

    assert [s.step.tool for s in steps] == ["kpi_lookup"]
    assert "Over time: 2025-10: 10,813 TRx" in record.answer.text


@pytest.mark.parametrize("query", ["Are rep visits increasing TRx?", "Is the copay card increasing adherence?"])
def test_whether_a_lever_increases_something_stays_an_effect(query: str):
    assert asked(query)[1][0].step.tool == "causal_effect_estimator"


def test_half_as_many_visits_are_simulated():
    _, steps = asked("What would happen if we cut rep visits by half?")

    assert steps[-1].step.inputs["intervention"]["amount"] == -50.0


def test_what_one_more_visit_for_everyone_would_bring_is_a_simulation_and_no_test():
    _, steps = asked("How many more TRx would we get if every HCP got one more visit?")

    assert "counterfactual_simulator" in {s.step.tool for s in steps}
    assert "power_calculator" not in {s.step.tool for s in steps}


def test_whether_an_effect_is_real_is_tested():
    _, steps = asked("Is the effect of emails on TRx real?")

    assert {s.step.tool for s in steps} >= {"causal_effect_estimator", "refutation_runner"}
