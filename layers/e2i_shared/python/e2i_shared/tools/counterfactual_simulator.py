"""Predict what an intervention would do to everyone or to a part of them: more calls, a set level, a programme switched on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from e2i_shared.api.common import Filter
from e2i_shared.api.tools import ToolCategory, ToolEdge
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools import _charts, _charts_policy
from e2i_shared.tools._analysis import CausalResult, Specification, prepare, settings_of
from e2i_shared.tools._counterfactual import simulate
from e2i_shared.tools._counterfactual_twin import ask
from e2i_shared.tools._population import Entity, Population, resolve_population, rows_of
from e2i_shared.tools._registry import ToolParams, ToolResult, ToolSpec
from e2i_shared.tools._rerun import EFFECT_EXAMPLE

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.causal.results import Inference
    from e2i_shared.tools._analysis import Prepared
    from e2i_shared.tools._counterfactual import Simulated
    from e2i_shared.tools._registry import ToolContext

Kind = Literal["percent", "shift", "set", "switch_on", "switch_off"]
_NORTHEAST: Json = {
    "dataset": "hcp_monthly",
    "filters": [{"column": "brand", "value": "Kisqali"}, {"column": "region", "value": "Northeast"}],
    "treatment_col": "rep_visits",
    "outcome_col": "trx",
}
EXAMPLES: list[Json] = [
    {
        "baseline": _NORTHEAST,
        "intervention": {"kind": "percent", "amount": 20},
        "target_population": ["Allergy", "Dermatology"],
    },
    {"baseline": _NORTHEAST, "intervention": {"kind": "set", "amount": 4}},
    {"causal_model": EFFECT_EXAMPLE, "baseline": {}, "intervention": {"kind": "switch_on"}},
]


class Baseline(BaseModel):
    """What is compared with: rows and columns (left out: those of causal_model), as they were or everyone at one level."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str | None = Field(None, description="data set; left out: that of causal_model")
    filters: list[Filter] | None = Field(None, description="conditions on rows; left out: those of causal_model")
    treatment_col: str | None = Field(None, description="what is intervened on; left out: that of causal_model")
    outcome_col: str | None = Field(None, description="what it acts on; left out: that of causal_model")
    confounders: list[str] | None = Field(None, description="columns adjusted for; left out: by causal_model or roles")
    cluster_col: str | None = Field(None, description="rows with the same value are correlated; left out: by role")
    level: float | None = Field(
        None, description="compare with everyone at this level of the treatment; left out: with the levels as they were"
    )


class Intervention(BaseModel):
    """What is done to the treatment."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Kind = Field(
        description="percent: change each dose by amount %; shift: by amount units; set: everyone to amount; "
        "switch_on, switch_off: everyone with or without a 0/1 treatment"
    )
    amount: float | None = Field(None, description="percent, units, or the level; none for a switch")
    floor: float | None = Field(None, description="no shift takes a dose below it, in units of the treatment")
    cap: float | None = Field(None, description="no shift takes a dose above it, in units of the treatment")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        switch = self.kind.startswith("switch")
        if switch == (self.amount is not None):
            message = "a switch has no amount" if switch else f"{self.kind} needs an amount"
            raise ValueError(message)
        if not switch and self.kind != "set" and self.amount == 0:
            message = "an amount of 0 changes nothing"
            raise ValueError(message)
        if (self.floor is not None or self.cap is not None) and self.kind not in {"percent", "shift"}:
            message = "floor and cap belong to percent and shift"
            raise ValueError(message)
        if self.floor is not None and self.cap is not None and self.floor > self.cap:
            message = "the floor is above the cap"
            raise ValueError(message)
        return self


class Params(ToolParams):
    """The scenario without and with the intervention, and for whom."""

    baseline: Baseline = Field(description="rows, columns and what to compare with; {} takes all from causal_model")
    intervention: Intervention = Field(description="what is done to the treatment")
    target_population: Annotated[list[str | Entity], Field(max_length=200)] | None = Field(
        None,
        description=(
            "whose outcomes: segments as cate_analyzer names them (its high_responders) or entities with their column "
            "(gap_calculator's bottom_performers); a row in any of them counts; null: everyone"
        ),
    )
    causal_model: CausalResult | None = Field(None, description="the output of causal_effect_estimator")


class Interval(BaseModel):
    """A 95% interval."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    lower: float = Field(description="lower bound, in the unit of what it belongs to")
    upper: float = Field(description="upper bound, in the unit of what it belongs to")


