from __future__ import annotations

from typing import Any

import pytest
from builders_composer import cate_output, effect_output, refutation_output, sensitivity_output
from e2i_shared.composer.claims import claims_of
from e2i_shared.composer.claims.told import Labels, Told, excludes_zero, say, scope_of
from e2i_shared.composer.render import render_claim

LABELS = Labels(
    names={"rep_visits": "rep visits", "trx": "TRx"}, units={"trx": "TRx", "decile": "1 (lowest) to 10", "wt": "kg"}
)
EFFECT_INPUTS = {
    "dataset": "hcp_monthly",
    "treatment_col": "rep_visits",
    "outcome_col": "trx",
    "filters": [{"column": "brand", "value": "Kisqali"}, {"column": "decile", "op": "ge", "value": 8}],
}


def told(tool: str, output: dict[str, Any], inputs: dict[str, Any] | None = None) -> Told:
    return Told(1, tool, output, inputs or {}, LABELS)


def sentences(tool: str, output: dict[str, Any], inputs: dict[str, Any] | None = None) -> list[str]:
    return [render_claim(c, {1: output}) for c in claims_of(told(tool, output, inputs))]


class TestEffects:
    def said(self, inputs=None, **changes: Any):
        return sentences("causal_effect_estimator", effect_output(**changes), inputs or EFFECT_INPUTS)

    def test_a_rise_is_told_with_size_interval_and_scope(self):
        assert self.said() == [
            "Kisqali, decile 8 or more: each additional rep visit raises TRx by 2.05 TRx on average (95% interval 1.87 to 2.23; p < 0.001)."
        ]

    def test_a_fall_is_told_without_a_sign(self):
        (text,) = self.said(ate=-0.52, ci_lower=-0.61, ci_upper=-0.43)
        assert "each additional rep visit lowers TRx by 0.520 TRx" in text
        assert "(95% interval 0.430 to 0.610" in text

    def test_an_unclear_effect_is_told_as_such(self):
        (text,) = self.said(ate=0.1, ci_lower=-0.2, ci_upper=0.4, p_value=0.5)
        assert text.startswith("Kisqali, decile 8 or more: no clear effect of rep visits on TRx:")
        assert "0.100 TRx per rep visit" in text

    def test_a_yes_no_treatment_has_no_units(self):
        kind = {"dataset": "d", "treatment_col": "email_campaign", "outcome_col": "trx", "treatment_kind": "binary"}
        (text,) = self.said({"filters": []}, specification=kind)
        assert text.startswith("Email campaign raises TRx by 2.05 TRx on average (95%")

    def test_a_rate_changes_in_percentage_points(self):
        kind = {
            "dataset": "d",
            "treatment_col": "copay_card",
            "outcome_col": "discontinued_90d",
            "treatment_kind": "binary",
        }
        (text,) = self.said(
            {"filters": []}, specification=kind, risk_ratio=0.81, ate=-0.0312, ci_lower=-0.041, ci_upper=-0.02
        )
        assert text.startswith(
            "Copay card lowers the rate of discontinued 90d by 3.12 percentage points on average (95% interval 2.00 to 4.10;"
        )

    def test_an_unclear_effect_on_a_rate(self):
        kind = {"dataset": "d", "treatment_col": "copay_card", "outcome_col": "churn", "treatment_kind": "binary"}
        (text,) = self.said(
            {"filters": []}, specification=kind, risk_ratio=1.0, ate=0.001, ci_lower=-0.01, ci_upper=0.012
        )
        assert text.startswith(
            "No clear effect of copay card on the rate of churn: 0.10 percentage points (95% interval -1.00 to 1.20;"
        )

    def test_without_a_p_value_none_is_told(self):
        (text,) = self.said(p_value=None)
        assert text.endswith("(95% interval 1.87 to 2.23).")

    def test_a_long_unit_is_left_out(self):
        kind = {"dataset": "d", "treatment_col": "x", "outcome_col": "decile", "treatment_kind": "binary"}
        (text,) = self.said({"filters": []}, specification=kind)
        assert "X raises decile by 2.05 on average" in text


