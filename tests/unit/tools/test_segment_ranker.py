from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders_frames import NO_DATA
from e2i_shared.api.common import Filter
from e2i_shared.errors import InsufficientDataError, UnprocessableError
from e2i_shared.tools._registry import run_tool
from e2i_shared.tools.segment_ranker import TOOL, Params, run
from hypothesis import given
from hypothesis import strategies as st


def segment(name, effect, half=0.1, n=100, column="specialty"):
    return {
        "segment": name,
        "column": column,
        "level": name,
        "n": n,
        "effect": effect,
        "ci_lower": effect - half,
        "ci_upper": effect + half,
    }


SEGMENTS = [segment("small strong", 5.0, n=50), segment("large fair", 3.0, n=1000), segment("weak", 1.0, n=400)]


def cate(segments=SEGMENTS, p=0.001):
    total = sum(s["n"] for s in segments) or 1
    overall = sum(s["effect"] * s["n"] for s in segments) / total
    return {"segments": segments, "overall_effect": overall, "heterogeneity_p": p, "high_responders": ["ignored"]}


def rank(segments=SEGMENTS, p: float | None = 0.001, **params: Any):
    return run(Params(cate_result=cate(segments, p), **params), NO_DATA)


def names(result):
    return [s.segment for s in result.ranked_segments]


def test_by_effect_the_strongest_leads():
    assert names(rank()) == ["small strong", "large fair", "weak"]


def test_by_volume_size_counts():
    assert names(rank(rank_by="volume")) == ["large fair", "weak", "small strong"]


def test_uplift_is_what_a_segment_adds_over_the_average():
    result = rank(rank_by="uplift")
    overall = result.overall_effect

    assert names(result)[-1] == "weak"
    for s in result.ranked_segments:
        assert s.score == pytest.approx((s.effect - overall) * s.n)


def test_roi_weighs_value_against_cost():
    result = rank(rank_by="roi", value_per_unit=10.0, cost_per_unit=20.0)

    assert [s.score for s in result.ranked_segments] == pytest.approx([1.5, 0.5, -0.5])
    assert any("weak: do not target at this cost" in text for text in result.targeting_recommendations)


@pytest.mark.parametrize("given_one", [{"value_per_unit": 1.0}, {"cost_per_unit": 1.0}])
def test_roi_needs_value_and_cost(given_one):
    with pytest.raises(UnprocessableError) as caught:
        rank(rank_by="roi", **given_one)
    assert caught.value.field in {"value_per_unit", "cost_per_unit"} - set(given_one)


def test_the_lower_bound_ranks_the_certain_first():
    result = rank([segment("vague", 5.0, half=4.0), segment("sure", 4.0, half=0.2)])

    assert names(result) == ["vague", "sure"]
    assert [s.rank_by_lower_bound for s in result.ranked_segments] == [2, 1]
    assert result.ranked_segments[0].lower_bound == pytest.approx(1.0)


def test_the_gain_is_over_treating_at_random():
    result = rank()
    gain = result.expected_gain

    chosen = (5.0 * 50 + 3.0 * 1000) / 1050
    assert gain.targeted == ["small strong", "large fair"]
    assert gain.treated == 1050
    assert gain.per_unit == pytest.approx(chosen - result.overall_effect)
    assert gain.ci_lower < gain.per_unit < gain.ci_upper
    assert gain.total == pytest.approx(gain.per_unit * 1050)
    assert gain.total_ci_lower == pytest.approx(gain.ci_lower * 1050)


def test_after_choosing_the_best_less_is_expected():
    result = rank([segment("a", 3.0, half=2.0), segment("b", 1.0, half=2.0), segment("c", 2.0, half=2.0)])

    assert 0 <= result.expected_gain.shrunken_per_unit < result.expected_gain.per_unit


def test_differences_that_are_not_significant_are_warned_of_and_advised_against():
    result = rank(p=0.4)

    assert any("not significant" in warning for warning in result.warnings)
    assert result.targeting_recommendations[0].startswith("Treat all segments alike")


def test_a_missing_test_is_said_to_be_missing():
    assert any("No heterogeneity test" in warning for warning in rank(p=None).warnings)


def test_a_significant_difference_brings_no_warning():
    assert rank().warnings == []


def test_a_segment_without_proven_benefit_is_to_be_tested_first():
    result = rank([segment("maybe", 1.0, half=2.0), segment("no", -1.0, half=0.5)])

    assert "maybe: test before targeting" in result.targeting_recommendations[0]
    assert "no: do not target" in result.targeting_recommendations[1]


