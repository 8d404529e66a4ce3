"""Plans of single sub-questions: which inputs the tools get, and what a question that lacks something is told."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from builders_composer import datasets, decomposition, kpi_names, shop
from e2i_shared.api.classification import Domain, Period
from e2i_shared.composer.plan import make_plan
from e2i_shared.tools._registry import ToolSpec, catalogue

C, S, G, E = Domain.CAUSAL, Domain.SEGMENTATION, Domain.GAP, Domain.EXPERIMENT
P, M, H, X = Domain.PREDICTION, Domain.MONITORING, Domain.COHORT, Domain.EXPLANATION
Q1 = Period(text="Q1", start="2026-01-01", end="2026-04-01")
Q2 = Period(text="Q2", start="2026-04-01", end="2026-07-01")
Q3 = Period(text="Q3", start="2026-07-01", end="2026-10-01")


@cache
def tools() -> dict[str, ToolSpec]:
    return dict(catalogue())


def planned(*parts: tuple[Domain, str], edges: Any = (), without: str = "", data: Any = None, **details: Any):
    made = decomposition(list(parts), edges, **details)
    known = {name: spec for name, spec in tools().items() if name != without}
    return make_plan("…", made, data or datasets(), known, kpis=kpi_names())


def inputs(plan: Any, tool: str) -> dict[str, Any]:
    return next(s.inputs for s in plan.steps if s.tool == tool)


def reason(plan: Any) -> str:
    assert plan.steps == []
    return plan.missing[0].reason


class TestChange:
    def test_one_period_is_compared_with_the_one_before(self):
        made = inputs(planned((C, "Why did TRx drop in Q3"), periods=[Q3]), "change_attributor")
        assert made["period_b"] == {"start": "2026-07-01", "end": "2026-10-01"}
        assert (made["compare"], made["outcome_col"], made["filters"]) == ("previous_period", "trx", [])
        assert "period_a" not in made

    def test_two_periods_are_compared_the_earlier_first(self):
        made = inputs(planned((C, "Why did TRx fall from Q2 to Q3"), periods=[Q3, Q2]), "change_attributor")
        assert (made["period_a"]["start"], made["period_b"]["start"]) == ("2026-04-01", "2026-07-01")

    def test_a_year_ago_is_the_year_before(self):
        made = inputs(planned((C, "Why is TRx in Q3 lower than a year ago"), periods=[Q3]), "change_attributor")
        assert made["compare"] == "previous_year"

    def test_two_groups_are_compared_without_a_period(self):
        made = inputs(planned((C, "Why is TRx higher in the Northeast than in the South")), "change_attributor")
        assert (made["group_col"], made["group_a"], made["group_b"]) == ("region", "South", "Northeast")
        assert made["filters"] == []

    def test_data_without_dates_cannot_have_changed_so_the_drivers_are_ranked_and_it_is_said(self):
        plan = planned((C, "Why did basket_size drop"), data=[shop()])

        assert [s.tool for s in plan.steps] == ["driver_ranker"]
        assert any("no column of dates" in n and "what drives basket_size?" in n for n in plan.notes)

    def test_without_the_ranking_tool_data_without_dates_are_refused(self):
        plan = planned((C, "Why did basket_size drop"), data=[shop()], without="driver_ranker")

        assert "name two groups to compare" in reason(plan)

    def test_one_group_said_to_be_lower_is_compared_with_the_largest_other(self):
        plan = planned((C, "Why is adherence lower for Medicaid patients"))
        made = inputs(plan, "change_attributor")

        assert (made["group_col"], made["group_a"], made["group_b"]) == ("payer", "Commercial", "Medicaid")
        assert made["filters"] == []
        assert "Medicaid is compared with Commercial, the largest other group of payer." in plan.notes

    def test_one_group_said_to_be_behind_is_held_against_another_in_data_with_dates_too(self):
        made = inputs(planned((C, "Why is the South behind in TRx")), "change_attributor")
        assert (made["group_col"], made["group_b"]) == ("region", "South")

    def test_one_group_in_data_with_dates_changed_over_time(self):
        made = inputs(planned((C, "Why is TRx lower in the South"), periods=[Q3]), "change_attributor")

        assert "group_col" not in made
        assert made["filters"] == [{"column": "region", "op": "eq", "value": "South"}]


class TestDecisions:
    def test_more_reps_somewhere_is_the_effect_there_and_the_reading_is_said(self):
        plan = planned((C, "Should we send more reps to oncologists in the West?"))
        made = inputs(plan, "causal_effect_estimator")

        assert (made["dataset"], made["treatment_col"], made["outcome_col"]) == ("hcp_monthly", "rep_visits", "trx")
        assert {f["column"] for f in made["filters"]} == {"specialty", "region"}
        assert any(n.startswith("Taken as: what does rep_visits do to trx?") for n in plan.notes)

    def test_an_outcome_that_the_decision_names_is_used(self):
        plan = planned((C, "Should we do more rep visits in the South to raise NRx?"))
        assert inputs(plan, "causal_effect_estimator")["outcome_col"] == "nrx"

    def test_a_plain_effect_carries_no_such_note(self):
        assert not any(n.startswith("Taken as") for n in planned((C, "Do rep visits raise TRx?")).notes)

    def test_a_price_without_an_outcome_is_a_return_on_the_first(self):
        plan = planned((G, "Are speaker programs worth it at $2000 a program?"))
        assert inputs(plan, "roi_estimator")["monthly_cost"] == 2000.0
        assert any("names no outcome: trx" in n for n in plan.notes)

    def test_a_test_of_a_lever_is_sized_on_the_first_outcome(self):
        plan = planned((E, "Should we run a test of copay cards?"))
        assert [s.tool for s in plan.steps] == ["causal_effect_estimator", "power_calculator"]


class TestTargeting:
    def test_who_gets_it_stands_beside_who_responds_by_the_same_segments(self):
        plan = planned((S, "Are copay cards reaching the right patients by payer?"))

        assert [s.tool for s in plan.steps] == ["kpi_lookup", "causal_effect_estimator", "cate_analyzer"]
        assert inputs(plan, "kpi_lookup")["kpi"] == "copay_card"
        assert inputs(plan, "kpi_lookup")["dimensions"] == inputs(plan, "cate_analyzer")["segment_cols"] == ["payer"]
        assert any("do the segments that get more of it also respond more" in n for n in plan.notes)

    def test_a_dose_is_averaged_for_totals_tell_only_how_many_there_are(self):
        made = inputs(planned((S, "Are we visiting the right doctors by specialty?")), "kpi_lookup")
        assert (made["kpi"], made["aggregate"]) == ("rep_visits", "mean")

    def test_without_a_lever_to_look_up_only_the_response_is_told(self):
        plan = planned((S, "Are copay cards reaching the right patients by payer?"), without="kpi_lookup")
        assert [s.tool for s in plan.steps] == ["causal_effect_estimator", "cate_analyzer"]


class TestDrivers:
    def test_levers_are_those_named_else_left_to_the_tool(self):
        both = planned((C, "Which matters more for TRx: rep visits or samples"))
        assert inputs(both, "driver_ranker")["levers"] == ["rep_visits", "samples_dropped"]
        assert "levers" not in inputs(planned((C, "What drives TRx")), "driver_ranker")

    def test_a_single_lever_is_estimated(self):
        assert [s.tool for s in planned((C, "Is email driving TRx")).steps] == ["causal_effect_estimator"]


class TestPolicy:
    def test_it_learns_from_the_data_where_nothing_was_estimated(self):
        made = inputs(planned((S, "We have 500 extra calls: who should get them")), "policy_optimizer")
        assert (made["budget"], made["treatment_col"], made["outcome_col"]) == (500.0, "rep_visits", "trx")

    def test_it_builds_on_the_estimate_before_it(self):
        parts = [(C, "Did calls raise TRx"), (S, "who should get 500 extra calls")]
        made = inputs(planned(*parts, edges=[("Q1", "Q2")]), "policy_optimizer")
        assert made["causal_result"] == {"$from": "step-1", "path": "@"}

    def test_money_goes_along_when_price_and_worth_are_both_said(self):
        text = "who should get 500 extra calls at $50 per call when a TRx is worth $300 per TRx"
        made = inputs(planned((S, text)), "policy_optimizer")
        assert (made["cost_per_treatment"], made["value_per_unit"]) == (50.0, 300.0)

    def test_a_budget_must_be_named(self):
        assert "how many rep_visits there are to give" in reason(planned((S, "who should get extra calls")))

    def test_less_is_better_for_discontinuation(self):
        made = inputs(planned((S, "who should get 300 copay cards to cut discontinuation")), "policy_optimizer")
        assert made["higher_is_better"] is False


class TestSimulation:
    @pytest.mark.parametrize(
        ("text", "intervention"),
        [
            ("what would 20% more calls do to TRx", {"kind": "percent", "amount": 20.0}),
            ("what would 2 fewer visits do to TRx", {"kind": "shift", "amount": -2.0}),
            ("what if everyone had email", {"kind": "switch_on"}),
            ("what if nobody had email", {"kind": "switch_off"}),
            ("what if we stopped the visits", {"kind": "set", "amount": 0.0}),
        ],
    )
    def test_the_change_is_passed_as_the_tool_takes_it(self, text, intervention):
        assert inputs(planned((E, text)), "counterfactual_simulator")["intervention"] == intervention

    def test_responders_come_from_the_segments(self):
        plan = planned((E, "what would 20% more calls do to the low responders"))
        target = inputs(plan, "counterfactual_simulator")["target_population"]
        assert target == {"$from": "step-2", "path": "low_responders"}
        assert [s.tool for s in plan.steps] == ["causal_effect_estimator", "cate_analyzer", "counterfactual_simulator"]

    def test_who_trails_comes_from_the_gap(self):
        parts = [(G, "Which territories trail the median in TRx"), (E, "what would 20% more calls do to them")]
        made = inputs(planned(*parts, edges=[("Q1", "Q2")]), "counterfactual_simulator")
        assert made["target_population"] == {"$from": "step-1", "path": "bottom_performers"}

    def test_a_change_must_be_named_and_make_sense(self):
        assert "does not say how the treatment is changed" in reason(planned((E, "simulate calls on TRx")))
        assert "is a yes or a no" in reason(planned((E, "what would 20% more email do to TRx")))


class TestReturns:
    GAP = (G, "Which territories trail the median in TRx")

    def plan(self, text: str, first: Any = GAP):
        return planned(first, (G, text), edges=[("Q1", "Q2")])

    def test_a_price_per_call_asks_for_the_return_of_a_call(self):
        plan = self.plan("what is the ROI of closing it at $50 a call over 24 months")
        made = inputs(plan, "roi_estimator")
        assert [s.tool for s in plan.steps] == [
            "gap_calculator",
            "causal_effect_estimator",
            "kpi_lookup",
            "roi_estimator",
        ]
        assert made["causal_result"] == {"$from": "step-2", "path": "@"}
        assert made["value_per_unit"] == {"$from": "step-3", "path": "value"}
        assert (made["intervention_cost"], made["monthly_cost"], made["time_horizon_months"]) == (0.0, 50.0, 24)

    def test_a_total_asks_for_the_return_of_closing_the_gap(self):
        made = inputs(self.plan("what is the ROI of closing it for $400,000"), "roi_estimator")
        assert made["gap_result"] == {"$from": "step-1", "path": "@"}
        assert (made["intervention_cost"], made["effect_months"]) == (400_000.0, 24)

    def test_a_treatment_of_people_is_paid_once_and_its_gain_spread_over_the_horizon(self):
        first = (C, "Did the copay card improve adherence")
        made = inputs(
            self.plan("what is the ROI at $40 a card when a point is worth $9 per point", first), "roi_estimator"
        )
        assert (made["intervention_cost"], made["effect_months"], made["value_per_unit"]) == (40.0, 12, 9.0)

    def test_money_needs_no_price(self):
        first = (G, "Which territories trail the median in revenue")
        assert inputs(self.plan("what is the ROI at $50 a call", first), "roi_estimator")["value_per_unit"] == 1.0

    @pytest.mark.parametrize(
        ("text", "first", "lacks"),
        [
            ("what is the ROI of closing it", GAP, "does not say what it costs"),
            ("what is the ROI at $50 a call", (G, "Which territories trail in NRx"), "What one unit of nrx is worth"),
            ("what is the ROI at $50 a piece", GAP, "does not say what the price buys"),
        ],
    )
    def test_what_is_lacking_is_said(self, text, first, lacks):
        plan = self.plan(text, first)
        assert [s.tool for s in plan.steps] == ["gap_calculator"]
        assert lacks in plan.missing[0].reason

    def test_an_opportunity_is_read_off_the_gap_before_it(self):
        plan = self.plan("what is the opportunity")
        assert [(s.tool, s.serves) for s in plan.steps] == [("gap_calculator", "Q1,Q2")]


class TestPrediction:
    def test_a_forecast_reaches_as_far_as_asked(self):
        made = inputs(planned((P, "Forecast Kisqali TRx for the next 4 months")), "forecaster")
        assert (made["kpi"], made["horizon"]) == ("trx", 4)
        assert inputs(planned((P, "Forecast TRx by quarter for the next year")), "forecaster")["horizon"] == 4
        assert inputs(planned((P, "Forecast TRx")), "forecaster")["horizon"] == 6

    def test_a_period_taken_over_from_another_part_does_not_shorten_the_history(self):
        parts = [(Domain.KPI, "How did TRx trend in Q3"), (P, "what is the forecast of it")]
        made = inputs(planned(*parts, edges=[("Q1", "Q2")], periods=[Q3]), "forecaster")
        assert made["filters"] == []

    def test_data_without_dates_cannot_be_forecast(self):
        assert "no column of dates" in reason(planned((P, "Forecast basket_size"), data=[shop()]))

    @pytest.mark.parametrize(
        ("text", "entity", "kind"),
        [
            ("Which patients are at risk of discontinuing", "patient", "discontinuation"),
            ("Which patients will become non-adherent", "patient", "non_adherence"),
            ("Which HCPs are at risk of churn", "hcp", "churn"),
        ],
    )
    def test_risks_name_the_entity_and_the_event(self, text, entity, kind):
        made = inputs(planned((P, text)), "risk_scorer")
        assert (made["entity_type"], made["risk_type"]) == (entity, kind)

    def test_an_event_that_nobody_recorded_is_refused(self):
        assert "no column of adverse events" in reason(planned((P, "Which patients are at risk of an adverse event")))

    def test_a_propensity_takes_named_covariates_else_all(self):
        made = inputs(planned((P, "propensity of the copay card given age and sex")), "propensity_estimator")
        assert made["covariates"] == ["age", "sex"]
        every = inputs(planned((P, "propensity of the copay card")), "propensity_estimator")["covariates"]
        assert set(every) == {"brand", "age", "sex", "region", "payer", "comorbidities"}

    def test_a_propensity_needs_a_treatment(self):
        assert "which treatment is meant" in reason(planned((P, "how likely is age to be given")))


class TestMonitoring:
    def test_since_a_period_makes_it_the_reference(self):
        made = inputs(planned((M, "Has samples drifted since Q1"), periods=[Q1]), "psi_calculator")
        assert made["reference_period"]["start"] == "2026-01-01"
        assert "comparison_period" not in made

    def test_a_period_alone_is_the_one_judged(self):
        made = inputs(planned((M, "Did samples drift in Q3"), periods=[Q3]), "psi_calculator")
        assert "reference_period" not in made
        assert made["comparison_period"]["start"] == "2026-07-01"

    def test_drift_needs_a_column_and_dates(self):
        asked = planned((M, "Has Kisqali drifted since Q1"), periods=[Q3])
        assert "which column may have drifted" in reason(asked)
        assert "nothing in it can drift" in reason(planned((M, "has basket_size drifted"), data=[shop()]))

    def test_groups_are_values_flags_or_periods(self):
        values = inputs(planned((M, "Compare age between Medicare and Commercial patients")), "distribution_comparator")
        assert [values[g]["filters"][0]["value"] for g in ("group_a", "group_b")] == ["Medicare", "Commercial"]
        flags = inputs(
            planned((M, "Compare age between patients with and without the copay card")), "distribution_comparator"
        )
        assert [flags[g]["filters"][0]["value"] for g in ("group_a", "group_b")] == [True, False]
        text = "Compare the distribution of samples between Q2 and Q3"
        dated = inputs(planned((M, text), periods=[Q2, Q3]), "distribution_comparator")
        assert [dated[g]["period"]["start"] for g in ("group_a", "group_b")] == ["2026-04-01", "2026-07-01"]
        assert dated["filters"] == []

    def test_a_comparison_needs_groups_and_columns(self):
        assert "does not name two groups" in reason(planned((M, "Compare the distribution of age")))
        assert "does not say what to compare" in reason(planned((M, "Compare Medicare and Commercial patients")))

    def test_health_of_nothing_named_is_that_of_all_dated_data(self):
        plan = planned((M, "Is the data healthy"))
        assert [s.inputs for s in plan.steps] == [{"dataset": "hcp_monthly"}, {"dataset": "territories"}]

    def test_health_of_a_kpi_names_it(self):
        assert inputs(planned((M, "Are there anomalies in Kisqali TRx")), "kpi_monitor")["kpi"] == "trx"


class TestCohortsAndExplanations:
    def test_a_negated_criterion_is_an_exclusion(self):
        made = inputs(planned((H, "Build a cohort of patients over 65 without a copay card")), "cohort_builder")
        assert made["inclusion"] == [{"column": "age", "op": "gt", "value": 65}]
        assert made["exclusion"] == [{"column": "copay_card", "op": "eq", "value": True}]

    def test_a_cohort_needs_a_criterion(self):
        assert "names no condition" in reason(planned((H, "Build a cohort of patients")))

    def test_a_past_answer_is_explained_by_its_id_and_an_earlier_step_by_its_output(self):
        identity = "0193b3a2-1111-7abc-8def-0123456789ab"
        made = inputs(planned((X, f"Explain composition {identity.upper()}")), "result_explainer")
        assert made == {"composition_id": identity}
        both = planned((C, "Did calls raise TRx"), (X, "explain that result"), edges=[("Q1", "Q2")])
        assert inputs(both, "result_explainer") == {
            "result": {"$from": "step-1", "path": "@"},
            "result_tool": "causal_effect_estimator",
        }


@pytest.mark.parametrize(
    ("tool", "part"),
    [
        ("change_attributor", (C, "Why did TRx drop")),
        ("driver_ranker", (C, "What drives TRx")),
        ("policy_optimizer", (S, "who should get 500 extra calls")),
        ("counterfactual_simulator", (E, "what would 20% more calls do to TRx")),
        ("roi_estimator", (G, "what is the ROI of TRx at $50 a call")),
        ("forecaster", (P, "Forecast TRx")),
        ("risk_scorer", (P, "Which patients are at risk of discontinuing")),
        ("propensity_estimator", (P, "propensity of the copay card")),
        ("psi_calculator", (M, "Has samples drifted")),
        ("distribution_comparator", (M, "Compare age between Medicare and Commercial patients")),
        ("kpi_monitor", (M, "Are there anomalies in Kisqali TRx")),
        ("cohort_builder", (H, "Build a cohort of patients over 65")),
        ("result_explainer", (X, "What is an E-value")),
    ],
)
def test_a_tool_that_is_not_there_is_named(tool, part):
    assert f"needs the tool {tool}, which is not available yet" in reason(planned(part, without=tool))


class TestCounts:
    @pytest.mark.parametrize(
        ("text", "condition"),
        [
            ("How many patients discontinued?", {"column": "discontinued_90d", "op": "eq", "value": True}),
            ("How many patients have no copay card?", {"column": "copay_card", "op": "eq", "value": False}),
        ],
    )
    def test_a_quality_of_the_counted_is_a_condition(self, text, condition):
        made = inputs(planned((Domain.KPI, text)), "kpi_lookup")
        assert (made["kpi"], made["filters"]) == ("patients", [condition])

    def test_all_are_counted_without_one(self):
        assert inputs(planned((Domain.KPI, "How many patients do we have?")), "kpi_lookup")["filters"] == []

    @pytest.mark.parametrize(
        ("text", "kpi"),
        [
            ("What percent of patients discontinue by brand?", "discontinued_90d"),
            ("What is the average age of Kisqali patients?", "age"),
        ],
    )
    def test_a_share_or_an_average_of_patients_is_not_their_number(self, text, kpi):
        assert inputs(planned((Domain.KPI, text)), "kpi_lookup")["kpi"] == kpi

    @pytest.mark.parametrize(
        ("text", "dimensions"),
        [("Which payer has the worst adherence?", ["payer"]), ("Top 10 doctors by TRx", ["hcp_id"])],
    )
    def test_a_measure_is_no_dimension_of_itself(self, text, dimensions):
        assert inputs(planned((Domain.KPI, text)), "kpi_lookup")["dimensions"] == dimensions

    def test_a_question_without_a_measure_is_offered_some(self):
        assert "name one, such as" in reason(planned((Domain.KPI, "Who are our best doctors?")))

    def test_what_happened_to_a_brand_is_told_of_the_first_outcome_and_says_so(self):
        plan = planned((C, "What happened to Kisqali in Q3?"), periods=[Q3])
        assert inputs(plan, "change_attributor")["outcome_col"] == "trx"
        assert any("names no outcome: trx" in n for n in plan.notes)

    def test_how_much_of_a_lever_it_takes_is_its_effect(self):
        made = inputs(planned((C, "How many calls does it take to get one more TRx?")), "causal_effect_estimator")
        assert (made["treatment_col"], made["outcome_col"]) == ("rep_visits", "trx")


def test_the_opportunity_asked_for_after_a_gap_is_that_gaps():
    plan = planned((G, "Which territories trail the median in TRx"), (G, "what is the opportunity"))

    assert [(s.tool, s.serves) for s in plan.steps] == [("gap_calculator", "Q1,Q2")]
    assert plan.missing == []


class TestTogether:
    def test_whether_two_levers_reinforce_each_other_compares_the_effect_of_one_by_the_other(self):
        plan = planned((C, "Do emails and speaker programs work better together?"))

        assert [s.tool for s in plan.steps] == [*["causal_effect_estimator"] * 2, "cate_analyzer"]
        assert inputs(plan, "cate_analyzer")["segment_cols"] == ["speaker_program"]
        assert inputs(plan, "cate_analyzer")["causal_result"]["$from"] == "step-1"

    def test_without_the_tool_it_is_said_that_this_part_is_not_told(self):
        plan = planned((C, "Do emails and speaker programs work better together?"), without="cate_analyzer")
        assert any("reinforce each other is not told" in n for n in plan.notes)

    def test_two_levers_by_themselves_are_not_crossed(self):
        plan = planned((C, "Do emails and speaker programs raise TRx?"))
        assert [s.tool for s in plan.steps] == ["causal_effect_estimator"] * 2


LAST_YEAR = Period(text="last year", start="2025-01-01", end="2026-01-01")


class TestTrends:
    def test_a_trend_of_data_without_dates_is_said_to_be_missing(self):
        plan = planned((Domain.KPI, "Is adherence improving?"))

        assert "grain" not in inputs(plan, "kpi_lookup")
        assert any("no column of dates" in n and "without a trend" in n for n in plan.notes)

    def test_growth_in_a_period_is_against_the_one_before(self):
        plan = planned((Domain.KPI, "Which region had the largest TRx growth in Q3?"), periods=[Q3])
        assert inputs(plan, "kpi_lookup")["compare"] == "previous_period"

    def test_a_level_in_a_period_is_compared_with_nothing(self):
        plan = planned((Domain.KPI, "Which region had the largest TRx in Q3?"), periods=[Q3])
        assert "compare" not in inputs(plan, "kpi_lookup")

    def test_the_same_quarter_last_year_is_one_comparison_not_another_year(self):
        text = "Compare Q3 with the same quarter last year for TRx"
        plan = planned((Domain.KPI, text), periods=[Q3, LAST_YEAR])

        assert [(s.inputs["period"]["start"], s.inputs["compare"]) for s in plan.steps] == [
            ("2026-07-01", "previous_year")
        ]
