"""Answers that a writer made of any tool's output: honest ones in other words pass, each small lie is caught."""

from __future__ import annotations

from typing import Any

import pytest
from builders_answers import OUTPUTS
from builders_composer import cate_output, effect_output, sensitivity_output
from e2i_shared.api.composition import Answer, AnswerPart, Claim, ValueRef
from e2i_shared.composer.grounding import check_answer
from e2i_shared.composer.render import render_part, render_text

QUESTION = "What happened to Kisqali TRx in Q3 2026, what comes next, and what would 20% more calls do?"
MADE = {
    **OUTPUTS,
    "causal_effect_estimator": effect_output,
    "cate_analyzer": cate_output,
    "gap_calculator": lambda: {
        "metric": "trx", "benchmark_value": 10.4, "entities": 40, "total_opportunity": 17_802.0,
        "bottom_performers": [{"entity": "T26", "adjusted_gap": 1.09}],
    },
    "kpi_lookup": lambda: {"title": "Total prescriptions (TRx)", "value": 59_748.0, "change_pct": -3.2},
    "power_calculator": lambda: {"required_sample_size_per_arm": 99, "power_target": 0.8},
    "sensitivity_analyzer": sensitivity_output,
    "intervention_prescreener": lambda: {
        "effect": 0.357, "ci_lower": 0.22, "ci_upper": 0.49, "p_value": 0.001, "baseline_mean": 8.35, "n_twins": 10_000,
    },
}  # fmt: skip
OUTPUTS_BY_STEP = {n: make() for n, make in enumerate(MADE.values(), 1)}
NUMBER = {tool: n for n, tool in enumerate(MADE, 1)}


def claim(text: str, *refs: tuple[Any, ...]) -> Claim:
    """Return a sentence over ``(tool, pointer, format?, transform?, unit?)``."""
    names = ("format", "transform", "unit")
    made = [
        ValueRef(step=NUMBER[tool], pointer=pointer, **dict(zip(names, more, strict=False)))
        for tool, pointer, *more in refs
    ]
    return Claim(text=text, value_refs=made)


def problems(*claims: Claim, change: tuple[str, str] = ("", "")) -> list[str]:
    """Return what is not grounded in an answer of these sentences, with one text put in another's place."""
    text = render_part(claims, OUTPUTS_BY_STEP)
    assert change[0] in text, text
    told = text.replace(*change, 1) if change[0] else text
    part = AnswerPart(
        sub_question="Q1", question=QUESTION, text=told, claims=list(claims), citations=[1], confidence=0.8
    )
    whole = render_text("Summary.", [part], [], [], None)
    return check_answer(Answer(headline="Summary.", parts=[part], text=whole), OUTPUTS_BY_STEP, QUESTION)


CHANGE, NEXT, WHAT_IF, DRIVER, ROI = (
    "change_attributor", "forecaster", "counterfactual_simulator", "driver_ranker", "roi_estimator",
)  # fmt: skip
DRIFT, COHORT, RISK, TREATED, POLICY = (
    "psi_calculator", "cohort_builder", "risk_scorer", "propensity_estimator", "policy_optimizer",
)  # fmt: skip
EFFECT, SEGMENTS, GAP, KPI, SIZE, TWIN = (
    "causal_effect_estimator", "cate_analyzer", "gap_calculator", "kpi_lookup", "power_calculator", "intervention_prescreener",
)  # fmt: skip
ATE = (EFFECT, "/ate", ".2f", "none", "TRx")
SHARE = (COHORT, "/share", ".1f", "percent")
DOWN = (CHANGE, "/change", ",.0f", "absolute", "TRx")
LIFT = (WHAT_IF, "/change", ".2f", "none", "TRx")

