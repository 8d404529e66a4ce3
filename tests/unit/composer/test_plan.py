from __future__ import annotations

import time
from typing import Any

import pytest
from builders_composer import (
    KISQALI,
    KISQALI_EDGES,
    KISQALI_PARTS,
    catalogue,
    column,
    dataset,
    datasets,
    decomposition,
    kpi_names,
    shop,
)
from e2i_shared.api.classification import Domain, Period
from e2i_shared.composer.plan import make_plan
from e2i_shared.errors import UnknownColumnError, UnknownValueError

C, S, G, E, K = Domain.CAUSAL, Domain.SEGMENTATION, Domain.GAP, Domain.EXPERIMENT, Domain.KPI
TOOLS = catalogue()


def planned(*parts: Any, edges=(), data=None, tools=None, query="…", **details: Any):
    made = decomposition(list(parts), edges, **details)
    return make_plan(query, made, data or datasets(), tools or TOOLS, kpis=kpi_names())


def steps(plan):
    return [(s.tool, s.level, s.serves) for s in plan.steps]


def inputs(plan, tool):
    return next(s.inputs for s in plan.steps if s.tool == tool)


class TestTheKisqaliQuestion:
    def plan(self):
        return planned(*KISQALI_PARTS, edges=KISQALI_EDGES, query=KISQALI)

    def test_the_steps_are_those_the_question_needs_as_shallow_as_possible(self):
        assert steps(self.plan()) == [
            ("causal_effect_estimator", 1, "Q1"),
            ("cate_analyzer", 2, "Q2"),
            ("segment_ranker", 3, "Q2"),
            ("power_calculator", 2, "Q3"),
        ]
        assert self.plan().levels == [[1], [2, 4], [3]]

    def test_the_effect_is_estimated_on_the_rows_asked_for_clustered_by_prescriber(self):
        assert inputs(self.plan(), "causal_effect_estimator") == {
            "dataset": "hcp_monthly",
            "filters": [
                {"column": "brand", "op": "eq", "value": "Kisqali"},
                {"column": "region", "op": "eq", "value": "Northeast"},
            ],
            "treatment_col": "rep_visits",
            "outcome_col": "trx",
            "cluster_col": "hcp_id",
        }

    def test_the_segments_build_on_the_effect_and_the_ranking_on_the_segments(self):
        plan = self.plan()
        assert inputs(plan, "cate_analyzer") == {
            "causal_result": {"$from": "step-1", "path": "@"},
            "segment_cols": ["specialty"],
        }
        assert inputs(plan, "segment_ranker") == {"cate_result": {"$from": "step-2", "path": "@"}}

    def test_the_test_is_sized_for_the_estimate_and_says_what_its_unit_is(self):
        plan = self.plan()
        sized = inputs(plan, "power_calculator")
        assert sized["effect_size"] == {"$from": "step-1", "path": "ate"}
        assert sized["sd"] == {"$from": "step-1", "path": "outcome_sd"}
        assert sized["icc"] == {"$from": "step-1", "path": "outcome_icc"}
        assert sized["cluster_size"] == {"$from": "step-1", "path": "cluster_size"}
        assert sized["cluster_name"] == "HCPs"
        assert any("randomises by hcp_id" in n for n in plan.notes)

    def test_bindings_show_what_was_understood(self):
        assert {(b.phrase, b.bound_to) for b in self.plan().bindings} >= {
            ("rep visits", "rep_visits"),
            ("TRx", "trx"),
            ("Kisqali", "brand = Kisqali"),
            ("Northeast", "region = Northeast"),
        }

    def test_the_plan_names_data_set_and_version(self):
        assert (self.plan().dataset, self.plan().dataset_version) == ("hcp_monthly", 1)

    def test_the_critical_path_is_known_when_the_latencies_are(self):
        usual = {
            "causal_effect_estimator": 300.0,
            "cate_analyzer": 400.0,
            "segment_ranker": 10.0,
            "power_calculator": 5.0,
        }
        made = decomposition(KISQALI_PARTS, KISQALI_EDGES)
        assert make_plan(KISQALI, made, datasets(), TOOLS, latency_ms=usual).critical_path_ms == 710.0
        assert make_plan(KISQALI, made, datasets(), TOOLS).critical_path_ms is None

    def test_planning_takes_less_than_50_ms(self):
        self.plan()
        spent = []
        for _ in range(7):
            started = time.process_time()
            self.plan()
            spent.append((time.process_time() - started) * 1000)
        assert sorted(spent)[3] < 50


