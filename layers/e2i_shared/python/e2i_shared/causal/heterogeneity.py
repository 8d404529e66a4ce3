"""Where an effect is larger: group effects with simultaneous intervals, tests of heterogeneity, importance and ranking value.

All work on doubly robust scores Γ (n,), whose mean over any set of units is that set's effect, clustered where units are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.inference import cluster_sums, infer_mean
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
    scores: Floats, groups: Groups, clusters: Codes | None = None, *, level: float = 0.95, seed: int = 0
) -> list[GroupEffect]:
    """Return each group's mean score with intervals that hold for all groups at once.

    The critical value is the ``level`` quantile of max|Z| under the estimated joint normal law of the group means (Montiel Olea &
    Plagborg-Møller 2019); p-values are adjusted the same way. Raises nothing: groups must not be empty.
    """
    means, influence = _influence(scores, groups, clusters)
    covariance = influence.T @ influence
    errors = np.sqrt(np.diag(covariance))
    largest = _max_abs(covariance, errors, seed)
    critical = float(np.quantile(largest, level))
    single = [infer_mean(scores[groups.members[:, k] == 1], _sub(clusters, groups, k)) for k in range(len(errors))]
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


def _sub(clusters: Codes | None, groups: Groups, k: int) -> Codes | None:
    if clusters is None:
        return None
    return np.unique(clusters[groups.members[:, k] == 1], return_inverse=True)[1].ravel()


def differences_from_average(
    scores: Floats, groups: Groups, clusters: Codes | None = None, *, level: float = 0.95, seed: int = 0
) -> tuple[Floats, Floats]:
    """Return simultaneous lower and upper bounds (K,) of each group's effect less the average of all units."""
    means, influence = _influence(scores, groups, clusters)
    everyone = cluster_sums(scores - scores.mean(), clusters) / len(scores)
    difference = influence - everyone[:, None]
    covariance = difference.T @ difference
    errors = np.sqrt(np.diag(covariance))
    critical = float(np.quantile(_max_abs(covariance, errors, seed), level))
    centre = means - float(scores.mean())
    return centre - critical * errors, centre + critical * errors


def equal_effects(scores: Floats, groups: Groups, clusters: Codes | None = None) -> HeterogeneityTest:
    """Test that disjoint groups have one effect: Wald's F with the robust covariance of their means."""
    from scipy.special import fdtrc

    means, influence = _influence(scores, groups, clusters)
    contrast = np.column_stack([-np.ones(len(means) - 1), np.eye(len(means) - 1)])
    covariance = contrast @ (influence.T @ influence) @ contrast.T
    gap = contrast @ means
    statistic = float(gap @ np.linalg.pinv(covariance, hermitian=True) @ gap) / len(gap)
    return HeterogeneityTest("equal_effects", statistic, float(fdtrc(len(gap), max(len(influence) - 1, 1), statistic)))


def cross_fitted_effect(scores: Floats, x: Floats, folds: Codes) -> Floats:
    """Return τ̂(X) (n,), the DR-learner (Kennedy 2023) with a ridge final stage fitted on the other folds."""
    effect = np.full(len(scores), float(scores.mean()))
    if x.shape[1] == 0 or int(folds.max()) == 0:
        return effect
    for fold in range(int(folds.max()) + 1):
        held = folds == fold
        effect[held] = ridge(x[~held], scores[~held])(x[held])
    return effect


def best_linear_predictor(scores: Floats, effect: Floats, clusters: Codes | None = None) -> HeterogeneityTest:
    """Test whether τ̂ (n,) predicts the effect: slope of Γ on τ̂ − mean τ̂, one-sided (Chernozhukov et al. 2018, BLP).

    Slope 1 is a τ̂ that is right on average, 0 one that tells nothing.
    """
    from scipy.special import stdtr

    centred = effect - effect.mean()
    total = float(centred @ centred)
    if total <= 1e-12 * len(scores):
        return HeterogeneityTest("best_linear_predictor", 0.0, 1.0, 0.0)
    slope = float(centred @ (scores - scores.mean())) / total
    residual = scores - scores.mean() - slope * centred
    sums = cluster_sums(centred * residual, clusters)
    units = len(sums)
    se = float(np.sqrt((sums**2).sum() * units / max(units - 1, 1))) / total
    t = slope / se if se > 0 else 0.0
    return HeterogeneityTest("best_linear_predictor", t, float(stdtr(max(units - 1, 1), -t)), slope)


def rank_weighted_effect(scores: Floats, effect: Floats, clusters: Codes | None = None) -> HeterogeneityTest:
    """Return the AUTOC of treating in order of τ̂ (n,) (Yadlowsky et al. 2025): 0 where the order tells nothing.

    AUTOC averages, over shares q treated first, their mean effect less the overall mean: weights log(n/rank) − 1 on Γ.
    """
    n = len(scores)
    order = np.argsort(-effect, kind="stable")
    weights = np.empty(n)
    tail = np.cumsum((1.0 / np.arange(1, n + 1))[::-1])[::-1]
    weights[order] = tail - 1.0
    inference = infer_mean(weights * (scores - scores.mean()), clusters)
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
    scores: Floats, columns: Mapping[str, Sequence[Floats]], clusters: Codes | None = None
) -> dict[str, float]:
    """Return each column's share of the effect's variance that its groups explain beyond chance; all 0 where none does.

    ``columns`` holds each column's groups as 0/1 indicators (n,). The variance between group effects, Σ w_g(θ_g − θ)², is reduced by
    what sampling error alone would give.
    """
    explained = {name: _between(scores, np.column_stack(list(parts)), clusters) for name, parts in columns.items()}
    total = sum(explained.values())
    return {name: value / total if total > 0 else 0.0 for name, value in explained.items()}


def _between(scores: Floats, members: Floats, clusters: Codes | None) -> float:
    means, influence = _influence(scores, Groups(members, ("",) * members.shape[1]), clusters)
    everyone = cluster_sums(scores - scores.mean(), clusters) / len(scores)
    noise = ((influence - everyone[:, None]) ** 2).sum(axis=0)
    share = members.mean(axis=0)
    return max(0.0, float(share @ ((means - scores.mean()) ** 2 - noise)))


def _influence(scores: Floats, groups: Groups, clusters: Codes | None) -> tuple[Floats, Floats]:
    """Return group means (K,) and their influence (G, K), whose cross-product is the means' covariance."""
    members = groups.members
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
