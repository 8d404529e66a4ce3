"""What an intervention does, learned so that any population can be asked later: scores of the units, effects of the twins.

A 0/1 intervention gives doubly robust scores Γ (``arms``); a dose gives a curve (``doses.py``). Both predict τ(x) out of fold for
the units and as the mean of the folds' models for the twins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import nuisance
from e2i_shared.causal.diagnostics import r_squared
from e2i_shared.causal.dr_learner import TAIL, TREES
from e2i_shared.twins.regress import Learner, Regression, regress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.design import Design
    from e2i_shared.causal.study import Settings, Study
    from e2i_shared.twins.propensity import PropensityModel

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ArmEffect:
    """A 0/1 intervention: everything of length n is out of fold.

    ``treated`` and ``control`` (R, n) are the scores of E[Y(1)] and E[Y(0)] for each repeat of the cross-fitting, ``smoother`` (n,)
    the scores of their difference with half the trees, ``effect`` (n,) and ``twins`` (m,) the DR-learner's τ̂(X).
    """

    treated: Floats
    control: Floats
    smoother: Floats
    propensity: Floats
    effect: Floats
    twins: Floats
    quality: dict[str, float]

    @property
    def scores(self) -> Floats:
        """Γ (n,), their mean over repeats."""
        return np.asarray((self.treated - self.control).mean(axis=0))


def arm_effect(
    study: Study, settings: Settings, fit: PropensityModel | None, designs: tuple[Design, Design]
) -> ArmEffect:
    """Return AIPW scores and τ̂(X).

    Γ = μ̂₁ − μ̂₀ + A(Y − μ̂₁)/ê − (1 − A)(Y − μ̂₀)/(1 − ê) (Robins, Rotnitzky & Zhao 1994), μ̂ and ê cross-fitted; E[Γ | X] = τ(X)
    under no unobserved confounding and overlap, so that means of Γ over any set of units estimate the set's effect. τ̂ regresses Γ
    on X across folds (the DR-learner, Kennedy 2023). ``fit`` replaces the propensity where one was searched for; ``designs`` are
    the features of the units and of the twins, encoded alike.
    """
    repeats = nuisance.repeat_count(study, settings)
    runs = [nuisance.cross_fit(study, settings, seed=settings.seed + 1_000 * r) for r in range(repeats)]
    chances = [(fit.values if fit else run.treatment).clip(settings.clip, 1 - settings.clip) for run in runs]
    arms = [_potential(study, run.arms, e) for run, e in zip(runs, chances, strict=True)]
    treated, control = np.stack([one for one, _ in arms]), np.stack([zero for _, zero in arms])
    gamma = np.asarray((treated - control).mean(axis=0))
    smooth = gamma
    if repeats == 1 and (half := runs[0].smoother) is not None:
        e = (fit.smoother if fit else half.treatment).clip(settings.clip, 1 - settings.clip)
        one, zero = _potential(study, half.arms, e)
        smooth = one - zero
    found = _unit_effects(
        gamma, Learner(runs[0].folds, "least", trees=TREES, seed=settings.seed, threads=settings.threads), designs
    )
    e = np.mean(chances, axis=0)
    received = np.where(study.treatment == 1, runs[0].arms[:, 1], runs[0].arms[:, 0])
    quality = {
        "outcome_r2": r_squared(study.outcome, received),
        "effect_trees": float(found.trees),
        "effect_slope": _slope(gamma, found.held_out),
    }
    return ArmEffect(treated, control, smooth, e, found.held_out, found.twins, quality)


def _unit_effects(gamma: Floats, learner: Learner, designs: tuple[Design, Design]) -> Regression:
    """Regress scores on features, their tails drawn in; one effect for all where features predict no better than the mean."""
    target = gamma.clip(*np.quantile(gamma, (TAIL, 1 - TAIL)))
    found = regress(target, designs[0], learner, designs[1])
    sizes = np.bincount(learner.folds)
    means = (target.sum() - np.bincount(learner.folds, weights=target)) / (len(target) - sizes)
    if ((target - found.held_out) ** 2).sum() < ((target - means[learner.folds]) ** 2).sum():
        return found
    everywhere = np.full(len(found.twins), float(gamma.mean()))
    return Regression(np.full(len(gamma), float(gamma.mean())), gamma, everywhere, 0)


def _potential(study: Study, arms: Floats, e: Floats) -> tuple[Floats, Floats]:
    a, y = study.treatment, study.outcome
    mu_0, mu_1 = arms.T
    return mu_1 + a * (y - mu_1) / e, mu_0 + (1 - a) * (y - mu_0) / (1 - e)


def _slope(gamma: Floats, effect: Floats) -> float:
    """Return the slope of Γ on τ̂ out of fold: 1 is right on average, 0 tells nothing (Chernozhukov et al. 2018, BLP)."""
    centred = effect - effect.mean()
    total = float(centred @ centred)
    return float(centred @ (gamma - gamma.mean())) / total if total > 1e-12 * len(gamma) else 0.0