def nhefs():
    return dataset(
        "nhefs",
        [
            column("seqn", "id", "id", distinct=1566),
            column("qsmk", "boolean", "treatment", synonyms=["quitting smoking", "quit smoking"], distinct=2),
            column("wt82_71", role="outcome", unit="kg", synonyms=["weight", "weight gain"]),
            column("age", "integer", synonyms=["age group", "age groups"]),
            column("sex", "category", values=["0", "1"]),
        ],
        rows=1566,
        unit="person",
    )


def test_the_nhefs_question_refutes_and_segments():
    plan = planned(
        (C, "Did quitting smoking raise weight"),
        (C, "does that survive refutation"),
        (S, "which age groups responded most"),
        edges=[("Q1", "Q2"), ("Q1", "Q3")],
        data=[*datasets(), nhefs()],
    )

    assert plan.dataset == "nhefs"
    assert steps(plan) == [
        ("causal_effect_estimator", 1, "Q1"),
        ("refutation_runner", 2, "Q2"),
        ("sensitivity_analyzer", 2, "Q2"),
        ("cate_analyzer", 2, "Q3"),
        ("segment_ranker", 3, "Q3"),
    ]
    assert "cluster_col" not in inputs(plan, "causal_effect_estimator")
    assert inputs(plan, "cate_analyzer")["segment_cols"] == ["age"]


def test_a_users_own_data_is_planned_without_vocabulary():
    plan = planned((C, "Did discount raise basket_size in store_type premium?"), data=[shop()])

    effect = inputs(plan, "causal_effect_estimator")
    assert (effect["treatment_col"], effect["outcome_col"]) == ("discount", "basket_size")
    assert effect["filters"] == [{"column": "store_type", "op": "eq", "value": "premium"}]


def test_several_levers_are_estimated_one_by_one():
    plan = planned((C, "Did rep visits and samples raise TRx"))

    assert [s.inputs["treatment_col"] for s in plan.steps] == ["rep_visits", "samples_dropped"]
    assert plan.levels == [[1, 2]]


def test_an_equal_effect_is_estimated_once_for_two_questions():
    plan = planned((C, "Did rep visits raise TRx"), (C, "how big was the effect of rep visits on TRx"))

    assert steps(plan) == [("causal_effect_estimator", 1, "Q1,Q2")]


def test_an_effect_that_is_only_needed_belongs_to_the_question_that_needs_it():
    plan = planned((S, "which specialties respond to rep visits in TRx"))

    assert [t for t, _, _ in steps(plan)] == ["causal_effect_estimator", "cate_analyzer", "segment_ranker"]
    assert {s for _, _, s in steps(plan)} == {"Q1"}


def test_segments_are_ranked_only_when_asked():
    plan = planned((S, "does the response of TRx to rep visits differ by region"))

    assert [t for t, _, _ in steps(plan)] == ["causal_effect_estimator", "cate_analyzer"]


def test_segments_without_a_name_are_the_segment_columns_and_said():
    plan = planned((C, "Did emails raise Kisqali TRx"), (S, "who responded most"), edges=[("Q1", "Q2")])

    assert inputs(plan, "cate_analyzer")["segment_cols"] == ["specialty", "decile", "region"]
    assert any("names no segments" in n for n in plan.notes)


def test_less_is_better_for_discontinuation():
    plan = planned(
        (C, "Did copay cards reduce discontinuation"), (S, "which payers benefit most"), edges=[("Q1", "Q2")]
    )

    assert inputs(plan, "segment_ranker")["higher_is_better"] is False


