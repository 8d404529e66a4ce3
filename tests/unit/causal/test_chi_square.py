from __future__ import annotations

import math

import numpy as np
import pytest
from e2i_shared.causal.chi_square import chi2_quantile, chi2_sf, gamma_q
from scipy import special, stats

DEGREES = [1.0, 2.0, 3.0, 9.0, 19.0, 50.0, 500.0, 5000.0]


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("p", [1e-6, 0.001, 0.05, 0.5, 0.95, 0.99, 0.999999])
def test_quantiles_equal_scipys(df, p):
    assert chi2_quantile(p, df) == pytest.approx(stats.chi2.ppf(p, df), rel=1e-10)


@pytest.mark.parametrize("df", DEGREES)
def test_tails_equal_scipys_far_out_too(df):
    for x in np.array([0.01, 0.5, 1.0, 1.5, 4.0]) * df:
        assert chi2_sf(x, df) == pytest.approx(stats.chi2.sf(x, df), rel=1e-9, abs=1e-300)


def test_the_table_every_textbook_prints():
    assert chi2_quantile(0.95, 1) == pytest.approx(3.841458820694124)
    assert chi2_quantile(0.95, 9) == pytest.approx(16.918977604620448)


def test_two_degrees_of_freedom_are_an_exponential():
    assert chi2_sf(3.0, 2) == pytest.approx(math.exp(-1.5), rel=1e-14)
    assert chi2_quantile(0.3, 2) == pytest.approx(-2.0 * math.log(0.7), rel=1e-12)


@pytest.mark.parametrize(("a", "x"), [(0.5, 0.1), (0.5, 30.0), (10.0, 5.0), (10.0, 30.0), (1000.0, 990.0)])
def test_the_incomplete_gamma_function_equals_scipys(a, x):
    assert gamma_q(a, x) == pytest.approx(special.gammaincc(a, x), rel=1e-10)


def test_everything_lies_above_zero():
    assert gamma_q(2.0, 0.0) == 1.0


@pytest.mark.parametrize(("p", "df"), [(0.0, 3.0), (1.0, 3.0), (0.5, 0.0)])
def test_impossible_arguments_are_refused(p, df):
    with pytest.raises(ValueError, match="needed"):
        chi2_quantile(p, df)
