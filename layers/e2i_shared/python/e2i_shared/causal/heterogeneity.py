"""Where an effect is larger: group effects with simultaneous intervals, tests of heterogeneity, importance and ranking value.

All work on doubly robust scores Γ (n,), whose mean over any set of units is that set's effect, clustered where units are. Where
units carry ``weights`` (n,), scores are the units' own (see ``inference.unweighted``) and means, tests and ranks weight them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.inference import cluster_sums, infer_mean, weighted
from e2i_shared.causal.learners import ridge
from e2i_shared.causal.results import GroupEffect, HeterogeneityTest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from e2i_shared.causal.results import Inference

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class Groups:
    """A family of groups: ``members`` (n, K) of 0/1, which may overlap, and their labels."""

    members: Floats
    labels: tuple[str, ...]


def group_effects(
    scores: Floats,
    groups: Groups,
    clusters: Codes | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
    weights: Floats | None = None,
) -> list[GroupEffect]:
    """Return each group's mean score with intervals that hold for all groups at once.

    The critical value is the ``level`` quantile of max|Z| under the estimated joint normal law of the group means (Montiel Olea &
    Plagborg-Møller 2019); p-values are adjusted the same way. Raises nothing: groups must not be empty.
    """
    means, influence = _influence(scores, groups, clusters, weights)
    covariance = influence.T @ influence
    errors = np.sqrt(np.diag(covariance))
    largest = _max_abs(covariance, errors, seed)
    critical = float(np.quantile(largest, level))
    single = [_alone(scores, groups.members[:, k] == 1, clusters, weights) for k in range(len(errors))]
    found = []
    for k, label in enumerate(groups.labels):
        z = abs(means[k]) / errors[k] if errors[k] > 0 else np.inf * float(means[k] != 0)
        found.append(
            GroupEffect(
                label=label,
                n=int(groups.members[:, k].sum()),
                n_clusters=None if clusters is None else len(np.unique(clusters[groups.members[:, k] == 1])),
                effect=float(means[k]),
                std_error=float(errors[k]),
                ci_lower=float(means[k] - critical * errors[k]),
                ci_upper=float(means[k] + critical * errors[k]),
                p_value=single[k].p_value,
                p_value_adjusted=float((largest >= z).mean()),
            )
        )
    return found


def _alone(scores: Floats, rows: NDArray[np.bool_], clusters: Codes | None, weights: Floats | None) -> Inference:
    own = None if clusters is None else np.unique(clusters[rows], return_inverse=True)[1].ravel()
    return infer_mean(weighted(scores[rows], None if weights is None else weights[rows]), own)


def differences_from_average(
    scores: Floats,
    groups: Groups,
    clusters: Codes | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
    weights: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Return simultaneous lower and upper bounds (K,) of each group's effect less the average of all units."""
    means, influence = _influence(scores, groups, clusters, weights)
    average, everyone = _everyone(scores, clusters, weights)
    difference = influence - everyone[:, None]
    covariance = difference.T @ difference
    errors = np.sqrt(np.diag(covariance))
    critical = float(np.quantile(_max_abs(covariance, errors, seed), level))
    centre = means - average
    return centre - critical * errors, centre + critical * errors


def equal_effects(
    scores: Floats, groups: Groups, clusters: Codes | None = None, *, weights: Floats | None = None
) -> HeterogeneityTest:
    """Test that disjoint groups have one effect: Wald's F with the robust covariance of their means."""
    from scipy.special import fdtrc

    means, influence = _influence(scores, groups, clusters, weights)
    contrast = np.column_stack([-np.ones(len(means) - 1), np.eye(len(means) - 1)])
    covariance = contrast @ (influence.T @ influence) @ contrast.T
    gap = contrast @ means
    statistic = float(gap @ np.linalg.pinv(covariance, hermitian=True) @ gap) / len(gap)
    return HeterogeneityTest("equal_effects", statistic, float(fdtrc(len(gap), max(len(influence) - 1, 1), statistic)))


def cross_fitted_effect(scores: Floats, x: Floats, folds: Codes, *, weights: Floats | None = None) -> Floats:
    """Return τ̂(X) (n,), the DR-learner (Kennedy 2023) with a ridge final stage fitted on the other folds."""
    effect = np.full(len(scores), float(np.average(scores, weights=weights)))
    if x.shape[1] == 0 or int(folds.max()) == 0:
        return effect
    for fold in range(int(folds.max()) + 1):
        held = folds == fold
        effect[held] = ridge(x[~held], scores[~held], None if weights is None else weights[~held])(x[held])
    return effect


