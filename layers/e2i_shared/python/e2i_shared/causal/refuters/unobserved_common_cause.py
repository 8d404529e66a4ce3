"""Simulate a confounder nobody measured: the effect must survive one as strong as the strongest that was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.design import PRODUCTS
from e2i_shared.causal.results import Refutation
from e2i_shared.causal.sensitivity import benchmarks, bound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.refuters.base import Case

    Floats = NDArray[np.float64]

GRID = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
LEAST_STRENGTH, MOST_EXPLAINED = 0.01, 0.99
SIMULATIONS = 5


class UnobservedCommonCause:
    """Adds a simulated U with given partial R² with treatment and outcome, both pulling the effect towards zero.

    U is made of the residuals of treatment and outcome and noise, so that the nuisance models need no refit: adjusting for U is a
    regression of residual on residuals (Frisch & Waugh 1933). Passes where the interval still excludes zero with a U as strong as the
    strongest observed covariate (Cinelli & Hazlett 2020, §4.4), or of partial R² 1% with both where none is stronger.
    """

    name = "unobserved_common_cause"

    def refute(self, case: Case) -> Refutation:
        """Return, as the statistic, the effect left in standard errors; ``detail`` says at which strength it vanishes."""
        strongest, r2_d, r2_y = _strongest(case)
        left, error = _with_confounder(case, r2_d, r2_y)
        t = abs(left) / error if np.sign(left) == np.sign(case.claim.effect) else 0.0
        vanishes = next((r for r in GRID if not _survives(case, r)), None)
        limit = (
            f"It vanishes at a partial R² of {vanishes:.1%} with both."
            if vanishes
            else "It survives a partial R² of 50% with both."
        )
        detail = (
            f"With a simulated confounder as strong as {strongest} (partial R² {r2_d:.1%} with treatment, {r2_y:.1%} with outcome) "
            f"the effect is {left:.4g} ± {1.96 * error:.2g}. {limit}"
        )
        return Refutation(self.name, t > 1.96, detail, left, t, 1.96, "all nuisance models")


def _strongest(case: Case) -> tuple[str, float, float]:
    """Return the observed covariate that a confounder as strong as it would shift the effect most, with that strength."""
    study, found = case.study, [("a weak covariate", LEAST_STRENGTH, LEAST_STRENGTH)]
    design = study.design
    known = benchmarks(study.outcome, study.treatment, design.linear, design.linear_owners)
    for name, strengths in known.r2.items():
        as_strong = bound(name, 1.0, strengths, case.claim.effect, case.claim.std_error, known.dof)
        if name != PRODUCTS and as_strong is not None:
            found.append((name, as_strong.r2_treatment, min(as_strong.r2_outcome, MOST_EXPLAINED)))
    return max(found, key=lambda each: each[1] * each[2] / (1 - each[1]))


def _survives(case: Case, strength: float) -> bool:
    left, error = _with_confounder(case, strength, strength)
    return bool(np.sign(left) == np.sign(case.claim.effect) and abs(left) > 1.96 * error)


def _with_confounder(case: Case, r2_d: float, r2_y: float) -> tuple[float, float]:
    """Return the claim as it would be with U adjusted for, and its standard error, averaged over a few simulations."""
    study, nuisances = case.study, case.estimate.nuisances
    d = _standard(study.treatment - nuisances.treatment)
    y = study.outcome - nuisances.outcome
    slope = float(d @ y) / study.n
    rest = _standard(y - slope * d)
    rng = np.random.default_rng([case.settings.seed, 5])
    shifts = []
    for _ in range(SIMULATIONS):
        noise = rng.standard_normal(study.n)
        pull = np.sign(case.claim.effect) * rest
        u = np.sqrt(r2_d) * d + np.sqrt(1 - r2_d) * (np.sqrt(r2_y) * pull + np.sqrt(1 - r2_y) * noise)
        coefficients = np.linalg.lstsq(np.column_stack([d, u]), y, rcond=None)[0]
        shifts.append((float(coefficients[0]) - slope) / float((study.treatment - nuisances.treatment).std()))
    inflate = float(np.sqrt((1 - r2_y) / (1 - r2_d)))
    return case.claim.effect + float(np.mean(shifts)), case.claim.std_error * inflate


def _standard(values: Floats) -> Floats:
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-300))
