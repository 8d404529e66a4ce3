"""A contrast: what each unit and twin is predicted to gain, and how the uncertainty of a mean follows from the data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.twins.bundle import Arms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.twins.bundle import Dose

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Contrast:
    """A question about one intervention. ``units`` (n,) and ``twins`` (m,) are predicted effects of fully receiving it.

    ``before`` and ``after`` (n,) are a dose's two policies. ``extra`` is a standard error for what lies beyond the data,
    ``outside`` the share of units asked for without overlap.
    """

    name: str
    estimand: str
    effect: Arms | Dose
    units: Floats
    twins: Floats
    before: Floats
    after: Floats
    baseline_is: str
    extra: float
    outside: float
    warnings: tuple[str, ...]

    def evidence(self, groups: Mask) -> tuple[Floats, Floats, Floats]:
        """Return, of each group of units (G, n), the debiased mean effect (G,), its influence function (G, n), and its shift (G,).

        The shift is how far the mean moves with half the trees.
        """
        weights = groups / groups.sum(axis=1, keepdims=True)
        scale = weights * groups.shape[1]
        if isinstance(self.effect, Arms):
            gamma = (self.effect.treated - self.effect.control).mean(axis=0)
            means = weights @ gamma
            return means, scale * (gamma - means[:, None]), _arm_shifts(self.effect, weights, means)
        curve = self.effect.curve
        moves = curve.moves(weights, self.before, self.after)
        rest = curve.corrections(moves)
        means, slack = moves @ curve.theta, rest.mean(axis=1)
        wide = rest * curve.jackknife
        influence = scale * (self.units - means[:, None]) + wide - wide.mean(axis=1, keepdims=True)
        return means + slack, influence, means - moves @ curve.smoother

    def baseline(self, outcome: Floats, rows: Mask) -> float:
        """Return the mean outcome over ``rows`` without the intervention."""
        if isinstance(self.effect, Arms):
            return float(self.effect.control[:, rows].mean())
        curve, recorded = self.effect.curve, float(outcome[rows].mean())
        if self.before is curve.dose:
            return recorded
        return float(recorded + curve.gain(curve.phi, curve.dose, self.before)[rows].mean())

    def baseline_influence(self, outcome: Floats, rows: Mask) -> Floats:
        """Return the influence function (n,) of that mean."""
        scale = rows * (len(rows) / rows.sum())
        if isinstance(self.effect, Arms):
            control = self.effect.control.mean(axis=0)
            return np.asarray(scale * (control - control[rows].mean()))
        own = np.asarray(scale * (outcome - outcome[rows].mean()))
        curve = self.effect.curve
        if self.before is curve.dose:
            return own
        moved = replace(
            self, before=curve.dose, after=self.before, units=curve.gain(curve.phi, curve.dose, self.before)
        )
        return np.asarray(own + moved.evidence(rows[None])[1][0])


def _arm_shifts(effect: Arms, weights: Floats, means: Floats) -> Floats:
    """Return the spread of repeated cross-fittings, or, of a single one, the shift of its means with half the trees."""
    repeats = (effect.treated - effect.control) @ weights.T
    if len(repeats) > 1:
        return np.asarray(np.sqrt(((repeats - means) ** 2).mean(axis=0)))
    return np.asarray(means - weights @ effect.smoother)
