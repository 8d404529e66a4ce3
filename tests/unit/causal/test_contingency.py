from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.contingency import homogeneity
from scipy import stats


def test_the_statistic_and_its_p_value_equal_scipys():
    a, b = np.array([40.0, 30.0, 30.0]), np.array([20.0, 50.0, 80.0])
    theirs = stats.chi2_contingency(np.array([a, b]), correction=False)

    ours = homogeneity(a, b, seed=1)
    assert ours.statistic == pytest.approx(theirs.statistic)
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    assert ours.df == 2
    assert ours.cramers_v == pytest.approx(stats.contingency.association(np.array([a, b], dtype=int)))
    assert ours.reference == "chi-square"


def test_sparse_tables_are_judged_by_drawn_tables_as_fisher_would():
    a, b = np.array([8.0, 2.0]), np.array([1.0, 5.0])

    ours = homogeneity(a, b, seed=1)
    assert ours.reference == "permutations"
    assert ours.p_value == pytest.approx(stats.fisher_exact([[8, 2], [1, 5]]).pvalue, abs=0.005)


def test_sparse_tables_do_not_raise_false_alarms():
    rng = np.random.default_rng(4)
    shares = np.r_[0.9, np.full(20, 0.005)]
    p = []
    for seed in range(150):
        a, b = (rng.multinomial(60, shares).astype(float) for _ in range(2))
        p.append(homogeneity(a, b, seed=seed).p_value)

    assert np.mean(np.array(p) < 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)


def test_a_design_effect_divides_the_statistic():
    a, b = np.array([400.0, 300.0]), np.array([300.0, 400.0])

    plain, widened = homogeneity(a, b, seed=1), homogeneity(a, b, seed=1, design_effect=4.0)
    assert widened.statistic == pytest.approx(plain.statistic / 4.0)
    assert widened.cramers_v == plain.cramers_v
    assert widened.p_value > plain.p_value


def test_sparse_cells_of_dependent_rows_are_drawn_from_effective_counts():
    found = homogeneity(np.array([20.0, 20.0]), np.array([22.0, 18.0]), seed=1, design_effect=10.0)

    assert found.reference == "permutations"
    assert found.p_value == 1.0


def test_effective_counts_that_vanish_are_no_evidence():
    assert homogeneity(np.array([3.0, 0.0]), np.array([0.0, 3.0]), seed=1, design_effect=100.0).p_value == 1.0


def test_one_category_cannot_differ():
    found = homogeneity(np.array([5.0, 0.0]), np.array([9.0, 0.0]), seed=1)

    assert (found.statistic, found.p_value, found.cramers_v) == (0.0, 1.0, 0.0)