def test_where_the_outcome_should_fall_the_most_negative_effect_leads():
    result = rank([segment("a", -0.2, half=0.05), segment("b", -0.05, half=0.01)], higher_is_better=False)

    assert names(result) == ["a", "b"]
    assert result.ranked_segments[0].lower_bound == pytest.approx(-0.15)
    assert result.expected_gain.per_unit > 0


def test_segments_of_two_columns_are_never_counted_twice():
    both = [*SEGMENTS, segment("North", 2.5, n=700, column="region"), segment("South", 2.2, n=750, column="region")]

    result = rank(both)

    assert result.expected_gain.column == "specialty"
    assert result.n == 1450
    assert any("overlap" in warning for warning in result.warnings)


def test_only_listed_segments_are_targeted():
    result = rank(top_n=1)

    assert names(result) == ["small strong"]
    assert result.expected_gain.targeted == ["small strong"]
    assert any("2 lower-ranked" in warning for warning in result.warnings)


def test_equal_segments_gain_nothing():
    result = rank([segment("a", 2.0), segment("b", 2.0)])

    assert result.expected_gain.per_unit == 0.0
    assert result.expected_gain.targeted == []
    assert any("gains nothing" in warning for warning in result.warnings)


def test_no_segment_is_refused():
    with pytest.raises(InsufficientDataError):
        rank([])


def test_other_fields_of_the_producer_do_not_matter():
    result = cate()
    result["segments"] = [s | {"std_error": 0.1, "p_value_adjusted": 0.2} for s in result["segments"]]

    assert run_tool("segment_ranker", {"cate_result": result}, NO_DATA)["ranked_segments"][0]["rank"] == 1


def test_an_output_that_is_no_heterogeneity_analysis_is_refused():
    with pytest.raises(UnprocessableError) as caught:
        run_tool("segment_ranker", {"cate_result": {"ate": 1.0}}, NO_DATA)
    assert caught.value.field == "cate_result.segments"


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8), st.floats(0.01, 3.0))
def test_ranks_are_a_permutation_and_scores_fall(effects, half):
    result = rank([segment(f"s{i}", e, half=half, n=10 + i) for i, e in enumerate(effects)])
    scores = [s.score for s in result.ranked_segments]

    assert [s.rank for s in result.ranked_segments] == list(range(1, len(effects) + 1))
    assert sorted(s.rank_by_lower_bound for s in result.ranked_segments) == list(range(1, len(effects) + 1))
    assert scores == sorted(scores, reverse=True)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=8))
def test_targeting_never_loses_against_random(effects):
    assert rank([segment(f"s{i}", e) for i, e in enumerate(effects)]).expected_gain.per_unit >= 0.0


def test_every_number_of_a_recommendation_is_in_the_result():
    result = rank()

    assert "effect 5 per unit, 95% interval 4.9 to 5.1, 50 rows" in result.targeting_recommendations[0]
    assert f"{result.expected_gain.per_unit:.3g} per unit" in result.targeting_recommendations[-1]


def test_the_chart_draws_every_ranked_segment_against_the_overall_effect():
    output = run_tool("segment_ranker", TOOL.examples[0], NO_DATA)

    (chart,) = TOOL.charts(output)

    assert [row["label"] for row in chart["data"]["values"]] == ["Oncology", "Hematology", "Allergy"]
    assert chart["layer"][-1]["encoding"]["x"]["datum"] == output["overall_effect"]


def test_on_the_samples_true_effects_the_gain_is_found_within_its_interval(sample):
    kisqali = [Filter(column="brand", value="Kisqali")]
    truth = sample.truth_by("rep_visits", "trx", "specialty", kisqali)
    total = sum(t.n for t in truth.values())
    overall = sum(t.effect * t.n for t in truth.values()) / total
    rng, half, hits = np.random.default_rng(12), 0.25, 0
    for _ in range(200):
        noisy = [segment(k, t.effect + rng.normal(0, half / 1.96), half, t.n) for k, t in truth.items()]
        gain = rank(noisy).expected_gain
        treated = sum(truth[k].n for k in gain.targeted)
        true_gain = sum(truth[k].effect * truth[k].n for k in gain.targeted) / treated - overall
        hits += int(gain.ci_lower <= true_gain <= gain.ci_upper)

    assert hits >= 180