class TestRobustness:
    def test_the_verdict_and_the_tests_passed_are_told(self):
        first, second = sentences("refutation_runner", refutation_output())
        assert first == "The effect holds up against the refutation tests."
        assert second.startswith("Passed: a placebo treatment, a random common cause")

    @pytest.mark.parametrize(
        ("gate", "words"), [("review", "leave doubts"), ("block", "does not hold up"), ("other", "were run")]
    )
    def test_other_verdicts(self, gate, words):
        assert words in sentences("refutation_runner", refutation_output(gate_decision=gate))[0]

    def test_failed_tests_are_named(self):
        results = [{"name": "bootstrap", "passed": True}, {"name": "placebo_treatment", "passed": False}]
        said = sentences("refutation_runner", refutation_output(test_results=results, gate_decision="review"))
        assert said[1:] == ["Passed: resampling.", "Failed: a placebo treatment."]

    def test_sensitivity_is_told_by_e_value_and_robustness_value(self):
        first, second = sentences("sensitivity_analyzer", sensitivity_output())
        assert "at least 1.87 (E-value)" in first
        assert "explain 24.3% of what remains unexplained" in second


class TestSegments:
    INPUTS = {"causal_result": effect_output()}

    def test_strongest_and_weakest_are_told_with_intervals(self):
        said = sentences("cate_analyzer", cate_output(), self.INPUTS)
        assert said == [
            (
                "Strongest response: Oncology at 2.84 TRx (95% interval 2.60 to 3.08); Hematology at 1.92 TRx (95% interval 1.60 to 2.24); "
                "Nephrology at 0.97 TRx (95% interval 0.70 to 1.24)."
            ),
            "Weakest: Allergy at 0.81 TRx (95% interval 0.50 to 1.12).",
            "The segments respond differently, more than chance would explain (p < 0.001).",
        ]

    def test_segments_that_may_be_alike_are_told_as_such(self):
        assert "no more than chance" in sentences("cate_analyzer", cate_output(heterogeneity_p=0.4), self.INPUTS)[-1]

    def test_few_segments_have_no_weakest(self):
        few = cate_output(segments=cate_output()["segments"][:2], heterogeneity_p=None)
        assert [s.split(":")[0] for s in sentences("cate_analyzer", few, self.INPUTS)] == ["Strongest response"]

    def test_no_segments_is_no_sentence(self):
        assert sentences("cate_analyzer", cate_output(segments=[], heterogeneity_p=None), {}) == []

    def test_a_label_with_braces_is_printed_as_it_is(self):
        rows = [dict(cate_output()["segments"][0], segment="{1} {{x}}")]
        said = sentences("cate_analyzer", cate_output(segments=rows, heterogeneity_p=None), self.INPUTS)
        assert said[0].startswith("Strongest response: {1} {{x}} at 2.84")

    def test_a_ranking_is_told_with_its_gain(self):
        output = {
            "ranked_segments": [{"segment": s} for s in ("Oncology", "Hematology")],
            "expected_gain": {"per_unit": 0.62, "ci_lower": 0.51, "ci_upper": 0.73},
        }
        assert sentences("segment_ranker", output) == [
            "Target first: Oncology, Hematology.",
            "Treating those targeted instead of as many at random changes the outcome by 0.620 per unit treated (95% interval 0.510 to 0.730).",
        ]


GAP = {
    "metric": "trx",
    "unit": "TRx",
    "benchmark": "median",
    "benchmark_value": 10.44,
    "entities": 40,
    "adjusted_for": ["decile"],
    "bottom_performers": [{"entity": "T26", "gap": 2.0, "adjusted_gap": 1.09}],
    "top_performers": [{"entity": "T14", "gap": -3.0, "adjusted_gap": -2.36}],
    "total_opportunity": 17802.4,
    "total_opportunity_ci_lower": 15911.0,
    "total_opportunity_ci_upper": 19693.0,
}


