"""An intervention asked of a trained digital twin, where one was learned from the rows that are asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.inference import interval
from e2i_shared.errors import InputError
from e2i_shared.tools._counterfactual import SWITCHES, Simulated
from e2i_shared.tools._twins import conditions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.api.common import Filter, Json
    from e2i_shared.causal.results import Inference
    from e2i_shared.causal.study import Study
    from e2i_shared.tools._analysis import Prepared
    from e2i_shared.tools._population import Population
    from e2i_shared.tools._registry import ToolContext
    from e2i_shared.tools._twins import TrainedTwin, Twins
    from e2i_shared.tools.counterfactual_simulator import Intervention
    from e2i_shared.twins.model import SimulationView
    from e2i_shared.twins.spec import InterventionConfig

    Mask = NDArray[np.bool_]

MOST_TWINS = 10_000  # more would be queued


@dataclass(frozen=True, slots=True)
class Asked:
    """What a twin said, over how many ``units``; ``why`` is told where a twin exists that could not answer."""

    found: Simulated | None = None
    twin: str | None = None
    simulation_id: str | None = None
    units: int = 0
    why: str | None = None


def ask(
    prepared: Prepared,
    asked: Intervention,
    base: float | None,
    members: Sequence[Population] | None,
    rows: Mask,
    context: ToolContext,
) -> Asked:
    """Ask the twin of these rows' brand; empty where there is none, with the reason where it cannot know."""
    brand = next((f for f in prepared.specification.filters if f.column == "brand" and f.op == "eq"), None)
    try:
        twin = _twin(prepared, brand, context.twins)
    except InputError as error:
        return Asked(why=f"The digital twin cannot be asked: {error.message}")
    if twin is None or context.twins is None:
        return Asked()
    if brand is None and prepared.dataset.column("brand") is not None:
        return Asked(
            why=f"The digital twin {twin.said} knows one brand, and this is asked of all: name the brand to ask it."
        )
    config = _config(asked, base, prepared.study)
    if config is None:
        return Asked(
            why=f"The digital twin {twin.said} compares with doses as recorded, or a programme with nobody having it."
        )
    try:
        view = _simulated(twin, prepared, config, members or [], brand, context.twins, context.seed)
    except InputError as error:
        return Asked(why=f"The digital twin {twin.said} cannot know this: {error.message}")
    return Asked(_found(view, prepared.study, asked, rows), twin.said, view.simulation_id, view.units or 0)


def _twin(prepared: Prepared, brand: Filter | None, twins: Twins | None) -> TrainedTwin | None:
    """Return the active twin that was learned from these rows' data set, treatment and outcome, of the brand if one is named."""
    study = prepared.study
    if twins is None or study.weights is not None:
        return None
    named = str(brand.value) if brand else None
    return twins.learned_from(prepared.dataset.name, study.treatment_name, study.outcome_name, named)


def _config(asked: Intervention, base: float | None, study: Study) -> InterventionConfig | None:
    """Return the intervention as a twin knows it; None for comparisons that it does not make."""
    from e2i_shared.twins.spec import InterventionConfig

    if study.kind == "binary":
        other = {"switch_on": 0.0, "switch_off": 1.0}.get(asked.kind)
        return InterventionConfig() if other is not None and base == other else None
    if asked.kind not in {"percent", "shift"} or base is not None or asked.floor is not None or asked.cap is not None:
        return None
    field = "dose_change_pct" if asked.kind == "percent" else "dose_change"
    return InterventionConfig.model_validate({field: asked.amount})


def _simulated(
    twin: TrainedTwin,
    prepared: Prepared,
    config: InterventionConfig,
    members: Sequence[Population],
    brand: Filter | None,
    twins: Twins,
    seed: int,
) -> SimulationView:
    from e2i_shared.twins.model import SimulateRequest

    request = SimulateRequest(
        intervention_type=prepared.study.treatment_name,
        intervention_config=config,
        population_filters=[f for f in prepared.specification.filters if f is not brand],
        population_any=conditions(twin.catalogue, members),
        twin_count=MOST_TWINS,
        seed=seed,
    )
    return twins.simulate(twin.twin_id, request)


def _found(view: SimulationView, study: Study, asked: Intervention, rows: Mask) -> Simulated:
    """Return a twin's answer as one from the data: whose doses change, and by how much, is read from the rows."""
    known: Json = view.model_dump()
    compared, sign = known["compare_to_baseline"], -1.0 if asked.kind == "switch_off" else 1.0
    without = _mean(view, compared["baseline"], compared["baseline_std_error"])
    with_it = _mean(view, compared["with_intervention"], compared["with_std_error"])
    change = _mean(view, sign * compared["delta"], known["std_error"])
    before, after = (with_it, without) if sign < 0 else (without, with_it)
    dose = study.treatment[rows]
    level = SWITCHES.get(asked.kind)
    moved = dose * (1 + (asked.amount or 0) / 100) if asked.kind == "percent" else dose + (asked.amount or 0)
    moved = moved.clip(study.treatment.min(), study.treatment.max())  # as far as recorded doses go
    lift = None if compared["lift"] is None or sign < 0 else _mean(view, compared["lift"], compared["lift_std_error"])
    return Simulated(
        predicted=after,
        before=before,
        change=change,
        lift=lift,
        dose_before=float(dose.mean()) if level is None else 1.0 - level,
        dose_after=float(moved.mean()) if level is None else level,
        share_changed=float((np.abs(moved - dose) > 1e-9).mean()) if level is None else 1.0,
        share_beyond=known["share_outside"] or 0.0,
        method="digital twin: doubly robust scores of the training units over the population asked for",
        assumptions=(
            "no unobserved confounding given the twin's features",
            "units that could have had either, or a dose nearby",
            "one unit's outcome is untouched by another's treatment",
        ),
        warnings=(*known["warnings"], *filter(None, [known["fidelity_warning_reason"]])),
        curve=[],
    )


def _mean(view: SimulationView, estimate: float, error: float) -> Inference:
    return interval(estimate, error, max((view.units or 2) - 1, 1), view.confidence_level)
