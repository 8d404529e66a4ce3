"""The sample's truth is the truth: an estimator that knows the propensities finds it, over many seeds, within its own error.

The oracle is inverse-propensity weighting with the designed propensities (Horvitz and Thompson 1952), and for counts the weighted
regression of the outcome on the residual dose; both use nothing of the outcome model.
"""

from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.api.common import Filter
from e2i_shared.datasets.pharma import design
from e2i_shared.datasets.sample import generate

pytestmark = pytest.mark.statistical
DRAWS = 40
LEVERS = [lever for lever in design.LEVERS if lever != design.BROKEN_COLUMN]


def designed_level(lever: design.Lever, frame) -> np.ndarray:
    affinity = design.AFFINITY[frame.columns["brand"].codes, frame.columns["specialty"].codes]
    return (
        lever.base
        + lever.affinity * affinity
        + lever.decile * (frame.numbers("decile") - 5.5)
        + lever.baseline * (frame.numbers("trx_baseline") - 5.0)
        + lever.digital * (frame.numbers("digital_affinity") - 0.5)
        + lever.academic * frame.numbers("academic")
        + lever.season * (frame.numbers("season") - 1.0)
        + np.array(lever.region)[frame.columns["region"].codes]
    )


def clustered(scores: np.ndarray, clusters: np.ndarray) -> tuple[float, float]:
    """Return the mean of scores (n,) and its standard error over clusters (n,)."""
    mean = scores.mean()
    sums = np.bincount(clusters, scores - mean)
    return float(mean), float(np.sqrt((sums**2).sum()) / len(scores))


def oracle(frame, name: str, outcome: str) -> np.ndarray:
    """Return unbiased scores (n,) of the average effect of one unit, given the designed propensities or dose means."""
    lever = design.LEVERS[name]
    level = designed_level(lever, frame)
    dose, measured = frame.numbers(name), frame.numbers(outcome)
    measured = measured - 0.75 * frame.numbers("trx_baseline")  # any function of the features may be taken off
    if lever.count:
        mean = np.clip(level, 0.35, 7.0)
        return (dose - mean) * measured / mean  # a Poisson dose has its mean as its variance
    share = 1 / (1 + np.exp(-np.clip(level, -3.2, 2.2)))
    return measured * (dose - share) / (share * (1 - share))


def distances_of(sample) -> dict[str, float]:
    """Return (estimate - truth) / error of each lever on Remibrutinib's TRx, and of nurse support on discontinuation."""
    filters = [Filter(column="brand", value="Remibrutinib")]
    frame = sample.source().read("hcp_monthly", list(sample.tables["hcp_monthly"].columns), filters)
    found = {}
    for lever in LEVERS:
        estimate, error = clustered(oracle(frame, lever, "trx"), frame.columns["hcp_id"].codes)
        found[lever] = (estimate - sample.truth_for(lever, "trx", filters).effect) / error
    people = sample.tables["patients"]
    commercial = people.columns["payer"].codes == 0
    level = -0.9 + 0.35 * people.numbers("comorbidities") + 0.02 * (people.numbers("age") - 50) - 0.2 * commercial
    share = 1 / (1 + np.exp(-np.clip(level, -2.8, 2.8)))
    treated, stopped = people.numbers("nurse_support"), people.numbers("discontinued_90d") - 0.27
    estimate, error = clustered(stopped * (treated - share) / (share * (1 - share)), np.arange(people.n))
    found["nurse_support"] = (estimate - sample.truth_for("nurse_support", "discontinued_90d").effect) / error
    return found


@pytest.fixture(scope="module")
def draws():
    """Draw the sample for many seeds; keep the distances and the planted drop of each."""
    samples = (generate(seed) for seed in range(DRAWS))
    return [(distances_of(sample), sample.truth["planted"][0]) for sample in samples]


@pytest.mark.parametrize("lever", [*LEVERS, "nurse_support"])
def test_an_oracle_finds_the_truth_within_its_error_over_many_seeds(draws, lever):
    found = np.array([distances[lever] for distances, _ in draws])

    assert abs(found.mean()) < 3 / np.sqrt(DRAWS), found.mean()
    assert np.mean(np.abs(found) < 1.96) >= 0.85
    assert np.abs(found).max() < 4


def test_the_planted_drop_is_explained_by_the_cut_at_every_seed(draws):
    for _, drop in draws:
        assert -0.25 < drop["change_share"] < -0.08
        assert drop["caused_by_cut"] == pytest.approx(drop["change"], abs=0.35)
