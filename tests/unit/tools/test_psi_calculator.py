from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from builders_frames import context
from e2i_shared.errors import InsufficientDataError, UnknownColumnError, UnprocessableError
from e2i_shared.tools.psi_calculator import TOOL, Params, Result, run

if TYPE_CHECKING:
    from e2i_shared.tools._registry import ToolContext

BEFORE, AFTER = {"start": "2026-01", "end": "2026-02"}, {"start": "2026-02", "end": "2026-03"}


def world(before: list[Any], after: list[Any], **more: Any) -> ToolContext:
    """Two months of one column ``x``."""
    months = ["2026-01-01"] * len(before) + ["2026-02-01"] * len(after)
    return context({"month": months, "x": [*before, *after], **more}, roles={"month": "time", "x": "covariate"})


def psi(ctx: ToolContext, **params: Any) -> Result:
    return run(Params.model_validate({"dataset": "data", "feature_name": "x", **params}), ctx)


def normal(seed: int, n: int, mean: float = 0.0) -> list[float]:
    return np.random.default_rng(seed).normal(mean, 1.0, n).tolist()


def test_the_index_of_two_categories_is_the_formula():
    result = psi(world(["a"] * 60 + ["b"] * 40, ["a"] * 30 + ["b"] * 70))

    p, q = np.array([60.5, 40.5]) / 101, np.array([30.5, 70.5]) / 101
    assert math.isclose(result.psi_value, float(((q - p) * np.log(q / p)).sum()))
    assert math.isclose(result.psi_value, sum(b.contribution for b in result.bin_contributions))
    assert math.isclose(result.threshold, 0.02 * 3.841458820694124)
    assert result.drift_severity == "severe"


def test_a_shift_of_one_half_standard_deviation_is_found():
    result = psi(world(normal(1, 4000), normal(2, 4000, 0.5)))

    assert result.psi_value == pytest.approx(0.25, abs=0.04)  # δ² for two normals, less what binning loses
    assert result.drift_severity in {"moderate", "severe"}
    assert result.reference_mean == pytest.approx(0.0, abs=0.05)
    assert result.comparison_mean == pytest.approx(0.5, abs=0.05)


def test_a_hundred_rows_without_drift_are_no_drift_although_the_index_passes_a_tenth():
    found = [psi(world(normal(seed, 100), normal(1000 + seed, 100))) for seed in range(60)]

    assert sum(r.psi_value > 0.1 for r in found) > 40
    assert sum(r.drift_severity != "none" for r in found) <= 8  # 5% of 60 and two standard errors and a half
    assert all("cannot be told" in r.warnings[0] for r in found)


def test_bins_hold_equal_shares_of_the_reference():
    result = psi(world(normal(3, 1000), normal(4, 500)), bins=5)

    assert [b.reference_n for b in result.bin_contributions] == [200] * 5
    assert sum(b.comparison_n for b in result.bin_contributions) == 500


def test_a_number_with_few_values_has_a_bin_for_each():
    result = psi(world([0, 1, 2] * 20, [0, 1, 1] * 20))

    assert [b.reference_n for b in result.bin_contributions] == [20, 20, 20]
    assert [b.comparison_n for b in result.bin_contributions] == [20, 40, 0]


def test_missing_values_are_a_bin_and_are_warned_about():
    result = psi(world(normal(5, 200), [*normal(6, 150), *[None] * 50]))

    assert result.largest_contribution == "(missing)"
    assert result.comparison_missing_share == 0.25
    assert any("broken feed" in text for text in result.warnings)


def test_a_category_the_reference_lacks_is_new():
    result = psi(world(["a", "b"] * 50, ["a", "b", "c", "c"] * 25))

    new = [b for b in result.bin_contributions if b.new]
    assert [b.bin for b in new] == ["c"]
    assert result.largest_contribution == "c"


