from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.clustered_counts import design_effect
from e2i_shared.causal.stability import bin_numbers, population_stability, quantile_edges, severity


def false_alarms(n: int, repeats: int, draws: int = 400) -> float:
    """Share of draws without drift whose index passes its threshold; n units a side, each repeated."""
    passed = 0
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        values = rng.normal(size=2 * n).repeat(repeats)
        second = np.arange(len(values)) >= n * repeats
        bins = bin_numbers(values, quantile_edges(values[~second], 10))
        counts = [np.bincount(bins[rows], minlength=bins.max() + 1).astype(float) for rows in (~second, second)]
        widening = design_effect(bins, second, np.arange(2 * n).repeat(repeats)) if repeats > 1 else 1.0
        found = population_stability(*counts, design_effect=widening)
        passed += found.psi > found.threshold
    return passed / draws


@pytest.mark.parametrize(("n", "repeats"), [(100, 1), (500, 1), (100, 5)])
def test_chance_passes_the_threshold_in_about_one_case_of_twenty(n, repeats):
    assert 0.01 <= false_alarms(n, repeats) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_repeating_rows_without_saying_so_raises_false_alarms():
    values = np.random.default_rng(5).normal(size=200).repeat(5)
    second = np.arange(1000) >= 500
    bins = bin_numbers(values, quantile_edges(values[~second], 10))

    assert design_effect(bins, second, np.arange(200).repeat(5)) == pytest.approx(5.0, rel=0.1)
    assert design_effect(bins, second, np.arange(1000)) == pytest.approx(1.0, abs=0.05)


def test_units_present_in_both_groups_cancel():
    values = np.random.default_rng(6).normal(size=200)
    bins = bin_numbers(np.tile(values, 2), quantile_edges(values, 10))

    assert design_effect(bins, np.arange(400) >= 200, np.tile(np.arange(200), 2)) == 1.0  # 0 in truth: never below 1


def test_one_group_alone_has_no_design_effect():
    assert design_effect(np.zeros(10, dtype=np.intp), np.zeros(10, dtype=bool), np.arange(10)) == 1.0


def test_the_index_is_symmetric_and_zero_for_equal_shares():
    a, b = np.array([100.0, 200.0, 300.0]), np.array([150.0, 150.0, 300.0])

    assert population_stability(a, b).psi == pytest.approx(population_stability(b, a).psi)
    assert population_stability(a, a).psi == 0.0


def test_an_empty_bin_is_rare_rather_than_impossible():
    found = population_stability(np.array([100.0, 0.0]), np.array([50.0, 50.0]))

    assert np.isfinite(found.psi)
    assert found.severity == "severe"


@pytest.mark.parametrize(
    ("psi", "threshold", "expected"),
    [(0.05, 0.0, "none"), (0.1, 0.0, "minor"), (0.2, 0.0, "moderate"), (0.25, 0.0, "severe"), (0.3, 0.31, "none")],
)
def test_severity_needs_size_and_more_than_chance(psi, threshold, expected):
    assert severity(psi, threshold) == expected


def test_edges_of_repeated_values_are_not_repeated():
    values = np.array([0.0] * 70 + list(range(1, 31)))

    edges = quantile_edges(values, 10)
    assert edges[0] == 0.0
    assert (np.diff(edges) > 0).all()
    assert np.bincount(bin_numbers(values, edges))[0] == 70


def test_a_long_column_of_few_values_has_a_bin_for_each():
    values = np.random.default_rng(1).integers(0, 4, 20_000).astype(float)

    assert quantile_edges(values, 10).tolist() == [0.5, 1.5, 2.5]


def test_a_long_column_with_rare_values_is_cut_by_shares():
    values = np.concatenate([np.zeros(50_000), np.arange(20.0)])

    assert len(quantile_edges(values, 10)) <= 9


def test_nothing_to_cut_has_no_edges_and_missing_has_no_bin():
    assert quantile_edges(np.empty(0), 10).size == 0
    assert bin_numbers(np.array([np.nan, 1.0]), np.array([0.0])).tolist() == [-1, 1]
