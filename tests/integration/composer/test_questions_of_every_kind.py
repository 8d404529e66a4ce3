"""Every kind of question, from plain English to a grounded answer: the real classifier, planner and tools on the sample."""

from __future__ import annotations

import re
from typing import Any

import pytest
from builders_questions import asked

QUESTIONS = {
    "Why did Kisqali TRx drop in Q3?": ["change_attributor"],
    "What drives adherence?": ["driver_ranker"],
    "We have 300 extra calls for Kisqali in the Northeast: who should get them to raise TRx?": ["policy_optimizer"],
    "What would 20% more calls do to Kisqali TRx of the low responders in the Northeast?": [
        "causal_effect_estimator",
        "cate_analyzer",
        "counterfactual_simulator",
    ],
    "Which territories trail the median in Kisqali TRx in the Northeast, and what is the ROI of closing it at $50 a call?": [
        "gap_calculator",
        "causal_effect_estimator",
        "kpi_lookup",
        "roi_estimator",
    ],
    "Which territories trail the median in TRx, and what is the opportunity?": ["gap_calculator"],
    "Forecast Kisqali TRx for the next 6 months": ["forecaster"],
    "Which Remibrutinib patients on Medicaid are at risk of discontinuing?": ["risk_scorer"],
    "Is there enough overlap between patients with and without nurse support?": ["propensity_estimator"],
    "Has samples drifted since Q1?": ["psi_calculator"],
    "Are there anomalies in Kisqali TRx?": ["kpi_monitor"],
    "Compare the distribution of age and adherence between Medicare and Commercial patients": [
        "distribution_comparator"
    ],
    "Build a cohort of Kisqali patients over 65 on Medicare, excluding those with a copay card": ["cohort_builder"],
    "What is an E-value?": ["result_explainer"],
}


def output(query: str, tool: str) -> dict[str, Any]:
    return next(s.output for s in asked(query)[1] if s.step.tool == tool)


@pytest.mark.parametrize(("query", "tools"), QUESTIONS.items())
def test_the_question_is_answered_by_its_tools_with_sentences_and_a_report(query, tools):
    record, steps = asked(query)

    assert [s.step.tool for s in steps] == tools
    assert [s.error_message for s in steps if s.error_message] == []
    assert (record.status, record.missing) == ("COMPLETED", [])
    assert all(p.claims and p.citations and 0 < p.confidence <= 1 for p in record.answer.parts)
    assert record.answer.headline in record.answer.summary
    assert all(p.text in record.answer.report for p in record.answer.parts)


@pytest.mark.parametrize("query", [q for q, tools in QUESTIONS.items() if tools != ["result_explainer"]])
def test_the_answer_has_numbers_and_a_picture(query):
    record, _ = asked(query)
    assert re.search(r"\d", record.answer.headline)
    assert record.answer.charts


def test_the_drop_is_laid_to_the_visits_that_were_cut():
    query = "Why did Kisqali TRx drop in Q3?"
    found = output(query, "change_attributor")
    parts = sum(c["amount"] for c in found["contributions"])

    assert found["main_cause"]["name"] == "rep_visits"
    assert parts == pytest.approx(found["change"])
    assert "The main cause is the level of rep visits" in asked(query)[0].answer.text


def test_those_who_gain_most_get_the_calls():
    found = output(next(q for q in QUESTIONS if q.startswith("We have")), "policy_optimizer")
    assert found["spent"] <= 300
    assert found["gain_against_random"]["ci_lower"] > 0


def test_the_return_of_a_call_is_its_effect_times_the_price_of_a_prescription():
    query = next(q for q in QUESTIONS if "ROI" in q)
    effect, price = output(query, "causal_effect_estimator")["ate"], output(query, "kpi_lookup")["value"]
    assert output(query, "roi_estimator")["monthly_gain"] == pytest.approx(effect * price)
    assert output(query, "roi_estimator")["estimated_roi"] == pytest.approx(effect * price / 50 - 1, rel=1e-6)


def test_the_opportunity_is_told_from_the_gap_alone():
    record, _ = asked("Which territories trail the median in TRx, and what is the opportunity?")
    second = record.answer.parts[1]
    assert second.text.startswith("Lifting all who trail the median up to it is worth")
    assert second.text.count(".") == 1


def test_a_simulation_acts_on_those_whom_the_segments_single_out():
    query = next(q for q in QUESTIONS if "low responders" in q)
    named = {m["level"] for m in output(query, "counterfactual_simulator")["target_members"]}
    low = output(query, "cate_analyzer")["low_responders"]
    assert named
    assert all(any(level in label for label in low) for level in named)