class TestGaps:
    def test_behind_ahead_benchmark_and_worth_are_told(self):
        assert sentences("gap_calculator", GAP, {"filters": [{"column": "brand", "value": "Kisqali"}]}) == [
            "Kisqali: furthest behind the median for TRx, given their case mix: T26 by 1.09 TRx.",
            "Furthest ahead of the median for TRx: T14 by 2.36 TRx.",
            "The median is 10.4 TRx per row, over 40 compared.",
            "Lifting all who trail the median up to it is worth 17,802 TRx in total (95% interval 15,911 to 19,693).",
        ]

    def test_without_adjustment_the_raw_gap_is_told(self):
        raw = GAP | {"adjusted_for": [], "bottom_performers": [{"entity": "T26", "gap": 2.0, "adjusted_gap": None}]}
        assert sentences("gap_calculator", raw)[0] == "Furthest behind the median for TRx: T26 by 2 TRx."

    def test_without_an_interval_no_worth_is_told(self):
        assert len(sentences("gap_calculator", GAP | {"total_opportunity_ci_lower": None})) == 3


class TestTests:
    def test_size_power_and_smallest_effect_are_told(self):
        output = {
            "required_sample_size_per_arm": 1550,
            "power_target": 0.9,
            "minimum_detectable_effect": 2.047,
            "cautious": None,
        }
        assert sentences("power_calculator", output) == [
            "The test needs 1,550 units per arm to reach a power of 90%.",
        ]

    def test_randomised_clusters_are_counted_by_their_name(self):
        output = {
            "required_sample_size_per_arm": 2376,
            "clusters_per_arm": 99,
            "cluster_name": "HCPs",
            "power_target": 0.8,
            "cautious": {"required_sample_size_per_arm": 2832, "clusters_per_arm": 118},
        }
        said = sentences("power_calculator", output)
        assert said[0] == "The test needs 99 HCPs per arm to reach a power of 80%."
        assert "it needs 118 HCPs per arm" in said[1]

    def test_a_given_sample_has_a_power(self):
        assert sentences("power_calculator", {"power": 0.634}, {"sample_size": 500}) == [
            "With the sample given, its power is 63.4%."
        ]

    def test_cautious_size_and_duration_are_told_when_known(self):
        output = {
            "required_sample_size_per_arm": 100,
            "power_target": 0.8,
            "cautious": {"required_sample_size_per_arm": 185},
            "duration_estimate_weeks": 12.5,
        }
        said = sentences("power_calculator", output)
        assert "it needs 185 units per arm" in said[1]
        assert said[2] == "It takes about 12.5 weeks."


KPI = {
    "title": "Total prescriptions (TRx)",
    "unit": "TRx",
    "value": 59748.0,
    "period": {"start": "2026-04-01", "end": "2026-10-01"},
    "previous": None,
    "change_pct": None,
    "breakdown": [],
    "series": [],
}


