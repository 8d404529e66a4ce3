"""Figures of realism against known values, and worlds in which each must complain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders_twins import market, source_of
from e2i_shared.twins import realism
from e2i_shared.twins.rules import Rules
from e2i_shared.twins.table import Table, table_of
from scipy import stats

NO_RULES = Rules((), (), ())


def table(**columns: Any) -> Table:
    return table_of(source_of(columns, {})[1])


def test_kolmogorov_smirnov_is_scipys():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=400), rng.normal(0.3, 1, 300)
    statistic, p_value = realism.ks(x, y)

    assert statistic == pytest.approx(stats.ks_2samp(x, y).statistic)
    assert p_value == pytest.approx(stats.ks_2samp(x, y).pvalue, rel=0.15)


def test_chi_square_is_scipys():
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 4, 500).astype(float), rng.choice(4, 300, p=[0.4, 0.2, 0.2, 0.2]).astype(float)
    counts = np.array([np.bincount(v.astype(int)) for v in (x, y)])
    statistic, p_value, distance = realism.chi_square(x, y)

    assert (statistic, p_value) == pytest.approx(stats.chi2_contingency(counts, correction=False)[:2])
    assert distance == pytest.approx(0.5 * np.abs(counts[0] / 500 - counts[1] / 300).sum())


@pytest.mark.parametrize("category", [True, False])
def test_stability_is_small_for_the_same_and_large_for_another_distribution(category):
    rng = np.random.default_rng(3)
    x, same = (rng.integers(0, 6, 4_000).astype(float) for _ in range(2))
    other = np.minimum(rng.poisson(4, 4_000), 5).astype(float)

    assert realism.psi(x, same, category=category) < 0.02
    assert realism.psi(x, other, category=category) > 0.25


def test_trees_tell_apart_what_a_line_cannot():
    rng = np.random.default_rng(4)
    x = rng.normal(size=3_000)
    real, drawn = table(x=x, y=np.abs(x)), table(x=rng.permutation(x), y=np.abs(x))

    assert realism.c2st(real, drawn) > 0.9
    assert realism.column_realism("y", real.values("y"), drawn.values("y"), category=False).complement == 1


def test_trees_cannot_tell_halves_of_one_population():
    both = table_of(source_of(market(5, 4_000), {})[1])
    order = np.random.default_rng(5).permutation(4_000)

    assert realism.c2st(both.take(order[:2_000]), both.take(order[2_000:])) == pytest.approx(0.5, abs=0.04)


def test_correlation_lost_is_seen():
    rng = np.random.default_rng(6)
    x = rng.normal(size=2_000)
    real, drawn = table(x=x, y=x + 0.1 * rng.normal(size=2_000)), table(x=x, y=rng.permutation(x))

    assert realism.spearman_similarity(real, real) == 1
    assert realism.spearman_similarity(real, drawn) == pytest.approx(0.5, abs=0.05)


def test_copies_have_no_privacy():
    rng = np.random.default_rng(7)
    real = table(x=rng.normal(size=1_000), y=rng.normal(size=1_000))
    fresh = table(x=rng.normal(size=1_000), y=rng.normal(size=1_000))

    assert realism.privacy(real, real) == pytest.approx(0, abs=1e-4)
    assert realism.privacy(real, fresh) == pytest.approx(1, abs=0.25)
    found = realism.compare(real, real, NO_RULES, trees=False)
    assert found.copies == 1_000


def test_the_score_falls_with_realism():
    rng = np.random.default_rng(8)
    real = table(x=rng.normal(size=1_500), y=rng.normal(size=1_500))
    good = realism.compare(real, table(x=rng.normal(size=1_500), y=rng.normal(size=1_500)), NO_RULES)
    bad = realism.compare(real, table(x=rng.normal(3, 1, 1_500), y=rng.normal(size=1_500)), NO_RULES)

    assert good.score > 0.95
    assert bad.score < 0.7
    assert bad.figures()["columns"][0]["psi"] > 1
