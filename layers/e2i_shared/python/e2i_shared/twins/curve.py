"""Dose curves that answer any question about the dose later, with numpy alone.

Y = g(X) + A·φ(X)ᵀβ + Σ γ_j (A − κ_j)₊ + ε: a slope that differs between units, bent at common knots. Every policy d(A) has the effect
E[m(W)ᵀθ], θ = (β, γ), m(W) = ((d(A) − A)φ, (d(A) − κ)₊ − (A − κ)₊), which is linear in θ; so its influence function over any
set of units is m(W)ᵀθ − mean + m̄ᵀM⁻¹z̃(Y − Ê[Y|X] − z̃ᵀθ)/v̂ (Robinson 1988; Chernozhukov, Newey & Singh 2022), all of whose parts
are kept here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """A fitted dose curve: θ (P,) with the slope's k coefficients first, θ with half the trees, M⁻¹ (P, P), knots (J,).

    ``phi`` (n, k) are the units' effect modifiers with an intercept; ``dose`` (n,) what they received, ``left`` (n, 1 + J) what X
    leaves of dose and bends, ``pull`` (n,) the weighted residual, ``jackknife`` (n,) 1/(1 − leverage) (HC3; MacKinnon & White 1985). ``support`` (2,) are the doses with 1% of units at or beyond.
    """

    theta: Floats
    smoother: Floats
    inverse: Floats
    knots: Floats
    phi: Floats
    dose: Floats
    left: Floats
    pull: Floats
    jackknife: Floats
    support: tuple[float, float]
    reach: tuple[float, float]

    @property
    def slopes(self) -> int:
        """How many coefficients the slope has."""
        return int(self.phi.shape[1])

    def gain(self, phi: Floats, before: Floats, after: Floats, theta: Floats | None = None) -> Floats:
        """Return mᵀθ (n,): the effect on units of modifiers (n, k) of moving the dose from ``before`` to ``after``, (n,) or one."""
        theta = self.theta if theta is None else theta
        effect = (after - before) * (phi @ theta[: self.slopes])
        for knot, bend in zip(self.knots, theta[self.slopes :], strict=True):
            effect = effect + bend * (np.maximum(after - knot, 0.0) - np.maximum(before - knot, 0.0))
        return np.asarray(effect, dtype=np.float64)

    def moves(self, weights: Floats, before: Floats, after: Floats) -> Floats:
        """Return m̄ (G, P): the mean of m under each row of ``weights`` (G, n), which sum to 1; ``before`` and ``after`` are (n,)."""
        slope = (weights * (after - before)) @ self.phi
        bends = [weights @ (np.maximum(after - k, 0.0) - np.maximum(before - k, 0.0)) for k in self.knots]
        return np.column_stack([slope, *bends])

    def corrections(self, moves: Floats) -> Floats:
        """Return the residual part (G, n) of the influence functions of mean moves (G, P)."""
        riesz = moves @ self.inverse
        lean = (riesz[:, : self.slopes] @ self.phi.T) * self.left[:, 0]
        if len(self.knots):
            lean = lean + riesz[:, self.slopes :] @ self.left[:, 1:].T
        return np.asarray(self.pull * lean)


def shifted(dose: Floats, reach: tuple[float, float], *, change: float = 0.0, percent: float = 0.0) -> Floats:
    """Return the modified treatment policy d(A) = A·(1 + percent/100) + change (n,), held inside the recorded doses.

    A unit whose shifted dose nobody ever had goes as far as the recorded doses do (Haneuse & Rotnitzky 2013, §2; Díaz et al. 2021).
    """
    return np.clip(dose * (1.0 + percent / 100.0) + change, *reach)


def one_way(doses: Floats, effects: Floats, *, increasing: bool) -> Floats:
    """Return the curve (G,) nearest in squares that only rises (or falls), by pooling adjacent violators."""
    sign = 1.0 if increasing else -1.0
    means: list[float] = []
    sizes: list[int] = []
    for value in sign * effects[np.argsort(doses, kind="stable")]:
        means.append(float(value))
        sizes.append(1)
        while len(means) > 1 and means[-2] > means[-1]:
            size = sizes[-2] + sizes[-1]
            means[-2:] = [(means[-2] * sizes[-2] + means[-1] * sizes[-1]) / size]
            sizes[-2:] = [size]
    found = np.empty(len(effects))
    found[np.argsort(doses, kind="stable")] = sign * np.repeat(means, sizes)
    return found
