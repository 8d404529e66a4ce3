"""Means of scores with standard errors, plain or robust to clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.results import Inference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

DRAWS = 10_000
EXTRAPOLATE = 0.25


def cluster_sums(values: Floats, clusters: Codes | None) -> Floats:
    """Return ``values`` (n,) or (n, k) summed within clusters, (G,) or (G, k); unchanged without clusters."""
    if clusters is None:
        return values
    order = np.argsort(clusters, kind="stable")
    starts = np.flatnonzero(np.diff(clusters[order], prepend=-1))
    return np.asarray(np.add.reduceat(values[order], starts, axis=0))


def infer_mean(scores: Floats, clusters: Codes | None = None, *, level: float = 0.95, parameters: int = 0) -> Inference:
    """Return the mean of influence-function scores with its t interval.

    Parameters
    ----------
    scores
        (n,) in units of the effect; their mean is the estimate.
    clusters
        (n,) codes 0 … G−1; the variance then sums influence within clusters (Liang & Zeger 1986) with the factor G/(G−1).
    level
        Coverage of the interval.
    parameters
        Coefficients fitted on the same units, for the factor n/(n−parameters).

    Returns
    -------
    Inference
        Degrees of freedom are units (or clusters) less one.
    """
    n = len(scores)
    estimate = float(scores.mean())
    sums = cluster_sums(scores - estimate, clusters)
    units = len(sums)
    variance = float((sums**2).sum()) / n**2 * units / max(units - 1, 1) * n / max(n - parameters, 1)
    return interval(estimate, float(np.sqrt(variance)), max(units - 1, 1), level)


def interval(estimate: float, std_error: float, df: int, level: float = 0.95) -> Inference:
    """Return the two-sided t interval and p-value of an estimate with ``df`` degrees of freedom."""
    from scipy.special import stdtr, stdtrit

    half = float(stdtrit(df, 0.5 + level / 2)) * std_error
    p_value = float(2 * stdtr(df, -abs(estimate) / std_error)) if std_error > 0 else float(estimate == 0)
    return Inference(estimate, std_error, estimate - half, estimate + half, p_value, df, level)


def cluster_codes(labels: NDArray[np.generic] | None) -> Codes | None:
    """Return codes 0 … G−1 (n,) of cluster labels; None when there are none or every unit is its own cluster."""
    if labels is None:
        return None
    held, codes = np.unique(labels, return_inverse=True)
    return None if len(held) == len(labels) else codes.ravel().astype(np.intp)


def intracluster_correlation(values: Floats, clusters: Codes | None) -> float | None:
    """Return the ANOVA estimate (MSB − MSW) / (MSB + (m₀ − 1)·MSW) of ``values`` (n,), in [0, 1); None without clusters.

    m₀ = (n − Σ n_g²/n) / (G − 1) is the adjusted mean cluster size. Source: Donner & Koval, Biometrics 36 (1980) 19-25.
    """
    if clusters is None:
        return None
    sizes = np.bincount(clusters).astype(np.float64)
    groups, n = len(sizes), len(values)
    means = cluster_sums(values, clusters) / sizes
    between = float((sizes * (means - values.mean()) ** 2).sum()) / (groups - 1)
    within = float(((values - means[clusters]) ** 2).sum()) / max(n - groups, 1)
    adjusted_size = (n - float((sizes**2).sum()) / n) / (groups - 1)
    total = between + (adjusted_size - 1) * within
    return min(max((between - within) / total, 0.0), 0.999) if total > 0 else 0.0


def weighted(scores: Floats, weights: Floats | None) -> Floats:
    """Return scores (n,) whose plain mean and standard error are the weighted ones: τ + w/w̄·(s − τ) with τ = Σws/Σw.

    ``weights`` (n,) are sampling weights, not negative; without them the scores are unchanged.
    """
    if weights is None:
        return scores
    relative = weights / weights.mean()
    centre = float(relative @ scores) / len(scores)
    return np.asarray(centre + relative * (scores - centre))


def unweighted(scores: Floats, weights: Floats | None) -> Floats:
    """Return the units' own scores (n,), of which ``weighted`` made ``scores``: τ + w̄/w·(s − τ); weights are positive."""
    if weights is None:
        return scores
    centre = float(scores.mean())
    return np.asarray(centre + (scores - centre) * weights.mean() / weights)


def simultaneous(influence: Floats, *, df: int, level: float = 0.95, seed: int = 0) -> tuple[float, Floats]:
    """Return the critical value that holds for K estimates at once, and each one's adjusted p-value as a function of |t|.

    ``influence`` (G, K) are the independent units' contributions, whose sums of squares are the variances. The law of max|T| is
    simulated from their correlation, as a t of ``df`` degrees of freedom (Montiel Olea & Plagborg-Møller 2019); the draws (R,),
    sorted, are returned beside the ``level`` quantile, so that an adjusted p-value is the share of draws at least as large as |t|.
    """
    errors = np.sqrt((influence**2).sum(axis=0))
    standard = influence / np.where(errors > 0, errors, 1.0)
    values, vectors = np.linalg.eigh(standard.T @ standard)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    rng = np.random.default_rng([seed, 7])
    z = rng.standard_normal((DRAWS, len(values))) @ root.T
    scale = np.sqrt(rng.chisquare(df, DRAWS) / df)
    largest = np.sort(np.abs(z).max(axis=1) / scale)
    return float(np.quantile(largest, level)), largest


def extrapolated(scores: Floats, smooth: Floats) -> Floats:
    """Return scores (n,) carried on past the trees there are: scores + ¼(scores − those with half the trees).

    Richardson's extrapolation: if the bias that smoothing leaves falls to a fifth with every doubling of the trees, a quarter of the
    last shift is what is left of it. It costs little variance, which that of the extrapolated scores contains.
    """
    return np.asarray(scores + EXTRAPOLATE * (scores - smooth))


def widened(inference: Inference, shift: float) -> Inference:
    """Return the interval with standard error √(se² + shift²), for what a nuisance model's smoothing may still do."""
    return interval(inference.estimate, float(np.hypot(inference.std_error, shift)), inference.df, inference.level)