def test_the_rarest_of_many_categories_share_a_bin():
    names = [f"v{k:03d}" for k in range(80)]

    result = psi(world(names * 3, names * 2))

    assert len(result.bin_contributions) == 51
    assert result.bin_contributions[-1].bin == "(other)"


def test_rows_of_one_unit_widen_what_chance_gives():
    rng = np.random.default_rng(7)
    before, after = rng.normal(size=40).repeat(10).tolist(), rng.normal(size=40).repeat(10).tolist()
    units = [f"u{k}" for k in np.arange(80).repeat(10)]
    ctx = context(
        {"month": ["2026-01-01"] * 400 + ["2026-02-01"] * 400, "x": [*before, *after], "unit": units},
        roles={"month": "time", "unit": "cluster", "x": "covariate"},
    )

    result = psi(ctx)

    assert result.design_effect == pytest.approx(10.0, rel=0.15)
    assert psi(world(before, after)).drift_severity != "none"
    assert result.drift_severity == "none"


def test_the_planted_drift_of_the_sample_is_severe(sample_context, sample):
    drift = next(event for event in sample.truth["planted"] if event["kind"] == "drift")

    result = run(Params.model_validate({**TOOL.examples[0], "feature_name": drift["column"]}), sample_context)

    assert result.drift_severity == "severe"
    assert result.comparison_mean > result.reference_mean


@pytest.mark.parametrize("column", ["practice_size", "years_in_practice", "decile", "specialty", "academic"])
def test_columns_of_the_sample_that_did_not_drift_show_none(column, sample_context):
    result = run(Params.model_validate({**TOOL.examples[0], "feature_name": column}), sample_context)

    assert result.drift_severity == "none"


def test_left_out_periods_are_the_last_month_and_all_before():
    months = ["2026-01-01"] * 50 + ["2026-02-01"] * 50 + ["2026-03-01"] * 50

    result = psi(context({"month": months, "x": [1.0, 2.0] * 75}, roles={"month": "time", "x": "covariate"}))

    assert (result.reference_n, result.comparison_n) == (100, 50)
    assert result.comparison_period.start == "2026-03-01"


def test_a_constant_column_does_not_drift_and_says_so():
    result = psi(world([1.0] * 50, [1.0] * 50))

    assert result.psi_value == 0.0
    assert result.drift_severity == "none"
    assert any("does not vary" in text for text in result.warnings)


def test_periods_that_overlap_are_refused():
    with pytest.raises(UnprocessableError) as caught:
        psi(
            world([1.0] * 50, [1.0] * 50),
            reference_period={"start": "2026-01", "end": "2026-03"},
            comparison_period=AFTER,
        )
    assert caught.value.field == "reference_period"


def test_a_period_with_too_few_rows_is_refused():
    with pytest.raises(InsufficientDataError) as caught:
        psi(world([1.0] * 50, [1.0] * 10))
    assert caught.value.field == "comparison_period"
    assert caught.value.got == "10 rows"


def test_nothing_before_the_first_month_to_compare_with_is_refused():
    with pytest.raises(InsufficientDataError) as caught:
        psi(world([1.0] * 50, [1.0] * 50), comparison_period=BEFORE)
    assert caught.value.field == "reference_period"


def test_identifiers_and_dates_are_refused(sample_context):
    for name in ("hcp_id", "month"):
        with pytest.raises(UnprocessableError) as caught:
            run(Params(dataset="hcp_monthly", feature_name=name), sample_context)
        assert caught.value.field == "feature_name"


def test_a_data_set_without_dates_is_refused(sample_context):
    with pytest.raises(UnprocessableError) as caught:
        run(Params(dataset="patients", feature_name="age"), sample_context)
    assert caught.value.field == "comparison_period"


def test_an_unknown_column_names_the_nearest(sample_context):
    with pytest.raises(UnknownColumnError) as caught:
        run(Params(dataset="hcp_monthly", feature_name="digital_afinity"), sample_context)
    assert caught.value.candidates[0] == "digital_affinity"
