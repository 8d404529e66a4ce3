"""What is said of each tool's output: the sentences, and that a changed number, unit or date in them is caught."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from builders_answers import OUTPUTS
from e2i_shared.composer.claims import claims_of
from e2i_shared.composer.claims.change import premise
from e2i_shared.composer.claims.told import Labels, Told
from e2i_shared.composer.confidence import step_confidence
from e2i_shared.composer.grounding import Sources, _from_claims, check_text
from e2i_shared.composer.render import render_claim, render_part

LABELS = Labels(names={"rep_visits": "rep visits", "trx": "TRx", "nurse_support": "nurse support"})
BRAND = {"dataset": "hcp_monthly", "filters": [{"column": "brand", "value": "Kisqali"}]}
GROUPS = {
    f"group_{g}": {"filters": [{"column": "payer", "value": v}]} for g, v in (("a", "Medicare"), ("b", "Commercial"))
}
INPUTS = {"kpi_monitor": BRAND, "change_attributor": BRAND, "forecaster": BRAND, "distribution_comparator": GROUPS}


def claims(tool: str, **changes: Any):
    return claims_of(Told(1, tool, OUTPUTS[tool](**changes), INPUTS.get(tool, {}), LABELS))


def said(tool: str, **changes: Any) -> list[str]:
    return [render_claim(c, {1: OUTPUTS[tool](**changes)}) for c in claims(tool, **changes)]


@pytest.mark.parametrize("tool", OUTPUTS)
def test_the_output_told_of_is_one_its_tool_may_return(tool):
    spec = importlib.import_module(f"e2i_shared.tools.{tool}").TOOL
    assert spec.result.model_validate(OUTPUTS[tool]())


class TestChange:
    def test_the_fall_is_told_with_its_size_share_and_both_sides(self):
        assert said("change_attributor")[0] == (
            "Total prescriptions (TRx) for Kisqali fell by 5,038 TRx (15.6%): from 32,393 TRx (2026-04-01 to 2026-06-30) "
            "to 27,355 TRx (2026-07-01 to 2026-09-30)."
        )

    def test_the_main_cause_has_its_levels_and_its_interval(self):
        assert said("change_attributor")[1] == (
            "The main cause is the level of rep visits (mean per row from 2.61 to 1.04): it accounts for -5,931 TRx "
            "(95% interval -6,865 to -4,997)."
        )

    def test_contributions_kinds_and_places_are_told(self):
        _, _, parts, kinds, places = said("change_attributor")
        assert (
            parts
            == "Largest contributions: the level of rep visits -5,931 TRx; what no lever or covariate explains 893 TRx."
        )
        assert "who is counted 145 TRx, how much of the levers they got -5,977 TRx, how they respond 794 TRx" in kinds
        assert places == "Most of it happened in: region Northeast (-3,182 TRx)."

    def test_without_a_cause_beyond_noise_none_is_named(self):
        assert "No single contribution in that direction stands out from noise." in said(
            "change_attributor", main_cause=None
        )

    def test_a_rise_is_told_as_one(self):
        assert "rose by 5,038 TRx (15.6%)" in said("change_attributor", change=5038.0, change_pct=15.55)[0]

    @pytest.mark.parametrize(
        ("question", "change", "said"),
        [
            ("Why did TRx drop in Q3", 12.0, ["The question takes a fall for granted, but the measure rose."]),
            ("Why did TRx grow in Q3", -12.0, ["The question takes a rise for granted, but the measure fell."]),
            ("Why did TRx drop in Q3", -12.0, []),
            ("Why did TRx change in Q3", 12.0, []),
        ],
    )
    def test_a_premise_that_does_not_hold_is_said(self, question, change, said):
        told = Told(1, "change_attributor", OUTPUTS["change_attributor"](change=change), {}, LABELS)
        assert [c.text for c in premise(told, question)] == said

    def test_other_tools_have_no_such_premise(self):
        told = Told(1, "counterfactual_simulator", OUTPUTS["counterfactual_simulator"](), {}, LABELS)
        assert list(premise(told, "what if calls drop")) == []


class TestDrivers:
    def test_the_first_lever_and_each_levers_effect_are_told(self):
        first, visits, emails = said("driver_ranker")
        assert (
            first
            == "Rep visits move TRx most: a usual difference in it (one standard deviation) is worth 2.41 TRx per row."
        )
        assert visits == "Rep visits: 1.26 TRx per unit (95% interval 1.20 to 1.32; adjusted p < 0.001)."
        assert emails.startswith("No clear effect of email campaign: 0.040 TRx per unit (95% interval -0.110 to 0.190")

    def test_an_unclear_order_is_told_as_such(self):
        assert said("driver_ranker", top_driver=None)[0].startswith("Rep visits come first for TRx, but not clearly")


class TestSimulation:
    def test_outcome_change_interval_and_total_are_told(self):
        first, lift, total = said("counterfactual_simulator")
        assert first == (
            "With +20% rep_visits, TRx of Dermatology and decile 2 would be 8.71 TRx instead of 8.35 TRx per row, a change of "
            "0.357 TRx (95% interval 0.333 to 0.382; p < 0.001)."
        )
        assert lift == "That is 4.28% (95% interval 4.00% to 4.56%)."
        assert total == "Over all 61,944 rows it adds up to 22,143 TRx (95% interval 20,599 to 23,687)."

    def test_an_unclear_change_is_told_as_such_without_a_lift(self):
        told = said("counterfactual_simulator", change=0.01, change_interval={"lower": -0.1, "upper": 0.12})
        assert told[0].startswith("No clear change: with +20% rep_visits")
        assert not any(t.startswith("That is") for t in told)

    def test_extrapolation_is_told_and_lowers_the_confidence(self):
        far = {"share_beyond_support": 0.31}
        assert said("counterfactual_simulator", **far)[-1].startswith("It moves 31% of the rows to levels")
        output = OUTPUTS["counterfactual_simulator"]
        assert step_confidence("counterfactual_simulator", output(**far)) < step_confidence(
            "counterfactual_simulator", output()
        )


class TestPolicy:
    def test_gain_comparisons_names_and_segments_are_told(self):
        gain, against, names, segments = said("policy_optimizer")
        assert gain == (
            "Giving 498 of the 500 rep visits to 265 of 1,000 candidates gains 612 TRx against treating nobody (95% interval 579 to 644)."
        )
        assert "the difference is 187 TRx (95% interval 157 to 217)" in against
        assert "largest volumes 31.8 TRx (95% interval 9.8 to 53.9)" in against
        assert names == "First in line, with how many each gets: HCP-00747 (2), HCP-00111 (1)."
        assert segments == "Largest shares go to Northeast (70.3%)."

    def test_money_is_told_where_there_is_any(self):
        money = {"net_value": 51200.0, "net_value_ci_lower": 48000.0, "net_value_ci_upper": 54400.0}
        assert (
            said("policy_optimizer", **money)[-1]
            == "After its cost that is worth 51,200 (95% interval 48,000 to 54,400)."
        )


class TestReturns:
    def test_return_value_payback_chance_and_break_even_are_told(self):
        assert said("roi_estimator") == [
            "The return on investment is 184% (95% interval 121% to 247%), counted over 12 months.",
            "Discounted, gains of 142,000 stand against costs of 50,000: a net present value of 92,000.",
            "It pays back after 4.20 months.",
            "The chance that it pays is 99.7%.",
            "It breaks even at an effect of 0.012; 1.26 is expected.",
        ]

    def test_what_never_pays_back_says_why(self):
        told = said("roi_estimator", breakeven_months=None, breakeven_reason="The gain stays below the cost.")
        assert "It does not pay back: The gain stays below the cost." in told

    def test_a_payback_at_once_has_no_false_precision(self):
        assert "It pays back within the first month." in said("roi_estimator", breakeven_months=0.009)

    def test_without_an_interval_none_is_told(self):
        assert (
            said("roi_estimator", confidence_range=None)[0]
            == "The return on investment is 184%, counted over 12 months."
        )


class TestMonitoring:
    def test_drift_is_told_with_chance_periods_place_and_means(self):
        assert said("psi_calculator") == [
            (
                "Samples dropped has drifted severely: its stability index is 0.893 in 2026-09 against Q1 2026 "
                "(chance alone stays below 0.007)."
            ),
            "Most of it comes from (missing).",
            "Its mean went from 3.51 to 4.62.",
        ]

    def test_no_drift_is_told_as_none(self):
        (first, _) = said("psi_calculator", drift_severity="none", psi_value=0.004)
        assert "has not drifted beyond what chance gives" in first

    def test_groups_that_differ_and_that_do_not_are_told(self):
        age, sex = said("distribution_comparator")
        assert age == (
            "Age differs between the groups (means: Medicare 63.0, Commercial 46.6): large difference, effect size 0.620, adjusted "
            "p < 0.001; most at 64."
        )
        assert sex.startswith(
            "Sex does not clearly differ between the groups (Medicare and Commercial): effect size 0.013, adjusted p = 0.41"
        )

    def test_health_is_told_with_alarms_completeness_freshness_and_signals(self):
        assert said("kpi_monitor") == [
            "hcp_monthly is not healthy (current alarms: 3): 99.9% of its cells hold a value, and it runs to 2026-09-30.",
            "100% of samples_dropped is missing for region = West in 2026-02.",
        ]

    def test_the_signals_of_the_kpi_asked_about_come_first(self):
        chart = {
            "kpi": "trx",
            "title": "TRx",
            "unit": None,
            "points": [],
            "sigma_limits": 3.0,
            "run_length": 8,
            "seasonal": False,
        }
        low = OUTPUTS["kpi_monitor"]()["signals"][0] | {"kind": "kpi", "detail": "TRx was low in 2026-07."}
        assert (
            said("kpi_monitor", kpi=chart, signals=[*OUTPUTS["kpi_monitor"]()["signals"], low])[0]
            == "TRx was low in 2026-07."
        )
        assert said("kpi_monitor", kpi=chart)[0] == "TRx for Kisqali shows nothing unusual against its control limits."

    def test_a_forecast_has_an_interval_each_period_and_its_record(self):
        last, periods, record = said("forecaster")
        assert last == (
            "Total prescriptions (TRx) for Kisqali is forecast at 9,050 TRx in 2026-11 (90% prediction interval 8,510 to 9,590)."
        )
        assert periods == "By period: 2026-10: 9,120; 2026-11: 9,050."
        assert "from 9 earlier points, the method was off by 3.42% on average (better than" in record
        assert "88.9% of the actual values" in record


class TestPeople:
    def test_propensity_overlap_and_balance_are_told(self):
        told = said("propensity_estimator")
        assert told[0].startswith("1,649 of 5,000 rows had nurse support; the estimated probability averages 33%")
        assert told[1] == "Overlap is good: 0% of rows have a propensity outside [0.05, 0.95]."
        assert told[-1].startswith("The largest difference between them goes from 0.476 to 0.017 standard deviations")

    def test_poor_overlap_lowers_the_confidence(self):
        output = OUTPUTS["propensity_estimator"]
        poor = output()["overlap_assessment"] | {"verdict": "poor"}
        assert step_confidence("propensity_estimator", output(overlap_assessment=poor)) == pytest.approx(0.45)

    def test_risks_are_told_with_names_factors_and_how_far_to_believe_them(self):
        assert said("risk_scorer") == [
            "500 of 5,000 patients are at high risk of non adherence within 90 days: 48.1% or more, against 22.3% on average.",
            "Highest: PT-000123 (73.4%).",
            "What goes with the risk most, without having to cause it: comorbidities (raises it).",
            "Out of fold the scores reach an AUC of 0.712 and a Brier score of 0.153.",
        ]

    def test_a_cohort_is_told_step_by_step(self):
        assert said("cohort_builder") == [
            "The cohort has 312 of 5,000 patients, 6.24%.",
            "Step by step: brand = Kisqali leaves 1,798; excluding copay card leaves 312.",
            "The strictest criterion is brand = Kisqali: without it the cohort would have 122 more.",
        ]

    def test_an_empty_cohort_says_what_emptied_it(self):
        told = said("cohort_builder", size=0, share=0.0, empty=True, emptied_by="age > 200", strictest=None)
        assert "Nobody is left after: age > 200." in told

    def test_an_explanation_is_quoted(self):
        assert said("result_explainer") == ["E-value: How strong hidden confounding must be.", "From 1 upwards."]


MUTATIONS = [
    ("change_attributor", "5,038 TRx", "5,083 TRx"),
    ("change_attributor", "5,038 TRx", "5,038 USD"),
    ("change_attributor", "5,038 TRx", "5038000 TRx"),
    ("change_attributor", "5,038 TRx", "about a third"),
    ("change_attributor", "15.6%", "16.5%"),
    ("change_attributor", "15.6%", "15.6 TRx"),
    ("change_attributor", "2026-04-01 to 2026-06-30", "2025-04-01 to 2025-06-30"),
    ("change_attributor", "2026-07-01 to 2026-09-30", "Q4 2026"),
    ("change_attributor", "-5,931", "5,931"),
    ("change_attributor", "-6,865 to -4,997", "-6,856 to -4,997"),
    ("driver_ranker", "2.41 TRx", "2.14 TRx"),
    ("driver_ranker", "1.26 TRx", "1.26 kg"),
    ("driver_ranker", "1.20 to 1.32", "1.02 to 1.32"),
    ("driver_ranker", "p = 0.82", "p = 0.02"),
    ("driver_ranker", "-0.110 to 0.190", "0.110 to 0.190"),
    ("counterfactual_simulator", "8.71 TRx", "8.17 TRx"),
    ("counterfactual_simulator", "0.357 TRx", "35.7 TRx"),
    ("counterfactual_simulator", "4.28%", "42.8%"),
    ("counterfactual_simulator", "4.28%", "4.28"),
    ("counterfactual_simulator", "22,143", "22.143"),
    ("counterfactual_simulator", "61,944 rows", "six rows"),
    ("policy_optimizer", "498 of the 500", "489 of the 500"),
    ("policy_optimizer", "612 TRx", "612 patients ($612)"),
    ("policy_optimizer", "612 TRx", "621 TRx"),
    ("policy_optimizer", "579 to 644", "-579 to 644"),
    ("policy_optimizer", "70.3%", "73.0%"),
    ("policy_optimizer", "HCP-00747 (2)", "HCP-00747 (3)"),
    ("roi_estimator", "184%", "18.4%"),
    ("roi_estimator", "184%", "1.84%"),
    ("roi_estimator", "121% to 247%", "121% to 274%"),
    ("roi_estimator", "92,000", "$92,000"),
    ("roi_estimator", "92,000", "92 million"),
    ("roi_estimator", "4.20 months", "4.20 weeks"),
    ("roi_estimator", "99.7%", "97.9%"),
    ("roi_estimator", "12 months", "12 years"),
    ("psi_calculator", "0.893", "0.839"),
    ("psi_calculator", "0.893", "0.89%"),
    ("psi_calculator", "0.007", "0.07"),
    ("psi_calculator", "2026-09 ", "2026-08 "),
    ("psi_calculator", "4.62", "4.26"),
    ("distribution_comparator", "63.0", "36.0"),
    ("distribution_comparator", "0.620", "0.260"),
    ("distribution_comparator", "p = 0.41", "p = 0.04"),
    ("distribution_comparator", "p < 0.001", "p = 0.01"),
    ("forecaster", "9,050 TRx", "9,500 TRx"),
    ("forecaster", "9,050 TRx", "9,050 NRx"),
    ("forecaster", "in 2026-11", "in 2027-11"),
    ("forecaster", "90% prediction", "99% prediction"),
    ("forecaster", "90% prediction", "95% prediction"),
    ("forecaster", "3.42%", "2.43%"),
    ("forecaster", "88.9%", "98.8%"),
    ("forecaster", "9 earlier points", "nine earlier points"),
    ("propensity_estimator", "1,649", "1,694"),
    ("propensity_estimator", "33%", "0.33%"),
    ("propensity_estimator", "0.654", "0.645"),
    ("propensity_estimator", "0.476 to 0.017", "0.476 to 0.17"),
    ("risk_scorer", "73.4%", "74.3%"),
    ("risk_scorer", "within 90 days", "within 90 weeks"),
    ("risk_scorer", "500 of 5,000", "five hundred of 5,000"),
    ("risk_scorer", "0.712", "0.721"),
    ("cohort_builder", "312 of 5,000", "321 of 5,000"),
    ("cohort_builder", "6.24%", "62.4%"),
    ("cohort_builder", "leaves 1,798", "leaves 1,789"),
    ("cohort_builder", "122 more", "a dozen more"),
    ("kpi_monitor", "current alarms: 3", "current alarms: 2"),
    ("kpi_monitor", "99.9%", "98.9%"),
    ("kpi_monitor", "2026-09-30", "2026-08-30"),
    ("kpi_monitor", "100% of samples", "10% of samples"),
    ("result_explainer", "From 1 upwards", "From 2 upwards"),
]


def test_there_are_at_least_60_mutations():
    assert len(MUTATIONS) >= 60


def text_and_sources(tool: str) -> tuple[str, Sources]:
    made, outputs = claims(tool), {1: OUTPUTS[tool]()}
    return render_part(made, outputs), Sources(quoted=["Kisqali"]).joined(_from_claims(made, outputs))


@pytest.mark.parametrize("tool", OUTPUTS)
def test_honest_sentences_raise_no_alarm(tool):
    assert check_text(*text_and_sources(tool)) == []


@pytest.mark.parametrize(("tool", "old", "new"), MUTATIONS)
def test_a_mutated_number_unit_or_date_is_caught_by_the_numbers_alone(tool, old, new):
    text, sources = text_and_sources(tool)
    assert old in text
    assert check_text(text.replace(old, new, 1), sources)
