from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from builders_frames import context
from e2i_shared.errors import InsufficientDataError, UnknownValueError, UnprocessableError
from e2i_shared.tools._registry import run_tool
from e2i_shared.tools.distribution_comparator import TOOL, Params, Result, run
from scipy import stats

if TYPE_CHECKING:
    from e2i_shared.tools._registry import ToolContext

SIDE_A = {"filters": [{"column": "arm", "value": "a"}]}


def world(a: dict[str, list[Any]], b: dict[str, list[Any]], **more: Any) -> ToolContext:
    """Rows of arms a and b with the same columns."""
    n, m = (len(next(iter(side.values()))) for side in (a, b))
    return context({"arm": ["a"] * n + ["b"] * m, **{name: a[name] + b[name] for name in a}}, **more)


def compared(ctx: ToolContext, *columns: str, **params: Any) -> Result:
    return run(Params.model_validate({"dataset": "data", "columns": columns, "group_a": SIDE_A, **params}), ctx)


def normal(seed: int, n: int, mean: float = 0.0) -> list[float]:
    return np.random.default_rng(seed).normal(mean, 1.0, n).tolist()


def test_a_number_is_tested_as_scipy_does():
    a, b = normal(1, 80), normal(2, 120, 0.5)

    found = compared(world({"x": a}, {"x": b}), "x").test_results[0]
    theirs = stats.ks_2samp(a, b, method="exact")
    assert found.statistic == pytest.approx(theirs.statistic)
    assert found.p_value == pytest.approx(theirs.pvalue, rel=1e-8)
    assert found.effect_size == pytest.approx(2 * stats.mannwhitneyu(b, a).statistic / (80 * 120) - 1)
    assert float(found.largest_at) == pytest.approx(theirs.statistic_location, rel=1e-5)


def test_a_category_is_tested_as_scipy_does():
    a, b = ["p"] * 40 + ["q"] * 60, ["p"] * 60 + ["q"] * 90 + ["r"] * 50

    found = compared(world({"x": a}, {"x": b}), "x").test_results[0]
    theirs = stats.chi2_contingency([[40, 60, 0], [60, 90, 50]], correction=False)
    assert found.statistic == pytest.approx(theirs.statistic)
    assert found.p_value == pytest.approx(theirs.pvalue)
    assert found.largest_at == "r"


def test_shifts_are_found_among_columns_that_did_not_shift():
    a = {f"x{k}": normal(k, 300) for k in range(8)}
    b = {f"x{k}": normal(100 + k, 300, {2: 0.4, 5: 0.8}.get(k, 0.0)) for k in range(8)}

    result = compared(world(a, b), *a)
    assert result.significant_differences == ["x5", "x2"]
    assert result.test_results[5].standardised_difference == pytest.approx(0.8, abs=3 * np.sqrt(2 / 300))


def test_without_a_difference_any_alarm_is_rare():
    alarms = 0
    for seed in range(60):
        a = {f"x{k}": normal(1000 * seed + k, 60) for k in range(6)}
        b = {f"x{k}": normal(1000 * seed + 500 + k, 60) for k in range(6)}
        alarms += bool(compared(world(a, b), *a).significant_differences)

    assert alarms <= 60 * 0.05 + 3 * np.sqrt(60 * 0.05 * 0.95)


def test_rows_of_one_unit_do_not_pass_for_many():
    rng = np.random.default_rng(9)
    a, b = rng.normal(size=20).repeat(30).tolist(), rng.normal(size=20).repeat(30).tolist()
    units = [f"u{k}" for k in np.arange(40).repeat(30)]

    blind = compared(world({"x": a}, {"x": b}), "x").test_results[0]
    ctx = world({"x": a, "unit": units[:600]}, {"x": b, "unit": units[600:]}, roles={"unit": "cluster"})
    aware = compared(ctx, "x").test_results[0]
    assert blind.significant
    assert not aware.significant
    assert aware.design_effect == pytest.approx(30.0, rel=0.2)


