"""A contrast: what each unit and twin is predicted to gain, and how the uncertainty of a mean follows from the data."""

from __future__ import annotations

from dataclasses import dataclass
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

    def evidence(self, rows: Mask) -> tuple[float, Floats, float]:
        """Return the debiased mean effect over ``rows`` (n,), its influence function (n,), and its shift with half the trees."""
        share = float(rows.mean())
        if isinstance(self.effect, Arms):
            gamma = (self.effect.treated - self.effect.control).mean(axis=0)
            mean = float(gamma[rows].mean())
            influence = np.where(rows, gamma - mean, 0.0) / share
            return mean, influence, self._arm_shift(rows, mean)
        curve = self.effect.curve
        move = curve.mean_move(rows, self.before, self.after)
        rest = curve.correction(move)
        mean = float(move @ curve.theta)
        influence = np.where(rows, self.units - mean, 0.0) / share + rest
        return mean + float(rest.mean()), influence - float(rest.mean()), mean - float(move @ curve.smoother)

    def _arm_shift(self, rows: Mask, mean: float) -> float:
        if not isinstance(self.effect, Arms):
            return 0.0
        repeats = (self.effect.treated - self.effect.control)[:, rows].mean(axis=1)
        spread = float(np.sqrt(((repeats - mean) ** 2).mean()))
        return spread if len(repeats) > 1 else mean - float(self.effect.smoother[rows].mean())

    def baseline(self, outcome: Floats, rows: Mask) -> float:
        """Return the mean outcome over ``rows`` without the intervention."""
        if isinstance(self.effect, Arms):
            return float(self.effect.control[:, rows].mean())
        curve = self.effect.curve
        return float(outcome[rows].mean() + curve.gain(curve.phi, curve.dose, self.before)[rows].mean())
