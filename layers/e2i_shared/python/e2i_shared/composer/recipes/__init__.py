"""One recipe per intent: which tools answer it, with which inputs. A recipe returns None, or why it cannot answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.composer.intents import Intent
from e2i_shared.composer.recipes.causal import drivers, effect, robustness
from e2i_shared.composer.recipes.change import change
from e2i_shared.composer.recipes.cohort import cohort
from e2i_shared.composer.recipes.experiment import power
from e2i_shared.composer.recipes.explanation import explanation
from e2i_shared.composer.recipes.gap import gap
from e2i_shared.composer.recipes.inputs import lacking
from e2i_shared.composer.recipes.kpi import kpi
from e2i_shared.composer.recipes.monitoring import comparison, drift, health
from e2i_shared.composer.recipes.policy import policy
from e2i_shared.composer.recipes.prediction import forecast, propensity, risk
from e2i_shared.composer.recipes.returns import roi
from e2i_shared.composer.recipes.segments import segments
from e2i_shared.composer.recipes.simulation import simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

    Recipe = Callable[[Workbench, Bound], str | None]


def _unavailable(what: str, *tools: str) -> Recipe:
    def recipe(_bench: Workbench, _bound: Bound) -> str | None:
        return lacking(what, *tools)

    return recipe


RECIPES: Mapping[Intent, Recipe] = {
    Intent.EFFECT: effect,
    Intent.ROBUSTNESS: robustness,
    Intent.DRIVERS: drivers,
    Intent.SEGMENTS: segments,
    Intent.GAP: gap,
    Intent.ROI: roi,
    Intent.POWER: power,
    Intent.DESIGN: power,
    Intent.KPI: kpi,
    Intent.CHANGE: change,
    Intent.POLICY: policy,
    Intent.SIMULATION: simulation,
    Intent.BOUNDARIES: _unavailable("Computing stopping boundaries", "interim_boundaries"),
    Intent.FORECAST: forecast,
    Intent.RISK: risk,
    Intent.PROPENSITY: propensity,
    Intent.DRIFT: drift,
    Intent.COMPARISON: comparison,
    Intent.HEALTH: health,
    Intent.COHORT: cohort,
    Intent.EXPLANATION: explanation,
}