def test_benjamini_and_hochberg_find_no_fewer_than_holm():
    a = {f"x{k}": normal(k, 200) for k in range(10)}
    b = {f"x{k}": normal(50 + k, 200, 0.3 if k < 5 else 0.0) for k in range(10)}
    ctx = world(a, b)

    holm, bh = compared(ctx, *a), compared(ctx, *a, adjust="bh")
    assert set(holm.significant_differences) <= set(bh.significant_differences)
    assert len(bh.significant_differences) > len(holm.significant_differences) - 1
    assert bh.adjustment == "bh"


def test_numbers_are_compared_over_tenths_where_only_chi_square_is_asked_for():
    found = compared(world({"x": normal(1, 200)}, {"x": normal(2, 200, 1.0)}), "x", tests=["chi2"]).test_results[0]

    assert (found.test, found.df) == ("chi2", 9)
    assert found.significant


def test_a_trifling_difference_of_many_rows_is_called_negligible():
    result = compared(world({"x": normal(1, 60_000)}, {"x": normal(2, 60_000, 0.05)}), "x")

    assert result.significant_differences == ["x"]
    assert result.test_results[0].magnitude == "negligible"
    assert any("negligible" in text for text in result.warnings)


def test_missing_values_are_left_out_and_said():
    ctx = world({"x": [*normal(1, 50), *[None] * 50]}, {"x": normal(2, 100)})

    result = compared(ctx, "x")
    assert (result.test_results[0].n_a, result.test_results[0].missing_a) == (50, 50)
    assert any("50.0% of a" in text for text in result.warnings)


def test_bars_add_up_to_one():
    bars = compared(world({"x": normal(1, 100)}, {"x": normal(2, 100)}), "x").visualization_data["x"]

    assert sum(bar.share_a for bar in bars) == pytest.approx(1.0)
    assert sum(bar.share_b for bar in bars) == pytest.approx(1.0)


def test_the_planted_drift_of_the_sample_is_the_largest_difference(sample_context):
    output = run_tool("distribution_comparator", TOOL.examples[0], sample_context)

    assert output["significant_differences"][0] == "digital_affinity"
    assert "specialty" not in output["significant_differences"]


def test_groups_of_common_rows_are_refused():
    with pytest.raises(UnprocessableError) as caught:
        compared(world({"x": normal(1, 20)}, {"x": normal(2, 20)}), "x", group_b=SIDE_A)
    assert caught.value.field == "group_b"
    assert "20 rows" in str(caught.value.got)


def test_an_empty_group_is_refused(sample_context):
    with pytest.raises(InsufficientDataError) as caught:
        run(
            Params.model_validate(
                {
                    "dataset": "hcp_monthly",
                    "columns": ["trx"],
                    "group_a": {"period": {"start": "2020-01", "end": "2020-02"}},
                }
            ),
            sample_context,
        )
    assert caught.value.field == "group_a"


def test_a_column_with_too_few_values_is_refused():
    with pytest.raises(InsufficientDataError) as caught:
        compared(world({"x": [1.0, None, None, None, None, None]}, {"x": normal(2, 6)}), "x")
    assert caught.value.field == "columns"
    assert "1 values" in str(caught.value.got)


def test_text_has_no_order_for_kolmogorov_and_smirnov():
    with pytest.raises(UnprocessableError) as caught:
        compared(world({"x": ["p", "q"] * 10}, {"x": ["p", "q"] * 10}), "x", tests=["ks"])
    assert caught.value.field == "tests"


def test_identifiers_are_refused(sample_context):
    with pytest.raises(UnprocessableError) as caught:
        run(Params.model_validate({**TOOL.examples[0], "columns": ["hcp_id"]}), sample_context)
    assert caught.value.field == "columns"


def test_a_group_that_says_nothing_is_refused(sample_context):
    with pytest.raises(UnprocessableError) as caught:
        run_tool("distribution_comparator", {**TOOL.examples[0], "group_a": {}}, sample_context)
    assert str(caught.value.field).startswith("group_a")


def test_a_value_nobody_holds_names_the_nearest(sample_context):
    with pytest.raises(UnknownValueError) as caught:
        run(
            Params.model_validate(
                {
                    "dataset": "patients",
                    "columns": ["age"],
                    "group_a": {"filters": [{"column": "brand", "value": "Kisquali"}]},
                }
            ),
            sample_context,
        )
    assert caught.value.candidates[0] == "Kisqali"
