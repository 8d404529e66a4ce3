from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders_frames import context
from e2i_shared.api.common import Filter
from e2i_shared.errors import InsufficientDataError, UnknownColumnError, UnprocessableError
from e2i_shared.tools._registry import run_tool
from e2i_shared.tools.gap_calculator import TOOL, Params, run

REGIONS = {
    "region": ["A", "A", "B", "B", "C", "C", "D", "D"],
    "sales": [10.0, 10.0, 20.0, 20.0, 30.0, 30.0, 40.0, 40.0],
}


def gaps(ctx, **params: Any):
    return run(Params(dataset="data", entity_type="region", metric="sales", covariates=[], **params), ctx)


def by_entity(result):
    return {gap.entity: gap for gap in result.gaps}


def test_gaps_against_the_mean_are_what_one_counts_by_hand():
    result = gaps(context(REGIONS))

    assert result.benchmark_value == 25.0
    assert {name: gap.gap for name, gap in by_entity(result).items()} == {"A": 15.0, "B": 5.0, "C": -5.0, "D": -15.0}
    assert result.total_opportunity == (15.0 + 5.0) * 2
    assert [p.entity for p in result.bottom_performers] == ["A", "B"]
    assert [p.entity for p in result.top_performers] == ["D", "C"]
    assert by_entity(result)["A"].gap_pct == pytest.approx(60.0)


@pytest.mark.parametrize(("benchmark", "value"), [("median", 25.0), ("top_decile", 37.0)])
def test_benchmarks_are_quantiles_of_the_entities(benchmark, value):
    assert gaps(context(REGIONS), benchmark=benchmark).benchmark_value == pytest.approx(value)


def test_gaps_against_the_mean_sum_to_zero():
    assert sum(gap.gap for gap in gaps(context(REGIONS)).gaps) == pytest.approx(0.0)


def test_the_largest_shortfall_comes_first():
    assert [gap.entity for gap in gaps(context(REGIONS)).gaps] == ["A", "B", "C", "D"]


def test_a_number_is_a_target_for_all():
    result = gaps(context(REGIONS), benchmark="target", target=35.0)

    assert [gap.gap for gap in result.gaps] == [25.0, 15.0, 5.0, -5.0]
    assert result.total_opportunity == 2 * (25.0 + 15.0 + 5.0)


def test_a_column_of_targets_gives_each_its_own():
    ctx = context(REGIONS | {"goal": [12.0, 12.0, 20.0, 20.0, 20.0, 20.0, 50.0, 50.0]})

    result = by_entity(gaps(ctx, benchmark="target", target="goal"))

    assert {name: gap.gap for name, gap in result.items()} == {"A": 2.0, "B": 0.0, "C": -10.0, "D": 10.0}
    assert result["D"].benchmark == 50.0


def test_where_low_is_good_the_highest_is_behind():
    result = gaps(context(REGIONS), higher_is_better=False, benchmark="top_decile")

    assert result.benchmark_value == pytest.approx(13.0)
    assert result.gaps[0].entity == "D"
    assert result.gaps[0].gap == pytest.approx(27.0)


def test_sizes_weight_values_and_opportunities():
    ctx = context(REGIONS | {"doctors": [1.0, 3.0, 2.0, 2.0, 5.0, 5.0, 1.0, 1.0]})

    result = by_entity(gaps(ctx, size_col="doctors"))

    assert result["A"].size == 4.0
    assert result["A"].opportunity == pytest.approx(15.0 * 4.0)


def test_missing_values_are_left_out_and_counted_not_zero():
    ctx = context({"region": [*REGIONS["region"], "A", None], "sales": [*REGIONS["sales"], None, 99.0]})

    result = gaps(ctx)

    assert by_entity(result)["A"].value == 10.0
    assert result.n == 8
    assert any("2 rows" in warning for warning in result.warnings)


def test_an_entity_without_any_value_is_named_not_compared():
    ctx = context({"region": [*REGIONS["region"], "E"], "sales": [*REGIONS["sales"], None]})

    result = gaps(ctx)

    assert "E" not in by_entity(result)
    assert any("E" in warning and "left out" in warning for warning in result.warnings)


def test_case_mix_that_explains_a_gap_leaves_no_adjusted_gap():
    rng = np.random.default_rng(1)
    severity = np.concatenate([rng.normal(m, 1.0, 500) for m in (0.0, 1.0, 2.0)])
    entity = ["x"] * 500 + ["y"] * 500 + ["z"] * 500
    outcome = 10.0 - 3.0 * severity + rng.normal(0, 0.2, 1500)
    ctx = context({"site": entity, "severity": severity.tolist(), "outcome": outcome.tolist()})

    result = run(
        Params(dataset="data", entity_type="segment", group_by="site", metric="outcome", covariates=["severity"]), ctx
    )

    assert result.adjusted_for == ["severity"]
    assert max(abs(gap.gap) for gap in result.gaps) > 2.5
    assert max(abs(gap.adjusted_gap) for gap in result.gaps) < 0.1
    assert not any(gap.beyond_noise for gap in result.gaps if abs(gap.adjusted_gap) < 0.01)


