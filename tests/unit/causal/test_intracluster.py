"""The intracluster correlation against a known truth and an outside value."""

from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.inference import intracluster_correlation


@pytest.mark.parametrize("truth", [0.0, 0.1, 0.5, 0.9])
def test_it_is_the_share_of_variance_between_clusters(truth):
    rng = np.random.default_rng(7)
    clusters = np.repeat(np.arange(400), 10)
    values = np.sqrt(truth) * rng.normal(size=400)[clusters] + np.sqrt(1 - truth) * rng.normal(size=4000)

    found = intracluster_correlation(values, clusters)

    assert found == pytest.approx(truth, abs=0.04)


def test_unequal_clusters_agree_with_the_anova_of_a_textbook_layout():
    clusters = np.array([0, 0, 1, 1, 1, 2, 2])
    values = np.array([1.0, 3.0, 6.0, 7.0, 8.0, 2.0, 4.0])
    means, sizes = np.array([2.0, 7.0, 3.0]), np.array([2, 3, 2])
    between = (sizes * (means - values.mean()) ** 2).sum() / 2
    within = (2 + 2 + 2) / 4
    adjusted = (7 - 17 / 7) / 2

    expected = (between - within) / (between + (adjusted - 1) * within)
    assert intracluster_correlation(values, clusters) == pytest.approx(expected)


def test_clusters_less_alike_than_chance_have_none():
    values = np.tile([0.0, 10.0], 50)

    assert intracluster_correlation(values, np.repeat(np.arange(50), 2)) == 0.0


def test_without_clusters_there_is_none():
    assert intracluster_correlation(np.arange(5.0), None) is None


def test_a_constant_outcome_has_no_correlation():
    assert intracluster_correlation(np.ones(6), np.array([0, 0, 1, 1, 2, 2])) == 0.0