def test_a_comparison_of_two_regions_estimates_both_and_their_difference():
    plan = planned((C, "Compare the impact of rep visits on TRx in the Northeast versus the South"))

    assert [t for t, _, _ in steps(plan)] == ["causal_effect_estimator", "cate_analyzer"]
    assert inputs(plan, "causal_effect_estimator")["filters"][0]["value"] == ["Northeast", "South"]


class TestGaps:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Which territories trail the median on Kisqali TRx", {"entity_type": "territory", "group_by": "territory_id", "metric": "trx", "benchmark": "median"}),
            ("Which regions are behind on Kisqali NRx", {"entity_type": "region", "group_by": "region", "metric": "nrx", "benchmark": "mean"}),
            ("gap of TRx by specialty to the best performers", {"entity_type": "segment", "group_by": "specialty", "metric": "trx", "benchmark": "top_decile"}),
            ("which territories miss a TRx target of 12", {"benchmark": "target", "target": 12.0}),
            ("Which HCPs lag on TRx", {"entity_type": "hcp", "group_by": "hcp_id"}),
            ("which payers have the highest discontinuation gap", {"higher_is_better": False, "metric": "discontinued_90d"}),
        ],
    )  # fmt: skip
    def test_entity_metric_and_benchmark_come_from_the_words(self, text, expected):
        found = inputs(planned((G, text)), "gap_calculator")
        assert {k: found[k] for k in expected} == expected

    def test_a_target_is_the_column_of_targets(self):
        plan = planned((G, "Which territories are below target TRx for Fabhalta?"))
        found = inputs(plan, "gap_calculator")
        assert plan.dataset == "territories"
        assert (found["metric"], found["benchmark"], found["target"]) == ("trx", "target", "target_trx")

    def test_a_target_that_no_column_holds_is_reported(self):
        plan = planned((G, "Which payers are below target on adherence"))
        assert "no column of targets" in plan.missing[0].reason

    def test_what_is_compared_must_be_said(self):
        assert "does not say what to compare" in planned((G, "how far is TRx behind")).missing[0].reason

    def test_the_metric_may_come_from_the_question_before(self):
        plan = planned((K, "What was Kisqali NRx"), (G, "which territories trail the median"), edges=[("Q1", "Q2")])
        found = inputs(plan, "gap_calculator")
        assert found["metric"] == "nrx"
        assert found["filters"] == [{"column": "brand", "op": "eq", "value": "Kisqali"}]

    def test_the_return_of_closing_a_gap_needs_its_tool(self):
        assert "roi_estimator" in planned((G, "what is the ROI of closing the TRx gap")).missing[0].reason


class TestExperiments:
    def test_a_named_effect_needs_no_estimate(self):
        plan = planned((E, "How many HCPs per arm to detect 0.5 more TRx for Kisqali?"))
        found = inputs(plan, "power_calculator")
        assert [t for t, _, _ in steps(plan)] == ["power_calculator"]
        assert (found["effect_size"], found["outcome_col"], found["dataset"]) == (0.5, "trx", "hcp_monthly")

    def test_a_percentage_is_taken_of_the_mean_and_said(self):
        plan = planned((E, "What sample size detects a 5% lift in TRx?"))
        mean = next(d for d in datasets() if d.name == "hcp_monthly").column("trx").statistics.mean
        assert inputs(plan, "power_calculator")["effect_size"] == pytest.approx(0.05 * mean)
        assert any("5% is taken of the mean of trx" in n for n in plan.notes)

    def test_a_percentage_of_a_rate_is_in_points(self):
        plan = planned((E, "What sample size detects a 5% difference in discontinuation?"))
        assert inputs(plan, "power_calculator")["effect_size"] == pytest.approx(0.05)

    def test_a_rate_is_sized_from_its_rate(self):
        plan = planned(
            (C, "Did copay cards reduce discontinuation"), (E, "how large a test confirms it"), edges=[("Q1", "Q2")]
        )
        found = inputs(plan, "power_calculator")
        assert found["baseline_rate"] == {"$from": "step-1", "path": "outcome_mean"}
        assert "sd" not in found

    @pytest.mark.parametrize(
        ("text", "name", "value"),
        [
            ("how large a test confirms it with 90% power", "power_target", 0.9),
            ("how large a test confirms it at a power of 0.85", "power_target", 0.85),
            ("how large a test confirms it at 1% significance", "alpha", 0.01),
            ("how large a test confirms it at alpha 0.1", "alpha", 0.1),
            ("what power would a test with 500 HCPs per arm have", "sample_size", 500),
            ("what power would a test with 1,200 physicians per arm have", "sample_size", 1200),
        ],
    )
    def test_options_are_read_from_the_words(self, text, name, value):
        plan = planned((C, "Did emails raise TRx"), (E, text), edges=[("Q1", "Q2")])
        assert inputs(plan, "power_calculator")[name] == value

    def test_without_any_effect_the_reason_is_said(self):
        assert "needs an effect to detect" in planned((E, "size the test for TRx")).missing[0].reason

    def test_a_simulation_needs_its_tool(self):
        plan = planned((C, "Did rep visits raise TRx"), (E, "what would 20% more calls do"), edges=[("Q1", "Q2")])
        assert steps(plan) == [("causal_effect_estimator", 1, "Q1")]
        assert "counterfactual_simulator" in plan.missing[0].reason


