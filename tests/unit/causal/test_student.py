from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.student import composite_legendre, noncentral_t_sf, t_cdf, t_pdf, t_quantile, t_sf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

DEGREES = [1.0, 1.5, 2.0, 4.0, 7.3, 30.0, 49.9, 50.1, 120.0, 1e4, 1e6]


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("t", [0.0, 0.01, 0.8, 1.96, 4.0, 12.0])
def test_the_distribution_agrees_with_scipy(t, df):
    assert t_sf(t, df) == pytest.approx(stats.t.sf(t, df), rel=1e-11)
    assert t_cdf(t, df) == pytest.approx(stats.t.cdf(t, df), rel=1e-11)
    assert t_pdf(t, df) == pytest.approx(stats.t.pdf(t, df), rel=1e-10)


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("p", [1e-9, 0.001, 0.025, 0.4, 0.5, 0.7, 0.9995])
def test_the_quantile_agrees_with_scipy(p, df):
    assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("df", [2.0, 5.0, 18.0, 62.5, 400.0, 1e5])
@pytest.mark.parametrize("delta", [0.0, 0.7, 2.8, 6.0])
@pytest.mark.parametrize("t", [-2.1, 0.5, 1.97, 4.3])
def test_the_noncentral_tail_agrees_with_scipy(t, df, delta):
    assert noncentral_t_sf(t, df, delta) == pytest.approx(stats.nct.sf(t, df, delta), abs=1e-11)


def test_without_noncentrality_it_is_students_t():
    assert noncentral_t_sf(1.7, 11.0, 0.0) == pytest.approx(t_sf(1.7, 11.0), abs=1e-13)


def test_many_degrees_of_freedom_give_the_normal():
    assert t_quantile(0.975, 1e8) == pytest.approx(stats.norm.ppf(0.975), abs=1e-7)


@settings(max_examples=50)
@given(st.floats(0.0, 30.0), st.floats(1.0, 5000.0))
def test_both_tails_sum_to_one(t, df):
    assert t_sf(t, df) + t_sf(-t, df) == pytest.approx(1.0, abs=1e-14)


@settings(max_examples=50)
@given(st.floats(1e-6, 1 - 1e-6), st.floats(1.0, 5000.0))
def test_the_quantile_inverts_the_distribution(p, df):
    assert t_cdf(t_quantile(p, df), df) == pytest.approx(p, rel=1e-9)


def test_the_quantile_is_odd_about_one_half():
    assert t_quantile(0.1, 9.0) == pytest.approx(-t_quantile(0.9, 9.0), rel=1e-14)
    assert t_quantile(0.5, 9.0) == 0.0


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_a_quantile_needs_a_probability_strictly_inside(p):
    with pytest.raises(ValueError, match="strictly between"):
        t_quantile(p, 5.0)


def test_the_quadrature_rule_integrates_a_smooth_function_exactly():
    nodes, weights = composite_legendre(8, 16)

    assert weights.sum() == pytest.approx(1.0, abs=1e-14)
    assert weights @ np.exp(3 * nodes) == pytest.approx(integrate.quad(lambda x: np.exp(3 * x), 0, 1)[0], rel=1e-13)