class TestKpis:
    def test_a_value_is_told_with_its_dates(self):
        assert sentences("kpi_lookup", KPI, {"filters": [{"column": "brand", "value": "Kisqali"}]}) == [
            "Total prescriptions (TRx), Kisqali: 59,748 TRx (2026-04 to 2026-09)."
        ]

    def test_data_without_dates_has_none(self):
        assert sentences("kpi_lookup", KPI | {"period": None}) == ["Total prescriptions (TRx): 59,748 TRx."]

    def test_a_fraction_is_told_in_percent(self):
        assert sentences("kpi_lookup", KPI | {"unit": "fraction", "value": 0.3771, "period": None}) == [
            "Total prescriptions (TRx): 37.7%."
        ]

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (-6.6, "6.60% less than the 64,000 TRx of 2025-10 to 2026-03"),
            (6.6, "6.60% more than the 64,000 TRx of 2025-10 to 2026-03"),
        ],
    )
    def test_a_change_is_told_with_its_direction(self, change, words):
        output = KPI | {
            "previous": 64000.0,
            "change_pct": change,
            "previous_period": {"start": "2025-10-01", "end": "2026-04-01"},
        }
        assert words in sentences("kpi_lookup", output)[1]

    def test_a_breakdown_and_a_trend_are_told(self):
        output = KPI | {
            "breakdown": [{"group": "South", "value": 10.0}, {"group": "West", "value": None}],
            "series": [{"period": f"2026-0{m}", "value": float(m)} for m in range(1, 10)],
        }
        said = sentences("kpi_lookup", output)
        assert said[1] == "By group: South 10 TRx."
        assert said[2].startswith("Over time: 2026-01: 1 TRx")
        assert said[2].endswith("2026-09: 9 TRx.")

    def test_a_trend_by_group_is_told_by_first_and_last(self):
        rows = [
            (g, m, v)
            for g, vs in (("South", (3.0, 4.5)), ("West", (2.0, 1.0)))
            for m, v in zip((1, 2), vs, strict=True)
        ]
        output = KPI | {"series": [{"group": g, "period": f"2026-0{m}", "value": v} for g, m, v in rows]}
        assert sentences("kpi_lookup", output)[1:] == [
            "South: from 3 TRx in 2026-01 to 4.50 TRx in 2026-02.",
            "West: from 2 TRx in 2026-01 to 1 TRx in 2026-02.",
        ]

    def test_a_trend_with_totals_and_groups_tells_both(self):
        rows = [(None, 1, 5.0), ("South", 1, 3.0), ("South", 2, 4.0)]
        output = KPI | {"series": [{"group": g, "period": f"2026-0{m}", "value": v} for g, m, v in rows]}
        assert sentences("kpi_lookup", output)[1:] == [
            "Over time: 2026-01: 5 TRx.",
            "South: from 3 TRx in 2026-01 to 4 TRx in 2026-02.",
        ]


@pytest.mark.parametrize(
    ("tool", "output"),
    [
        ("cate_analyzer", {"segments": [{"wrong": 1}], "n": 5, "share": 0.5}),
        ("causal_effect_estimator", {"share": 0.5}),
        ("kpi_lookup", {"share": 0.5}),
        ("gap_calculator", {"bottom_performers": [{}], "share": 0.5}),
        ("refutation_runner", {"test_results": [1], "share": 0.5}),
    ],
)
def test_an_output_of_another_shape_is_told_by_what_can_be_told(tool, output):
    for text in sentences(tool, output):
        assert text


def test_a_tool_without_sentences_is_told_by_its_fields():
    output = {"n": 10, "seed": 1, "lift_percentage": 4.25, "flag": True, "name": "x", "breakeven_months": 7}
    assert sentences("something_new", output) == ["Lift percentage: 4.25.", "Breakeven months: 7."]


def test_a_scope_is_the_filters_as_a_reader_would_write_them():
    assert scope_of(told("x", {}, EFFECT_INPUTS)) == "Kisqali, decile 8 or more"
    assert scope_of(told("x", {})) == ""
    dates = [
        {"column": "month", "op": "ge", "value": "2026-04-01"},
        {"column": "month", "op": "lt", "value": "2026-07-01"},
    ]
    assert scope_of(told("x", {}, {"filters": dates})) == "Q2 2026"
    assert scope_of(told("x", {}, {"filters": dates[:1]})) == "month ≥ 2026-04-01"
    assert scope_of(told("x", {"specification": {"filters": [{"column": "region", "value": "West"}]}})) == "West"


def test_labels_fall_back_to_the_column_name():
    assert LABELS.name("email_campaign") == "email campaign"
    assert LABELS.name("{odd}") == "{{odd}}"
    assert LABELS.unit("decile") is None
    assert LABELS.unit("wt") == "kg"


@pytest.mark.parametrize(
    ("low", "high", "clear"), [(1, 2, True), (-2, -1, True), (-1, 1, False), (0, 1, False), (None, 1, False)]
)
def test_an_interval_is_clear_when_it_lies_on_one_side_of_zero(low, high, clear):
    assert excludes_zero(low, high) is clear


def test_a_claim_holds_its_references_in_order():
    one = told("x", {"a": 1.0, "b": "B"})
    claim = say("{0} and {1}", one.number("/a"), one.text("/b"))
    assert [r.pointer for r in claim.value_refs] == ["/a", "/b"]
