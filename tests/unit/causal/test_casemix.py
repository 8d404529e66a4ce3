from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.casemix import adjust, clustered_errors, group_means
from hypothesis import given, settings
from hypothesis import strategies as st


def ones(values):
    return np.ones(len(values))


def panel(seed=3, groups=6, rows=200, confounded=2.0):
    """Return y, codes, x and the true entity effects; entities differ in their covariate mix."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(groups), rows)
    x = rng.normal(size=(len(codes), 2)) + confounded * np.linspace(-1, 1, groups)[codes][:, None]
    truth = rng.normal(size=groups)
    return truth[codes] + x @ np.array([1.5, -0.7]) + 0.1 * rng.normal(size=len(codes)), codes, x, truth


def test_means_by_group_are_the_plain_ones():
    y, codes = np.array([1.0, 3.0, 10.0]), np.array([0, 0, 1])

    assert group_means(y, codes, 2, ones(y)) == pytest.approx([2.0, 10.0])
    assert group_means(y, codes, 2, np.array([3.0, 1.0, 5.0])) == pytest.approx([1.5, 10.0])


def test_adjusted_differences_are_the_entities_own_effects():
    y, codes, x, truth = panel()

    mix = adjust(y, codes, 6, x, ones(y))

    assert mix.slopes_from == "within"
    assert mix.values - mix.values.mean() == pytest.approx(truth - truth.mean(), abs=0.06)


def test_raw_differences_are_not():
    y, codes, _, truth = panel()
    raw = group_means(y, codes, 6, ones(y))

    assert np.abs((raw - raw.mean()) - (truth - truth.mean())).max() > 0.5


def test_slopes_across_entities_do_not_leak_in():
    codes = np.repeat(np.arange(4), 50)
    rng = np.random.default_rng(0)
    x = codes[:, None] + 0.1 * rng.normal(size=(200, 1))
    y = 5.0 * codes.astype(float)

    mix = adjust(y, codes, 4, x, ones(y))

    assert mix.values == pytest.approx([0.0, 5.0, 10.0, 15.0], abs=1e-9)


def test_without_covariates_nothing_is_adjusted():
    y, codes, x, _ = panel()

    mix = adjust(y, codes, 6, x[:, :0], ones(y))

    assert mix.values == pytest.approx(group_means(y, codes, 6, ones(y)))
    assert mix.used.shape == (0,)


def test_a_column_constant_within_entities_is_left_out():
    y, codes, x, _ = panel()
    fixed = np.column_stack([x, codes * 3.0])

    mix = adjust(y, codes, 6, fixed, ones(y))

    assert mix.used.tolist() == [True, True, False]
    assert mix.values == pytest.approx(adjust(y, codes, 6, x, ones(y)).values)


def test_columns_that_repeat_each_other_do_no_harm():
    y, codes, x, _ = panel()

    twice = adjust(y, codes, 6, np.column_stack([x, x]), ones(y))

    assert twice.values == pytest.approx(adjust(y, codes, 6, x, ones(y)).values, abs=1e-8)


def test_one_row_per_entity_falls_back_to_pooled_slopes():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 1))
    y = 2.0 * x[:, 0] + rng.normal(size=80)

    mix = adjust(y, np.arange(80), 80, x, ones(y))

    assert mix.slopes_from == "pooled"
    assert np.corrcoef(mix.values, x[:, 0])[0, 1] == pytest.approx(0.0, abs=1e-9)


def test_whole_weights_count_rows():
    y, codes, x, _ = panel(rows=20)
    times = np.random.default_rng(2).integers(1, 4, len(y))

    weighted = adjust(y, codes, 6, x, times.astype(float))
    repeated = adjust(
        np.repeat(y, times), np.repeat(codes, times), 6, np.repeat(x, times, axis=0), np.ones(times.sum())
    )

    assert weighted.values == pytest.approx(repeated.values, abs=1e-9)


@settings(max_examples=25)
@given(shift=st.floats(-100, 100), scale=st.floats(0.1, 50))
def test_units_of_the_outcome_carry_through(shift, scale):
    y, codes, x, _ = panel(rows=30)

    moved = adjust(shift + scale * y, codes, 6, x, ones(y))

    assert moved.values == pytest.approx(shift + scale * adjust(y, codes, 6, x, ones(y)).values, rel=1e-7, abs=1e-7)


@settings(max_examples=25)
@given(shift=st.floats(-1000, 1000))
def test_the_origin_of_a_covariate_does_not_matter(shift):
    y, codes, x, _ = panel(rows=30)

    moved = adjust(y, codes, 6, x + shift, ones(y))

    assert moved.values == pytest.approx(adjust(y, codes, 6, x, ones(y)).values, abs=1e-6)


def test_independent_rows_have_the_textbook_error():
    rng = np.random.default_rng(5)
    y, codes = rng.normal(size=300), np.repeat([0, 1, 2], 100)
    residuals = y - group_means(y, codes, 3, ones(y))[codes]

    errors = clustered_errors(residuals, codes, 3, ones(y))

    assert errors == pytest.approx([y[codes == k].std(ddof=1) / 10 for k in range(3)])


def test_rows_repeated_in_a_cluster_carry_no_information():
    rng = np.random.default_rng(6)
    y, codes = rng.normal(size=60), np.repeat([0, 1], 30)
    residuals = y - group_means(y, codes, 2, ones(y))[codes]
    once = clustered_errors(residuals, codes, 2, ones(y))

    five_times = clustered_errors(
        np.repeat(residuals, 5), np.repeat(codes, 5), 2, np.ones(300), np.repeat(np.arange(60), 5)
    )

    assert five_times == pytest.approx(once)


def test_a_single_cluster_has_no_error_to_estimate():
    errors = clustered_errors(np.array([1.0, -1.0, 0.5]), np.array([0, 0, 1]), 2, np.ones(3), np.array([4, 4, 9]))

    assert np.isinf(errors).all()


@pytest.mark.statistical
def test_clustered_errors_cover_the_truth():
    rng = np.random.default_rng(9)
    codes, clusters = np.repeat([0, 1], 400), np.repeat(np.arange(80), 10)
    hits = 0
    for _ in range(500):
        y = rng.normal(size=80)[clusters] + rng.normal(size=800)
        means = group_means(y, codes, 2, ones(y))
        errors = clustered_errors(y - means[codes], codes, 2, ones(y), clusters)
        hits += int((np.abs(means) < 1.96 * errors).sum())

    assert 0.92 < hits / 1000 < 0.97