class TestKpis:
    def test_value_by_dimension(self):
        found = inputs(planned((K, "TRx for Kisqali by region and specialty")), "kpi_lookup")
        assert found["kpi"] == "trx"
        assert found["dimensions"] == ["region", "specialty"]
        assert found["filters"] == [{"column": "brand", "op": "eq", "value": "Kisqali"}]

    @pytest.mark.parametrize(
        ("text", "grain"),
        [
            ("TRx by month", "month"),
            ("monthly TRx", "month"),
            ("TRx per quarter", "quarter"),
            ("TRx trend", "month"),
            ("annual TRx", "year"),
        ],
    )
    def test_trends_have_a_grain(self, text, grain):
        assert inputs(planned((K, text)), "kpi_lookup")["grain"] == grain

    def test_a_period_is_passed_as_dates_not_as_filters(self):
        period = Period(text="in Q3", start="2026-07-01", end="2026-10-01")
        found = inputs(planned((K, "TRx in Q3"), periods=[period]), "kpi_lookup")
        assert found["period"] == {"start": "2026-07-01", "end": "2026-10-01"}
        assert found["filters"] == []

    def test_a_comparison_is_passed_on(self):
        period = Period(text="YoY", start="2025-10-01", end="2026-10-01", comparison="previous_year")
        assert inputs(planned((K, "TRx YoY"), periods=[period]), "kpi_lookup")["compare"] == "previous_year"

    def test_two_periods_are_two_lookups(self):
        periods = [
            Period(text="Q2", start="2026-04-01", end="2026-07-01"),
            Period(text="Q3", start="2026-07-01", end="2026-10-01"),
        ]
        plan = planned((K, "TRx in Q2 and in Q3"), periods=periods)
        assert [s.inputs["period"]["start"] for s in plan.steps] == ["2026-04-01", "2026-07-01"]

    def test_a_kpi_that_is_no_column_is_looked_up_by_name(self):
        assert inputs(planned((K, "what's the market share of Kisqali")), "kpi_lookup")["kpi"] == "market_share"

    def test_without_a_measure_the_reason_is_said(self):
        plan = planned((K, "what about Kisqali"), data=[d for d in datasets() if d.name == "hcp_monthly"])
        assert "names no KPI" in plan.missing[0].reason