def best_linear_predictor(
    scores: Floats, effect: Floats, clusters: Codes | None = None, *, weights: Floats | None = None
) -> HeterogeneityTest:
    """Test whether τ̂ (n,) predicts the effect: slope of Γ on τ̂ − mean τ̂, one-sided (Chernozhukov et al. 2018, BLP).

    Slope 1 is a τ̂ that is right on average, 0 one that tells nothing.
    """
    from scipy.special import stdtr

    w = _relative(scores, weights)
    centred = effect - float(w @ effect) / len(w)
    total = float(w @ centred**2)
    if total <= 1e-12 * len(scores):
        return HeterogeneityTest("best_linear_predictor", 0.0, 1.0, 0.0)
    own = scores - float(w @ scores) / len(w)
    slope = float((w * centred) @ own) / total
    sums = cluster_sums(w * centred * (own - slope * centred), clusters)
    units = len(sums)
    se = float(np.sqrt((sums**2).sum() * units / max(units - 1, 1))) / total
    t = slope / se if se > 0 else 0.0
    return HeterogeneityTest("best_linear_predictor", t, float(stdtr(max(units - 1, 1), -t)), slope)


def rank_weighted_effect(
    scores: Floats, effect: Floats, clusters: Codes | None = None, *, weights: Floats | None = None
) -> HeterogeneityTest:
    """Return the AUTOC of treating in order of τ̂ (n,) (Yadlowsky et al. 2025): 0 where the order tells nothing.

    AUTOC averages, over shares q treated first, their mean effect less the overall mean: weights log(n/rank) − 1 on Γ.
    """
    w = _relative(scores, weights)
    order = np.argsort(-effect, kind="stable")
    ranks = np.empty(len(w))
    ranks[order] = np.cumsum((w[order] / np.cumsum(w[order]))[::-1])[::-1] - 1.0
    inference = infer_mean(w * ranks * (scores - float(w @ scores) / len(w)), clusters)
    return HeterogeneityTest("autoc", inference.estimate, inference.p_value, None)


def qini(scores: Floats, effect: Floats, clusters: Codes | None = None, *, level: float = 0.95) -> Inference:
    """Return the Qini coefficient of treating in order of τ̂ (n,): the area between the gain curve and treating at random.

    ∫₀¹ G(q) − q·G(1) dq with G(q) the mean over all units of Γ·1[among the first q by τ̂] (Radcliffe 2007; the QINI weighting of
    Yadlowsky et al. 2025): weights ½ − (rank − ½)/n on Γ. Outcome units per unit of the sample; 0 where the order tells nothing. The
    interval takes the order as given: τ̂ must be out of fold.
    """
    n = len(scores)
    weights = np.empty(n)
    weights[np.argsort(-effect, kind="stable")] = 0.5 - (np.arange(n) + 0.5) / n
    return infer_mean(weights * (scores - scores.mean()), clusters, level=level)


def importance(
    scores: Floats,
    columns: Mapping[str, Sequence[Floats]],
    clusters: Codes | None = None,
    *,
    weights: Floats | None = None,
) -> dict[str, float]:
    """Return each column's share of the effect's variance that its groups explain beyond chance; all 0 where none does.

    ``columns`` holds each column's groups as 0/1 indicators (n,). The variance between group effects, Σ w_g(θ_g − θ)², is reduced by
    what sampling error alone would give.
    """
    explained = {
        name: _between(scores, np.column_stack(list(parts)), clusters, weights) for name, parts in columns.items()
    }
    total = sum(explained.values())
    return {name: value / total if total > 0 else 0.0 for name, value in explained.items()}


def _between(scores: Floats, members: Floats, clusters: Codes | None, weights: Floats | None) -> float:
    means, influence = _influence(scores, Groups(members, ("",) * members.shape[1]), clusters, weights)
    average, everyone = _everyone(scores, clusters, weights)
    noise = ((influence - everyone[:, None]) ** 2).sum(axis=0)
    share = _relative(scores, weights) @ members / len(scores)
    return max(0.0, float(share @ ((means - average) ** 2 - noise)))


def _relative(scores: Floats, weights: Floats | None) -> Floats:
    """Return the units' weights (n,) scaled to mean 1; all 1 without weights."""
    return np.ones(len(scores)) if weights is None else weights / weights.mean()


def _everyone(scores: Floats, clusters: Codes | None, weights: Floats | None) -> tuple[float, Floats]:
    """Return the mean of all scores and its influence (G,)."""
    w = _relative(scores, weights)
    average = float(w @ scores) / len(w)
    return average, cluster_sums(w * (scores - average), clusters) / len(w)


def _influence(scores: Floats, groups: Groups, clusters: Codes | None, weights: Floats | None) -> tuple[Floats, Floats]:
    """Return group means (K,) and their influence (G, K), whose cross-product is the means' covariance."""
    members = groups.members if weights is None else groups.members * weights[:, None]
    sizes = members.sum(axis=0)
    means = scores @ members / sizes
    influence = cluster_sums(members * (scores[:, None] - means) / sizes, clusters)
    held = cluster_sums(members, clusters) > 0
    counts = np.maximum(held.sum(axis=0), 2)
    return np.asarray(means), np.asarray(influence * np.sqrt(counts / (counts - 1)))


def _max_abs(covariance: Floats, errors: Floats, seed: int) -> Floats:
    safe = np.where(errors > 0, errors, 1.0)
    correlation = covariance / np.outer(safe, safe)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    draws = np.random.default_rng(seed).standard_normal((DRAWS, len(errors))) @ root.T
    return np.asarray(np.abs(draws).max(axis=1))