def test_a_real_shortfall_survives_adjustment():
    rng = np.random.default_rng(2)
    mix = rng.normal(size=900)
    entity = ["x"] * 300 + ["y"] * 300 + ["z"] * 300
    outcome = mix + np.repeat([0.0, 0.0, -1.5], 300) + rng.normal(0, 0.5, 900)
    ctx = context({"site": entity, "mix": mix.tolist(), "outcome": outcome.tolist()})

    result = run(Params(dataset="data", entity_type="segment", group_by="site", metric="outcome"), ctx)
    worst = result.bottom_performers[0]

    assert worst.entity == "z"
    assert worst.adjusted_gap == pytest.approx(1.0, abs=0.1)
    assert by_entity(result)["z"].beyond_noise


def test_what_does_not_vary_within_entities_is_said_not_to_be_adjusted_for():
    columns = REGIONS | {"climate": [1, 1, 2, 2, 3, 3, 4, 4], "mix": [0, 1, 0, 1, 0, 1, 1, 0]}
    ctx = context({name: values * 5 for name, values in columns.items()})

    result = run(
        Params(dataset="data", entity_type="region", metric="sales", covariates=["climate", "mix"]),
        ctx,
    )

    assert any("climate" in warning and "not adjusted" in warning for warning in result.warnings)
    assert result.adjusted_for == ["mix"]


def test_noise_alone_is_called_noise():
    rng = np.random.default_rng(8)
    ctx = context({"region": ["A", "B"] * 100, "sales": rng.normal(10, 5, 200).tolist()})

    result = gaps(ctx)

    assert any("may be chance" in warning for warning in result.warnings)
    assert result.total_opportunity_ci_lower == 0.0


def test_the_opportunity_has_an_interval_around_it():
    rng = np.random.default_rng(3)
    sales = np.concatenate([rng.normal(m, 1, 200) for m in (8, 10, 12)])
    ctx = context({"region": np.repeat(["A", "B", "C"], 200).tolist(), "sales": sales.tolist()})

    result = gaps(ctx)

    assert result.total_opportunity_ci_lower < result.total_opportunity < result.total_opportunity_ci_upper
    assert result.total_opportunity == pytest.approx(400.0, rel=0.15)


def test_rows_of_one_prescriber_are_not_independent():
    rng = np.random.default_rng(4)
    level = np.repeat(rng.normal(size=40), 25)
    columns = {
        "region": np.repeat(["A", "B"], 500).tolist(),
        "sales": (level + 0.1 * rng.normal(size=1000)).tolist(),
        "doctor": [f"d{i:02d}" for i in np.repeat(np.arange(40), 25)],
    }

    naive = by_entity(gaps(context(columns)))["A"].std_error
    clustered = by_entity(gaps(context(columns, roles={"doctor": "cluster"})))["A"].std_error

    assert clustered > 3 * naive


def test_names_by_the_thousand_are_no_case_mix(sample_context):
    with pytest.raises(UnprocessableError, match="too many to adjust for") as caught:
        run(
            Params(dataset="patients", entity_type="region", metric="age", covariates=["patient_id"]),
            sample_context,
        )
    assert caught.value.field == "covariates"


def test_few_numbers_can_be_segments_and_many_cannot():
    columns = {"decile": [1, 1, 2, 2, 3, 3], "sales": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "id": list(range(6))}
    ctx = context(columns)

    result = run(Params(dataset="data", entity_type="segment", group_by="decile", metric="sales", covariates=[]), ctx)

    assert sorted(by_entity(result)) == ["1", "2", "3"]


def test_too_many_numbers_are_refused():
    ctx = context({"score": [i / 7 for i in range(300)], "sales": [1.0] * 300})

    with pytest.raises(UnprocessableError, match="different numbers") as caught:
        run(Params(dataset="data", entity_type="segment", group_by="score", metric="sales"), ctx)
    assert caught.value.field == "group_by"


def test_segments_need_their_column():
    ctx = context(REGIONS, roles={"region": "segment"})

    with pytest.raises(UnprocessableError) as caught:
        run(Params(dataset="data", entity_type="segment", metric="sales"), ctx)
    assert caught.value.field == "group_by"
    assert caught.value.candidates == ("region",)