HONEST = [
    claim("One more visit brings {0}.", ATE),
    claim("Visits pay off: {0} per visit, statistically significant.", ATE),
    claim("We can be confident that the effect is positive: {0} ({1}).", ATE, (EFFECT, "/p_value", "p")),
    claim("In Q3 2026 Kisqali lost {0}.", DOWN),
    claim("The fall in Q3 2026 came to {0}, all told.", DOWN),
    claim("For October we expect about {0}.", (NEXT, "/forecast/0/value", ",.0f", "none", "TRx")),
    claim("October should lie between {0} and {1}.", (NEXT, "/forecast/0/lower", ",.0f"), (NEXT, "/forecast/0/upper", ",.0f")),
    claim("Together the months ahead make {0}.", (NEXT, "/total", ",.0f", "none", "TRx")),
    claim("20% more calls would lift TRx to {0}.", (WHAT_IF, "/predicted_outcome", ".2f", "none", "TRx")),
    claim("That compares with {0} today.", (WHAT_IF, "/baseline_outcome", ".2f", "none", "TRx")),
    claim("Rep visits matter most; each is worth {0}.", (DRIVER, "/drivers/0/effect", ".2f", "none", "TRx")),
    claim("For every dollar spent, {0} come back on top.", (ROI, "/estimated_roi", ".2f", "none", "dollars")),
    claim("It takes {0} to break even.", (ROI, "/breakeven_months", ".1f", "none", "months")),
    claim("A loss is unlikely: the chance of profit is {0}.", (ROI, "/probability_of_profit", ".1f", "percent")),
    claim("Samples dropped have shifted a lot (index {0}, chance stays under {1}).", (DRIFT, "/psi_value", ".2f"), (DRIFT, "/threshold", ".3f")),
    claim("Only {0} of {1} patients qualify, {2}.", (COHORT, "/size", ",.0f"), (COHORT, "/assessed_entities", ",.0f"), SHARE),
    claim("The first patient to call is {0}, at {1}.", (RISK, "/scores/0/entity", "text"), (RISK, "/scores/0/risk", ".0f", "percent")),
    claim("Roughly {0} of patients had nurse support already.", (TREATED, "/propensity_scores/mean", ".0f", "percent")),
    claim("After weighting hardly a difference is left: {0} instead of {1}.", (TREATED, "/largest_smd_after", ".2f"), (TREATED, "/largest_smd_before", ".2f")),
    claim("{0} prescribers would share {1} calls.", (POLICY, "/treated", ",.0f"), (POLICY, "/spent", ",.0f")),
    claim("Oncologists gain {0}, the most of all.", (SEGMENTS, "/segments/0/effect", ".1f", "none", "TRx")),
    claim("The twin expects {0} more per prescriber, give or take ({1} to {2}).", (TWIN, "/effect", ".2f", "none", "TRx"), (TWIN, "/ci_lower", ".2f"), (TWIN, "/ci_upper", ".2f")),
    claim("Ten thousand was not the number asked about; the twin used {0}.", (TWIN, "/n_twins", ",.0f")),
    claim("{0} trails by {1}.", (GAP, "/bottom_performers/0/entity", "text"), (GAP, "/bottom_performers/0/adjusted_gap", ".2f", "none", "TRx")),
    claim("Closing every gap would bring {0}.", (GAP, "/total_opportunity", ",.0f", "none", "TRx")),
    claim("Kisqali stands at {0}, {1} below the period before.", (KPI, "/value", ",.0f", "none", "TRx"), (KPI, "/change_pct", ".1f", "absolute", "%")),
    claim("Plan for {0} HCPs in each arm to reach {1} power.", (SIZE, "/required_sample_size_per_arm", ",.0f"), (SIZE, "/power_target", ".0f", "percent")),
    claim("You asked about 20% more calls in Q3 2026."),
]  # fmt: skip
SOUND = [one for one in HONEST if not one.text.startswith("Ten thousand")]  # a number word nobody gave is a number too


def test_there_are_enough_of_them():
    assert len(SOUND) >= 20
    assert len({ref.step for one in SOUND for ref in one.value_refs}) >= 12, "over many tools"
    assert len(LIES) >= 40


@pytest.mark.parametrize("one", SOUND, ids=lambda one: one.text)
def test_an_honest_sentence_in_other_words_raises_no_alarm(one: Claim):
    assert problems(one) == []


