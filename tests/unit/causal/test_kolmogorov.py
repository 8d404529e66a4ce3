from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.kolmogorov import kolmogorov_sf, two_sample_gap, two_sample_p
from scipy import special, stats

SIZES = [(5, 7), (30, 40), (200, 300), (1, 9), (2000, 1500)]


def samples(n: int, m: int, *, rounded: bool = False, seed: int = 0):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n), rng.normal(0.3, 1.2, size=m)
    return tuple(np.sort(x.round() if rounded else x) for x in (a, b))


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_the_distance_and_its_sign_equal_scipys(n, m, rounded):
    a, b = samples(n, m, rounded=rounded)
    ours, theirs = two_sample_gap(a, b), stats.ks_2samp(a, b, method="asymp")

    assert ours.distance == pytest.approx(theirs.statistic, abs=1e-12)
    assert abs(ours.signed) == ours.distance
    assert np.sign(ours.signed) == theirs.statistic_sign


@pytest.mark.parametrize("rounded", [False, True])
def test_the_auc_is_mann_and_whitneys(rounded):
    a, b = samples(50, 70, rounded=rounded)

    assert two_sample_gap(a, b).auc == pytest.approx(stats.mannwhitneyu(b, a).statistic / (50 * 70), abs=1e-12)


@pytest.mark.parametrize(("n", "m"), [(5, 7), (30, 40), (200, 300), (10, 10)])
def test_small_samples_have_exact_p_values(n, m):
    for distance in np.linspace(0.05, 0.95, 10):
        steps = np.ceil(distance * n * m - 1e-9)  # scipy counts paths at multiples of 1/lcm
        theirs = stats.ks_2samp(*_with_gap(n, m, steps / (n * m)), method="exact")
        assert two_sample_p(theirs.statistic, n, m) == pytest.approx(theirs.pvalue, rel=1e-8)


def _with_gap(n: int, m: int, distance: float) -> tuple[np.ndarray, np.ndarray]:
    """Two samples whose distance is close above ``distance``: the first of A below all of B."""
    k = min(n, int(np.ceil(distance * n)))
    return np.concatenate([np.arange(k) - 1000.0, 1000.0 + np.arange(n - k)]), np.arange(m) * 1.0


@pytest.mark.parametrize(("n", "m"), [(600, 900), (5000, 4000), (100_000, 300_000)])
def test_large_samples_agree_with_scipys_finite_distribution(n, m):
    size = n * m / (n + m)
    for root in (0.4, 0.8, 1.2, 1.6, 2.5):
        expected = stats.kstwo.sf(root / np.sqrt(size), round(size))
        assert two_sample_p(root / np.sqrt(size), n, m) == pytest.approx(expected, rel=5e-3, abs=2e-5)


def test_kolmogorovs_limit_equals_scipys():
    for x in (0.2, 0.5, 0.99, 1.0, 1.36, 2.0, 4.0):
        assert kolmogorov_sf(x) == pytest.approx(special.kolmogorov(x), rel=1e-9, abs=1e-14)


def test_no_distance_is_no_evidence():
    a, _ = samples(20, 20)

    assert two_sample_gap(a, a).distance == 0.0
    assert two_sample_p(0.0, 20, 20) == 1.0
    assert kolmogorov_sf(0.0) == 1.0


def test_a_design_effect_weakens_the_evidence():
    assert two_sample_p(0.1, 1000, 1000, design_effect=4.0) == pytest.approx(
        two_sample_p(0.1, 250, 250, design_effect=1.0 + 1e-12), rel=0.01
    )


def test_p_values_of_equal_distributions_are_uniform_enough():
    rng = np.random.default_rng(3)
    p = []
    for _ in range(200):
        a, b = np.sort(rng.normal(size=400)), np.sort(rng.normal(size=600))
        p.append(two_sample_p(two_sample_gap(a, b).distance, 400, 600))

    assert 0.01 <= np.mean(np.array(p) < 0.05) <= 0.1