class CurvePoint(BaseModel):
    """The mean outcome were everyone at this dose."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dose: float = Field(description="units of the treatment")
    value: float = Field(description="mean outcome")
    lower: float = Field(description="lower bound of its 95% interval")
    upper: float = Field(description="upper bound of its 95% interval")
    supported: bool = Field(description="whether enough units alike received it")


class Result(ToolResult):
    """Mean outcomes per row of the target population without and with the intervention."""

    treatment_col: str
    outcome_col: str
    unit: str | None = Field(description="unit of the outcome")
    intervention: str = Field(description="the intervention in words")
    population: str = Field(description="whose outcomes")
    target_members: list[Population]
    predicted_outcome: float = Field(description="mean outcome per row under the intervention")
    confidence_interval: Interval = Field(description="of predicted_outcome, 95%")
    baseline_outcome: float = Field(description="mean outcome per row without it")
    change: float = Field(description="predicted_outcome − baseline_outcome, outcome units per row")
    change_interval: Interval = Field(description="of the change, 95%")
    p_value: float = Field(description="two-sided, of no change")
    lift_percentage: float | None = Field(description="change in percent of the baseline; null where that is 0")
    lift_interval: Interval | None = Field(description="of lift_percentage, 95%")
    total_change: float = Field(description="change × rows of the target population, outcome units")
    total_interval: Interval = Field(description="of total_change, 95%")
    mean_dose_before: float = Field(description="mean of the treatment without the intervention")
    mean_dose_after: float = Field(description="mean of the treatment under it")
    share_changed: float = Field(description="share of the target rows whose treatment it changes")
    share_beyond_support: float = Field(
        description="share of rows moved to doses that rows like them never had (0/1: with a propensity outside [0.05, 0.95])"
    )
    rows_modelled: int = Field(description="rows the model was fitted on")
    caveats: list[str]
    curve: list[CurvePoint] = Field(description="dose–response where a level is set, else empty")
    twin: str | None = Field(None, description="the trained digital twin that was asked; null: the data itself")
    simulation_id: str | None = Field(None, description="the twin's simulation; null: none")


def run(params: Params, context: ToolContext) -> Result:
    """Return the prediction; raise UnprocessableError for what does not fit, NoOverlapError for doses never seen."""
    specification = _specification(params)
    dataset = context.data.describe(specification.dataset)
    members = None if params.target_population is None else resolve_population(dataset, params.target_population)
    prepared = prepare(specification, context, list(dict.fromkeys(m.column for m in members or [])))
    study = prepared.study
    everyone = np.ones(study.n, dtype=np.bool_)
    rows = everyone if members is None else rows_of(prepared.frame, prepared.dataset, members)
    asked = ask(prepared, params.intervention, params.baseline.level, members, rows, context)
    settings = settings_of(context, prepared.specification)
    found = asked.found or simulate(study, settings, params.intervention, rows, params.baseline.level)
    count = asked.units or int(rows.sum())
    return Result(
        n=count,
        method=found.method,
        assumptions=[*found.assumptions, *prepared.assumptions],
        warnings=[*prepared.warnings, *found.warnings, *filter(None, [asked.why])],
        seed=context.seed,
        treatment_col=study.treatment_name,
        outcome_col=study.outcome_name,
        unit=prepared.outcome.unit,
        intervention=_in_words(params, study.treatment_name),
        population="everyone" if members is None else " or ".join(m.label for m in members),
        target_members=members or [],
        predicted_outcome=found.predicted.estimate,
        confidence_interval=_interval(found.predicted),
        baseline_outcome=found.before.estimate,
        change=found.change.estimate,
        change_interval=_interval(found.change),
        p_value=found.change.p_value,
        lift_percentage=None if found.lift is None else 100 * found.lift.estimate,
        lift_interval=None if found.lift is None else _interval(found.lift, 100.0),
        total_change=found.change.estimate * count,
        total_interval=_interval(found.change, float(count)),
        mean_dose_before=found.dose_before,
        mean_dose_after=found.dose_after,
        share_changed=found.share_changed,
        share_beyond_support=found.share_beyond,
        rows_modelled=study.n,
        caveats=_caveats(prepared, found),
        curve=[CurvePoint.model_validate(point) for point in found.curve],
        twin=asked.twin,
        simulation_id=asked.simulation_id,
    )


def _specification(params: Params) -> Specification:
    model = params.causal_model.specification if params.causal_model else None
    names = ("dataset", "filters", "treatment_col", "outcome_col", "confounders", "cluster_col")
    said = {name: value for name in names if (value := getattr(params.baseline, name)) is not None}
    settled = ({name: getattr(model, name) for name in names} if model else {}) | said
    if model and not said.keys() & {"dataset", "treatment_col"}:
        settled |= {"treatment_contrast": model.treatment_contrast, "weight_col": model.weight_col}
    missing = [name for name in ("dataset", "treatment_col", "outcome_col") if name not in settled]
    if missing:
        raise UnprocessableError(
            f"Without a causal_model the baseline must name {', '.join(missing)}.",
            field=f"baseline.{missing[0]}",
            expected="a causal_model, or dataset, treatment_col and outcome_col in baseline",
        )
    return Specification.model_validate(settled)


def _in_words(params: Params, treatment: str) -> str:
    asked, amount = params.intervention, params.intervention.amount or 0.0
    words = {
        "percent": f"{amount:+g}% {treatment}",
        "shift": f"{amount:+g} {treatment}",
        "set": f"{treatment} = {amount:g} for everyone",
        "switch_on": f"{treatment} for everyone",
        "switch_off": f"no {treatment} for anyone",
    }[asked.kind]
    bounds = [f"{name} {value:g}" for name, value in (("floor", asked.floor), ("cap", asked.cap)) if value is not None]
    against = "" if params.baseline.level is None else f", against {treatment} = {params.baseline.level:g} for everyone"
    return words + (f" ({', '.join(bounds)})" if bounds else "") + against


def _interval(found: Inference, scale: float = 1.0) -> Interval:
    return Interval(lower=scale * found.ci_lower, upper=scale * found.ci_upper)


def _caveats(prepared: Prepared, found: Simulated) -> list[str]:
    told = ["It predicts rows like those seen, in the period seen; it does not foresee reactions of the market."]
    if found.change.ci_lower <= 0 <= found.change.ci_upper:
        told.append("The interval of the change includes zero.")
    if found.share_beyond > 0.01:
        told.append(f"For {found.share_beyond:.0%} of the rows it rests on the model more than on rows alike.")
    if prepared.study.clusters is None and prepared.study.n > 1:
        told.append("Rows are taken as independent.")
    return told


def charts(output: Json) -> list[Json]:
    """Draw the outcome without and with the intervention, and the curve where there is one."""
    unit = output["unit"] or output["outcome_col"]
    base, after = output["baseline_outcome"], output["confidence_interval"]
    rows = [
        {"label": "baseline", "value": base, "lower": base, "upper": base},
        {"label": output["intervention"], "value": output["predicted_outcome"], **after},
    ]
    change, interval = output["change"], output["change_interval"]
    name = f"Change of {output['outcome_col']} by {output['intervention']}"
    drawn = [
        _charts.effect_chart(name, change, interval["lower"], interval["upper"], unit=unit),
        _charts_policy.before_after_chart(f"{output['outcome_col']} with {output['intervention']}", rows, unit=unit),
    ]
    if output["curve"]:
        name = f"{output['outcome_col']} by {output['treatment_col']}"
        drawn.append(_charts_policy.dose_chart(name, output["curve"], unit=unit, dose_unit=output["treatment_col"]))
    return drawn


TOOL = ToolSpec(
    name="counterfactual_simulator",
    category=ToolCategory.EXPERIMENT,
    source_agent="experiment_designer",
    description=(
        "What if: the outcome if a dose changed by a percentage, by units or to a level, or a treatment were switched on or off, for "
        "everyone or a target population, with interval and lift, from a trained digital twin where there is one of these rows; doses "
        "outside what was seen are refused."
    ),
    params=Params,
    result=Result,
    run=run,
    examples=EXAMPLES,
    edges=(
        ToolEdge(producer="causal_effect_estimator", output_field="", input_field="causal_model"),
        ToolEdge(producer="cate_analyzer", output_field="high_responders", input_field="target_population"),
        ToolEdge(producer="cate_analyzer", output_field="low_responders", input_field="target_population"),
        ToolEdge(producer="gap_calculator", output_field="bottom_performers", input_field="target_population"),
    ),
    runtime="image",
    charts=charts,
)