BASE = {one.text: one for one in SOUND}
DIGITS = [
    ("The fall in Q3 2026 came to {0}, all told.", "5,038", "5,083"),
    ("The fall in Q3 2026 came to {0}, all told.", "TRx", "NRx"),
    ("The fall in Q3 2026 came to {0}, all told.", "Q3 2026", "Q2 2026"),
    ("For October we expect about {0}.", "9,120", "9,210"),
    ("For October we expect about {0}.", "9,120 TRx", "$9,120"),
    ("October should lie between {0} and {1}.", "8,700", "8,070"),
    ("October should lie between {0} and {1}.", "9,540", "95.4"),
    ("Together the months ahead make {0}.", "18,170", "18,000"),
    ("20% more calls would lift TRx to {0}.", "20%", "25%"),
    ("20% more calls would lift TRx to {0}.", "8.71", "8.17"),
    ("Rep visits matter most; each is worth {0}.", "1.26 TRx", "-1.26 TRx"),
    ("Rep visits matter most; each is worth {0}.", "1.26 TRx", "1.26%"),
    ("For every dollar spent, {0} come back on top.", "1.84", "18.4"),
    ("It takes {0} to break even.", "months", "weeks"),
    ("It takes {0} to break even.", "4.2", "2.4"),
    ("A loss is unlikely: the chance of profit is {0}.", "99.7%", "97.9%"),
    ("A loss is unlikely: the chance of profit is {0}.", "99.7%", "99.7"),
    ("Samples dropped have shifted a lot (index {0}, chance stays under {1}).", "0.89", "0.98"),
    ("Samples dropped have shifted a lot (index {0}, chance stays under {1}).", "0.007", "0.07"),
    ("Only {0} of {1} patients qualify, {2}.", "312", "321"),
    ("Only {0} of {1} patients qualify, {2}.", "312", "every third"),
    ("Only {0} of {1} patients qualify, {2}.", "6.2%", "62%"),
    ("The first patient to call is {0}, at {1}.", "PT-000123", "PT-000132"),
    ("The first patient to call is {0}, at {1}.", "73%", "37%"),
    ("Roughly {0} of patients had nurse support already.", "33%", "a third"),
    ("Roughly {0} of patients had nurse support already.", "33%", "33 patients in 10"),
    ("After weighting hardly a difference is left: {0} instead of {1}.", "0.48", "0.84"),
    ("{0} prescribers would share {1} calls.", "498", "500"),
    ("{0} prescribers would share {1} calls.", "265", "two hundred"),
    ("Oncologists gain {0}, the most of all.", "2.8", "2.9"),
    ("The twin expects {0} more per prescriber, give or take ({1} to {2}).", "0.36", "0.63"),
    ("The twin expects {0} more per prescriber, give or take ({1} to {2}).", "0.22 to", "-0.22 to"),
    ("One more visit brings {0}.", "2.05", "2.1"),
    ("{0} trails by {1}.", "T26", "T62"),
    ("{0} trails by {1}.", "1.09 TRx", "1.09 USD"),
    ("Closing every gap would bring {0}.", "17,802", "17,820"),
    ("Kisqali stands at {0}, {1} below the period before.", "59,748", "59.7 million"),
    ("Kisqali stands at {0}, {1} below the period before.", "3.2%", "2.3%"),
    ("Plan for {0} HCPs in each arm to reach {1} power.", "99 HCPs", "66 HCPs"),
    ("Plan for {0} HCPs in each arm to reach {1} power.", "80%", "90%"),
    ("You asked about 20% more calls in Q3 2026.", "20%", "30%"),
]  # fmt: skip
WORDS = [
    claim("In Q3 2026 TRx rose by {0}.", DOWN),
    claim("TRx increased by {0} in Q3 2026.", DOWN),
    claim("One more visit lowers TRx by {0}.", ATE),
    claim("There is no significant effect of visits: {0}.", ATE),
    claim("The effect of rep visits is not statistically significant ({0}).", (DRIVER, "/drivers/0/effect", ".2f")),
    claim("More calls would cut TRx by {0}.", LIFT),
    claim("More calls have no significant effect: {0}.", LIFT),
    claim("On the twin the effect includes zero: {0}.", (TWIN, "/effect", ".2f")),
    claim("The twin sees TRx fall by {0}.", (TWIN, "/effect", ".2f")),
    claim("The segments do not differ more than chance would: no evidence ({0}).", (SEGMENTS, "/heterogeneity_p", "p")),
    claim("Ten thousand twins say so: {0}.", (TWIN, "/effect", ".2f")),
]
LIES = [*((BASE[text], change) for text, *change in DIGITS), *((one, ("", "")) for one in WORDS)]


@pytest.mark.parametrize(("one", "change"), LIES, ids=lambda value: getattr(value, "text", " → ".join(value) if isinstance(value, (list, tuple)) else ""))  # fmt: skip
def test_a_lie_is_caught(one: Claim, change: tuple[str, str]):
    assert problems(one, change=(change[0], change[1]))


def test_the_value_of_another_step_is_caught():
    """A number that is true of the cohort is none of the forecast."""
    forecast = claim("For October we expect about {0}.", (NEXT, "/forecast/0/value", ",.0f", "none", "TRx"))

    assert problems(forecast, change=("9,120", "312"))
