"""Several effects side by side: simultaneous intervals, adjusted p-values, and which ranks each may have."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.inference import cluster_sums, simultaneous

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Ranks 1 … K of K effects, largest magnitude first, each between ``best`` and ``worst``; all (K,).

    ``p_adjusted`` (K,) are adjusted for all of them; ``critical`` is the value of their simultaneous intervals.
    """

    p_adjusted: Floats
    critical: float
    rank: Codes
    best: Codes
    worst: Codes


def rank(
    scores: Floats,
    effects: Floats,
    errors: Floats,
    scale: Floats,
    clusters: Codes | None,
    *,
    seed: int = 0,
    level: float = 0.95,
) -> Ranking:
    """Rank K effects by |effect·scale|, with intervals for the ranks that hold for all at once with probability ``level``.

    Estimand: the rank of |θ_k·s_k| among K effects estimated on the same units. Assumes asymptotically normal estimates whose
    influence functions are the centred ``scores``. p-values and intervals: max-|t| over the K effects. A rank's best value is
    1 + #{j : |θ_j·s_j| is larger beyond doubt}, its worst K − #{j : smaller beyond doubt}, where beyond doubt means that the max-|t|
    simultaneous interval of the K(K−1)/2 differences leaves out 0.

    Parameters
    ----------
    scores
        (n, K) influence-function scores, each column's mean near its effect.
    effects, errors, scale
        (K,) estimates, their standard errors and the positive factors that make them comparable.
    clusters
        (n,) codes, or None where rows are independent.

    Sources: Montiel Olea & Plagborg-Møller (2019) J Appl Econometrics 34:1; Klein, Wright & Wieczorek (2020) JRSS A 183:589;
    Mogstad, Romano, Shaikh & Wilhelm (2024) Rev Econ Stud 91:476.
    """
    influence = _influence(scores, clusters)
    df, count = len(influence) - 1, len(effects)
    critical, largest = simultaneous(influence, df=df, level=level, seed=seed)
    magnitude = np.abs(effects) * scale
    order = np.argsort(-magnitude, kind="stable")
    ranks = np.empty(count, dtype=np.intp)
    ranks[order] = np.arange(1, count + 1)
    larger = _beyond_doubt(influence * np.sign(effects) * scale, magnitude, errors * scale, df, seed, level)
    return Ranking(
        p_adjusted=np.array([(largest >= abs(t)).mean() for t in effects / errors]),
        critical=critical,
        rank=ranks,
        best=1 + larger.sum(axis=0),
        worst=count - larger.sum(axis=1),
    )


def _influence(scores: Floats, clusters: Codes | None) -> Floats:
    """Return the contributions (G, K) of independent units, whose sums of squares are the variances of the means."""
    sums = cluster_sums(scores - scores.mean(axis=0), clusters)
    units = len(sums)
    return np.asarray(sums / len(scores) * np.sqrt(units / (units - 1)))


def _beyond_doubt(
    influence: Floats, magnitude: Floats, errors: Floats, df: int, seed: int, level: float
) -> NDArray[np.bool_]:
    """Return (K, K): row j is larger than column k in magnitude, at simultaneous confidence ``level``."""
    count = len(magnitude)
    found = np.zeros((count, count), dtype=np.bool_)
    pairs = list(itertools.combinations(range(count), 2))
    if not pairs:
        return found
    differences = np.column_stack([influence[:, j] - influence[:, k] for j, k in pairs])
    critical, _ = simultaneous(differences, df=df, level=level, seed=seed + 1)
    plain = np.sqrt((influence**2).sum(axis=0))
    extra = np.maximum(errors**2 - plain**2, 0.0)  # what the reported errors hold beyond the scores
    for (j, k), spread in zip(pairs, np.sqrt((differences**2).sum(axis=0)), strict=True):
        half = critical * np.sqrt(spread**2 + extra[j] + extra[k])
        found[j, k] = magnitude[j] - magnitude[k] > half
        found[k, j] = magnitude[k] - magnitude[j] > half
    return found