def test_a_data_set_without_territories_says_what_it_has():
    ctx = context(REGIONS, roles={"region": "segment"})

    with pytest.raises(UnknownColumnError) as caught:
        run(Params(dataset="data", entity_type="territory", metric="sales"), ctx)
    assert caught.value.candidates == ("region",)


def test_an_entity_column_is_found_by_its_synonym():
    ctx = context({"area_code": REGIONS["region"], "sales": REGIONS["sales"]}, synonyms={"area_code": ["Region"]})

    assert gaps(ctx).entity_column == "area_code"


def test_an_unknown_metric_names_candidates():
    with pytest.raises(UnknownColumnError) as caught:
        run(Params(dataset="data", entity_type="region", metric="salse"), context(REGIONS))
    assert "sales" in caught.value.candidates


def test_text_is_no_metric():
    with pytest.raises(UnprocessableError, match="cannot be summed"):
        run(Params(dataset="data", entity_type="region", metric="region"), context(REGIONS))


@pytest.mark.parametrize("params", [{"benchmark": "target"}, {"target": 3.0}])
def test_target_and_its_value_go_together(params):
    with pytest.raises(UnprocessableError) as caught:
        gaps(context(REGIONS), **params)
    assert caught.value.field == "target"


def test_rows_without_a_target_are_refused():
    ctx = context(REGIONS | {"goal": [None, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]})

    with pytest.raises(UnprocessableError, match="no 'goal'"):
        gaps(ctx, benchmark="target", target="goal")


def test_one_entity_has_no_gap():
    ctx = context({"region": ["A", "A"], "sales": [1.0, 2.0]})

    with pytest.raises(InsufficientDataError, match="two or more"):
        gaps(ctx)


def test_a_metric_that_never_varies_has_no_gaps_and_no_trouble():
    result = gaps(context({"region": ["A", "B"] * 5, "sales": [3.0] * 10}))

    assert result.total_opportunity == 0.0
    assert result.bottom_performers == []


def test_single_rows_have_no_error_and_no_interval():
    result = gaps(context({"region": ["A", "B", "C"], "sales": [1.0, 2.0, 6.0]}))

    assert all(gap.std_error is None for gap in result.gaps)
    assert result.total_opportunity_ci_lower is None
    assert any("no standard error" in warning for warning in result.warnings)


def test_a_rate_asks_for_its_size():
    ctx = context(REGIONS, units={"sales": "USD per doctor"})

    assert any("size_col" in warning for warning in gaps(ctx).warnings)


def test_a_limit_hides_entities_but_not_their_opportunity():
    result = gaps(context(REGIONS), limit=1)

    assert len(result.gaps) == 1
    assert result.entities == 4
    assert result.total_opportunity == 40.0
    assert any("3 more" in warning for warning in result.warnings)


def test_filters_are_applied_and_their_column_is_no_covariate(sample_context):
    params = Params(
        dataset="hcp_monthly", entity_type="region", metric="trx", filters=[Filter(column="brand", value="Kisqali")]
    )

    result = run(params, sample_context)

    assert result.n == 24_000
    assert "brand" not in result.adjusted_for
    assert "specialty" in result.adjusted_for


def test_on_the_sample_the_gaps_are_plain_arithmetic(sample, sample_context):
    frame = sample.tables["territories"]
    names, trx = frame.columns["territory_id"], frame.numbers("trx")
    target = frame.numbers("target_trx")
    value = {level: trx[names.codes == i].mean() for i, level in enumerate(names.levels)}
    goal = {level: target[names.codes == i].mean() for i, level in enumerate(names.levels)}

    result = run(Params(**TOOL.examples[0]), sample_context)

    assert len(result.gaps) == 40
    for gap in result.gaps:
        assert gap.gap == pytest.approx(goal[gap.entity] - value[gap.entity])
    shortfall = sum(max(goal[name] - value[name], 0.0) * 72 for name in value)
    assert result.total_opportunity == pytest.approx(shortfall)


def test_the_sample_region_that_prescribes_least_trails_also_after_adjustment(sample_context):
    result = run_tool("gap_calculator", TOOL.examples[1], sample_context)

    assert result["bottom_performers"][0]["entity"] == "West"
    assert result["top_performers"][0]["entity"] == "Northeast"


def test_prescribers_by_the_thousand_are_compared_in_one_go(sample_context):
    result = run(Params(dataset="hcp_monthly", entity_type="hcp", metric="trx", limit=2000), sample_context)

    assert result.entities == len(result.gaps) == 1000


def test_the_chart_shows_every_listed_entity(sample_context):
    output = run_tool("gap_calculator", TOOL.examples[2], sample_context)

    (chart,) = TOOL.charts(output)

    assert [row["label"] for row in chart["data"]["values"]] == [gap["entity"] for gap in output["gaps"]]