class TestWhatCannotBeAnswered:
    @pytest.mark.parametrize(
        ("domain", "text", "tool"),
        [
            (C, "Why did Kisqali TRx drop in the Northeast", "change_attributor"),
            (C, "What drives Kisqali TRx", "driver_ranker"),
            (S, "how should we allocate 500 extra calls to raise TRx", "policy_optimizer"),
            (E, "what if we cut rep visits and TRx", "counterfactual_simulator"),
            (E, "interim stopping boundaries for TRx", "interim_boundaries"),
            (Domain.PREDICTION, "forecast Kisqali TRx", "forecaster"),
            (Domain.MONITORING, "is digital_affinity drifting", "psi_calculator"),
            (Domain.COHORT, "build a cohort of oncologists", "cohort_builder"),
            (Domain.EXPLANATION, "explain TRx", "result_explainer"),
        ],
    )
    def test_a_part_without_a_tool_is_missing_with_the_reason(self, domain, text, tool):
        plan = planned((K, "What was NRx of Fabhalta"), (domain, text))

        assert [(m.sub_question, m.question) for m in plan.missing] == [("Q2", text)]
        assert tool in plan.missing[0].reason
        assert steps(plan) == [("kpi_lookup", 1, "Q1")]

    @pytest.mark.parametrize(
        ("domain", "text", "tool"),
        [
            (C, "Did rep visits raise TRx", "causal_effect_estimator"),
            (S, "who responds most to rep visits in TRx", "cate_analyzer"),
            (G, "which territories trail on TRx", "gap_calculator"),
            (E, "detect 0.5 more TRx: which sample size", "power_calculator"),
            (K, "TRx by region", "kpi_lookup"),
        ],
    )
    def test_a_tool_taken_away_makes_its_parts_missing(self, domain, text, tool):
        plan = planned((domain, text), tools=catalogue(**{tool: None}))
        assert tool in plan.missing[0].reason
        assert plan.steps == []
        assert plan.levels == []

    def test_without_refutation_and_sensitivity_robustness_is_missing(self):
        question = (C, "does the effect of rep visits on TRx survive refutation")
        plan = planned(question, tools=catalogue(refutation_runner=None, sensitivity_analyzer=None))
        assert "refutation_runner" in plan.missing[0].reason
        plan = planned(question, tools=catalogue(refutation_runner=None))
        assert [t for t, _, _ in steps(plan)] == ["causal_effect_estimator", "sensitivity_analyzer"]

    def test_sensitivity_is_left_out_when_its_tool_is_missing(self):
        plan = planned((C, "does the effect of emails on TRx hold up"), tools=catalogue(sensitivity_analyzer=None))
        assert [t for t, _, _ in steps(plan)] == ["causal_effect_estimator", "refutation_runner"]

    def test_the_ranking_is_left_out_when_its_tool_is_missing(self):
        plan = planned((S, "who responds most to emails in TRx"), tools=catalogue(segment_ranker=None))
        assert [t for t, _, _ in steps(plan)] == ["causal_effect_estimator", "cate_analyzer"]

    def test_a_part_that_cannot_be_bound_is_missing_with_the_candidates(self):
        plan = planned((C, "Did rep visits raise TRx"), (C, "did billboards raise TRx"))
        assert "billboards" in plan.missing[0].reason
        assert "rep_visits" in plan.missing[0].reason

    def test_a_question_of_which_nothing_can_be_bound_is_refused(self):
        with pytest.raises(UnknownColumnError, match="billboards"):
            planned((C, "did billboards raise TRx"))
        with pytest.raises(UnknownValueError, match="Blorptrix"):
            planned((C, "did rep visits raise Blorptrix TRx"))

    def test_a_cause_that_is_its_own_outcome_is_reported(self):
        plan = planned((K, "NRx by region"), (C, "Did TRx raise TRx"))
        assert [m.sub_question for m in plan.missing] == ["Q2"]


@pytest.mark.parametrize(
    "text", ["$1 million", "{{x}}", "${n2}", "{'$from': 'step-1', 'path': 'ate'}", "{0}", "'; DROP TABLE x; --"]
)
def test_odd_text_in_the_question_is_literal(text):
    clean = planned((C, "Did rep visits raise TRx"))
    odd = planned((C, f"Did rep visits raise TRx {text}".replace("DROP TABLE x", "drop table")))

    assert [s.inputs for s in odd.steps] == [s.inputs for s in clean.steps]
