"""What is said of effects by level, of difference in differences, of drift of anything, and of names that look like directions."""

from __future__ import annotations

from typing import Any

import pytest
from builders_answers import OUTPUTS
from builders_composer import effect_output, sample
from e2i_shared.composer.claims import claims_of
from e2i_shared.composer.claims.labels import labels_of
from e2i_shared.composer.claims.told import Labels, Told, per_row, scope_of, sentence
from e2i_shared.composer.model import Binding, Plan
from e2i_shared.composer.render import render_claim
from e2i_shared.composer.wording import wording_problems

LABELS = Labels(names={"rep_visits": "rep visits"}, rows="prescriber × month × brand")
ARM = {"n": 900, "mean": 0.6, "std_error": 0.01, "p_value": 0.001, "p_value_adjusted": 0.002}
ARMS = [
    ARM | {"label": "Medicaid", "effect": -0.07, "ci_lower": -0.1, "ci_upper": -0.04},
    ARM | {"label": "Medicare", "effect": 0.02, "ci_lower": -0.01, "ci_upper": 0.05},
]


def said(tool: str, output: dict[str, Any], inputs: dict[str, Any] | None = None, question: str = "") -> list[str]:
    told = Told(1, tool, output, inputs or {}, LABELS, question)
    return [render_claim(c, {1: output}) for c in claims_of(told)]


def by_level(**changes: Any) -> dict[str, Any]:
    specification = {"treatment_col": "payer", "outcome_col": "adherence", "reference_level": "Commercial"}
    headline = {"ate": -0.07, "ci_lower": -0.1, "ci_upper": -0.04, "treatment_kind": "arms", "arms": ARMS}
    return effect_output(specification=specification, **headline) | changes


def panel(p: float | None) -> dict[str, Any]:
    specification = {"treatment_col": "academic", "outcome_col": "trx"}
    study = {"pretrend_p_value": p, "events": [], "groups": []}
    return effect_output(specification=specification, treatment_kind="binary", event_study=study)


class TestLevels:
    def test_the_headline_names_its_level_and_what_it_is_compared_with(self):
        first, others = said("causal_effect_estimator", by_level())

        assert first.startswith("Payer Medicaid rather than Commercial lowers adherence by 0.070 on average")
        assert others.endswith("Medicare 0.020 (-0.010 to 0.050).")

    def test_without_a_named_reference_none_is_made_up(self):
        first, _ = said(
            "causal_effect_estimator",
            by_level(specification={"treatment_col": "payer", "outcome_col": "adherence", "reference_level": None}),
        )
        assert "Payer Medicaid rather than the reference level lowers" in first


class TestDifferenceInDifferences:
    def test_the_design_is_named_and_its_test_passed(self):
        *_, design = said("causal_effect_estimator", panel(0.6))
        assert "difference in differences" in design
        assert "before treatment both moved alike (p = 0.60)" in design

    def test_a_failed_test_of_the_time_before_warns(self):
        *_, design = said("causal_effect_estimator", panel(0.002))
        assert "moved apart before they were treated (p = 0.002): do not read the estimate as an effect" in design

    def test_what_cannot_be_tested_is_said(self):
        *_, design = said("causal_effect_estimator", panel(None))
        assert "cannot be tested" in design


class TestDriftOfAnything:
    DATA = {"dataset": "hcp_monthly"}

    def test_only_drift_is_told_where_drift_was_asked_for(self):
        drift = {"kind": "drift", "detail": "The distribution of age has drifted.", "severity": "severe"}
        gap = {"kind": "completeness", "detail": "Half is missing.", "severity": "severe"}
        output = OUTPUTS["kpi_monitor"](kpi=None) | {"signals": [gap, drift]}

        assert said("kpi_monitor", output, self.DATA, "Has any feature drifted lately") == [
            "hcp_monthly: The distribution of age has drifted."
        ]
        assert len(said("kpi_monitor", output, self.DATA, "Is the data healthy")) == 3

    def test_no_drift_is_told_with_its_date(self):
        output = OUTPUTS["kpi_monitor"](kpi=None) | {"signals": []}
        (text,) = said("kpi_monitor", output, self.DATA, "Has anything drifted")
        assert text.startswith("hcp_monthly: no column has drifted beyond what chance gives, up to 20")

    def test_a_shift_beyond_chance_but_small_is_told_as_both(self):
        output = OUTPUTS["psi_calculator"](drift_severity="none", psi_value=0.087, threshold=0.005)
        assert "moved more than chance gives, but too little to count as drift" in said("psi_calculator", output)[0]


@pytest.mark.parametrize(("name", "wrong"), [("samples dropped", False), ("samples", True)])
def test_a_name_that_looks_like_a_direction_is_none(name, wrong):
    output = OUTPUTS["driver_ranker"]()
    claim = next(c for c in claims_of(Told(1, "driver_ranker", output, {}, LABELS)) if "/effect" in str(c.value_refs))
    text = f"It dropped: {{0}} by {name}." if wrong else f"{name}: {{0}} per unit."
    assert bool(list(wording_problems(text, [claim], {1: output}, [name]))) is wrong


def test_a_row_is_what_the_filters_leave_open():
    inputs = {"filters": [{"column": "brand", "value": "Kisqali"}]}
    assert per_row(Told(1, "x", {}, inputs, LABELS)) == "prescriber and month"
    assert per_row(Told(1, "x", {}, {}, LABELS)) == "prescriber, month and brand"
    assert per_row(Told(1, "x", {}, {}, Labels())) == "row"


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ({"column": "older", "value": True}, "older"),
        ({"column": "older", "value": False}, "not older"),
        ({"column": "region", "op": "ne", "value": "West"}, "outside West"),
        ({"column": "age", "op": "gt", "value": 65}, "age above 65"),
        ({"column": "age", "op": "between", "value": [40, 60]}, "age between 40 and 60"),
    ],
)
def test_a_condition_is_said_without_signs(condition, text):
    assert scope_of(Told(1, "x", {}, {"filters": [condition]}, LABELS)) == text


def test_names_of_the_question_are_used_with_their_article_and_plural():
    bindings = [("copay card", "copay_card", "patients"), ("call", "rep_visits", "hcp_monthly")]
    plan = Plan(
        dataset="patients",
        dataset_version=1,
        steps=[],
        levels=[],
        bindings=[Binding(phrase=p, bound_to=c, dataset=d) for p, c, d in bindings],
    )
    made = labels_of(plan, list(sample().datasets.values()), "Does the copay card pay, or one more call?")

    assert made.cause("copay_card") == "the copay card"
    assert made.one("rep_visits") == "call"
    assert made.rows == "patient"
    assert Labels().one("digital_engagement") == "unit of digital engagement"


@pytest.mark.parametrize(
    ("text", "begun"), [("rep visits", "Rep visits"), ("hcp_monthly is", "hcp_monthly is"), ("TRx", "TRx")]
)
def test_a_sentence_begins_with_a_capital_unless_a_name_does_not(text, begun):
    assert sentence(text) == begun
