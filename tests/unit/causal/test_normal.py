from __future__ import annotations

import math

import numpy as np
import pytest
from e2i_shared.causal.normal import (
    normal_cdf,
    normal_cdf_array,
    normal_pdf,
    normal_quantile,
    normal_sf,
    two_sided_p,
)
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

POINTS = [-38.0, -20.0, -8.3, -5.0, -1.959963984540054, -0.3, 0.0, 1e-9, 0.7, 2.5, 6.1, 12.0, 37.0]
PROBABILITIES = [1e-300, 1e-30, 1e-10, 0.001, 0.025, 0.3, 0.5, 0.6, 0.975, 0.999999, 1 - 1e-12]


@pytest.mark.parametrize("x", POINTS)
def test_the_distribution_agrees_with_scipy_in_both_tails(x):
    assert normal_cdf(x) == pytest.approx(stats.norm.cdf(x), rel=1e-12)
    assert normal_sf(x) == pytest.approx(stats.norm.sf(x), rel=1e-12)
    assert normal_pdf(x) == pytest.approx(stats.norm.pdf(x), rel=1e-12)
    assert two_sided_p(x) == pytest.approx(2 * stats.norm.sf(abs(x)), rel=1e-12)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_quantile_agrees_with_scipy(p):
    assert normal_quantile(p) == pytest.approx(stats.norm.ppf(p), rel=1e-12, abs=1e-12)


@given(st.floats(1e-12, 1 - 1e-12))
def test_the_quantile_inverts_the_distribution(p):
    assert normal_cdf(normal_quantile(p)) == pytest.approx(p, rel=1e-12)


@given(st.floats(-30, 30), st.floats(-30, 30))
def test_the_distribution_never_falls(a, b):
    low, high = sorted((a, b))
    assert normal_cdf(low) <= normal_cdf(high)


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, 1.1, math.nan])
def test_a_quantile_needs_a_probability_strictly_inside(p):
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        normal_quantile(p)


def test_arrays_give_what_numbers_give():
    x = np.array([[-3.0, 0.0], [1.5, 40.0]])

    values = normal_cdf_array(x)

    assert values.shape == (2, 2)
    assert values.dtype == np.float64
    assert values == pytest.approx(stats.norm.cdf(x), rel=1e-14)
