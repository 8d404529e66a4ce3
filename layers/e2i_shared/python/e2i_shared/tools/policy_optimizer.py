"""Spread a budget of treatments over those who gain most from it, and say what that brings against random and volume targeting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.common import Filter
from e2i_shared.api.tools import ToolCategory, ToolEdge
from e2i_shared.tools import _charts, _charts_policy
from e2i_shared.tools._analysis import CausalResult
from e2i_shared.tools._policy import best_policy, by_segment
from e2i_shared.tools._registry import ToolParams, ToolResult, ToolSpec
from e2i_shared.tools._rerun import asked_specification

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.causal.results import Inference
    from e2i_shared.tools._policy import Policy
    from e2i_shared.tools._registry import ToolContext

EXAMPLES: list[Json] = [
    {
        "dataset": "hcp_monthly",
        "filters": [{"column": "brand", "value": "Kisqali"}, {"column": "region", "value": "Northeast"}],
        "treatment_col": "rep_visits",
        "outcome_col": "trx",
        "budget": 200,
        "volume_col": "trx_baseline",
    },
    {
        "dataset": "patients",
        "filters": [{"column": "brand", "value": "Fabhalta"}],
        "treatment_col": "nurse_support",
        "outcome_col": "adherence_pdc",
        "budget": 300,
        "unit_col": "patient_id",
        "value_per_unit": 1000.0,
        "cost_per_treatment": 20.0,
    },
]


class Params(ToolParams):
    """Which treatment raises which outcome, and how much of it there is to give."""

    causal_result: CausalResult | None = Field(None, description="the output of causal_effect_estimator")
    dataset: str | None = Field(None, description="data set, where there is no causal_result")
    filters: list[Filter] = Field([], description="conditions on rows, where there is no causal_result")
    treatment_col: str | None = Field(None, description="what is given, where there is no causal_result")
    outcome_col: str | None = Field(None, description="what it should raise, where there is no causal_result")
    confounders: list[str] | None = Field(None, description="columns to adjust for, where there is no causal_result")
    cluster_col: str | None = Field(None, description="rows of one value are correlated, without a causal_result")
    budget: Annotated[float, Field(gt=0, le=1e9)] = Field(
        description="treatments to give: units of a dose (extra calls per period), or how many to treat"
    )
    max_per_unit: Annotated[float, Field(gt=0, le=1e6)] | None = Field(
        None, description="most treatments one unit may get; left out: 1, or for a dose up to the 95% quantile seen"
    )
    unit_col: str | None = Field(None, description="who is treated; left out: the identifier or cluster, else each row")
    candidates: list[Filter] = Field([], description="conditions on who may be treated; the effect is learnt from all")
    volume_col: str | None = Field(
        None,
        description="volume to compare with treat-by-volume; left out: the outcome's baseline, else what is expected",
    )
    segment_cols: list[str] | None = Field(
        None, max_length=6, description="columns to sum the allocation by; left out: the segments that matter most"
    )
    value_per_unit: Annotated[float, Field(gt=0)] = Field(1.0, description="worth of one unit of the outcome")
    cost_per_treatment: Annotated[float, Field(ge=0)] = Field(0.0, description="cost of one treatment, same currency")
    higher_is_better: bool = Field(default=True, description="false where the treatment should lower the outcome")
    top_n: Annotated[int, Field(ge=1, le=1000)] = Field(20, description="how many units to list")


class Target(BaseModel):
    """One unit to treat."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rank: int
    unit: str
    treatments: float = Field(description="how many it gets")
    predicted_effect: float = Field(description="outcome units per treatment, out of fold")
    expected_gain: float = Field(description="predicted_effect × treatments, outcome units")
    volume: float = Field(description="what treat-by-volume would rank by")


class SegmentAllocation(BaseModel):
    """What a segment gets."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    column: str
    segment: str
    candidates: int
    treated: int
    treatments: float = Field(description="how many it gets")
    share_of_budget: float = Field(description="treatments over all given")
    mean_effect: float = Field(description="mean predicted effect of its candidates, outcome units per treatment")


class Gain(BaseModel):
    """A total over all units in outcome units, with its 95% interval; positive is better."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    estimate: float = Field(description="outcome units")
    ci_lower: float = Field(description="lower bound, outcome units")
    ci_upper: float = Field(description="upper bound, outcome units")
    p_value: float = Field(description="two-sided, of no gain")


class BudgetPoint(BaseModel):
    """The gain of another budget."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    budget: float = Field(description="treatments given")
    policy: str
    gain: float = Field(description="outcome units against treating nobody")
    lower: float | None = Field(description="lower bound of the gain's 95% interval")
    upper: float | None = Field(description="upper bound of the gain's 95% interval")


class Result(ToolResult):
    """Who gets the budget and what that is worth, by out-of-fold doubly robust scores; gains are positive where better."""

    treatment_col: str
    outcome_col: str
    unit: str | None = Field(description="unit of the outcome")
    unit_col: str | None = Field(description="who is treated; null: each row")
    candidates: int
    treated: int
    budget: float = Field(description="treatments there were to give")
    spent: float = Field(description="treatments given")
    targets: list[Target] = Field(description="largest predicted gain per treatment first")
    allocation_by_segment: list[SegmentAllocation]
    expected_gain: Gain = Field(description="against treating nobody")
    gain_against_random: Gain = Field(description="against the same number of treatments at random")
    gain_against_volume: Gain = Field(description="against the same number to the largest volumes")
    gain_per_treatment: float = Field(description="expected_gain over treatments given, outcome units")
    volume_ranked_by: str
    net_value: float | None = Field(description="gain × value − cost of what is given; null without a cost")
    net_value_ci_lower: float | None = Field(description="95% bound of net_value")
    net_value_ci_upper: float | None = Field(description="95% bound of net_value")
    average_effect: float = Field(description="outcome units per treatment over all rows")
    qini: float = Field(description="area between the gain curve and random, outcome units per unit; 0 tells nothing")
    qini_ci_lower: float = Field(description="95% bound of qini")
    qini_ci_upper: float = Field(description="95% bound of qini")
    feature_importance: dict[str, float] = Field(
        description="share of the predicted effect's variance between a column's groups; sums to 1, or all 0"
    )
    budget_curve: list[BudgetPoint]


def run(params: Params, context: ToolContext) -> Result:
    """Return the allocation; raise UnprocessableError for columns that do not fit, or what the estimator raises."""
    found = best_policy(asked_specification(params, "what is given to raise what"), params, context)
    units, value = found.units, found.value
    spent = float(found.doses.sum())
    net = _net(params, value.gain, spent)
    return Result(
        n=found.prepared.study.n,
        method=f"DR-learner ({found.learnt.learner}) out of fold; value by doubly robust scores ({found.estimate.method})",
        assumptions=[*found.estimate.assumptions, *found.prepared.assumptions, *_assumptions(found)],
        warnings=[*found.prepared.warnings, *found.estimate.warnings, *found.warnings],
        seed=context.seed,
        treatment_col=found.prepared.study.treatment_name,
        outcome_col=found.prepared.study.outcome_name,
        unit=found.prepared.outcome.unit,
        unit_col=found.unit_col,
        candidates=len(units.names),
        treated=int((found.doses > 0).sum()),
        budget=params.budget,
        spent=spent,
        targets=_targets(found, params.top_n),
        allocation_by_segment=[SegmentAllocation.model_validate(r) for r in by_segment(found, params.segment_cols)],
        expected_gain=_gain(value.gain),
        gain_against_random=_gain(value.against_random),
        gain_against_volume=_gain(value.against_volume or value.against_random),
        gain_per_treatment=value.gain.estimate / spent,
        volume_ranked_by=found.volume_name,
        net_value=net[0] if params.cost_per_treatment else None,
        net_value_ci_lower=net[1] if params.cost_per_treatment else None,
        net_value_ci_upper=net[2] if params.cost_per_treatment else None,
        average_effect=found.estimate.inference.estimate,
        qini=found.qini.estimate,
        qini_ci_lower=found.qini.ci_lower,
        qini_ci_upper=found.qini.ci_upper,
        feature_importance=dict(found.learnt.importance),
        budget_curve=[BudgetPoint.model_validate(row) for row in found.curve],
    )


def _targets(found: Policy, most: int) -> list[Target]:
    units = found.units
    order = np.argsort(-found.sign * units.effects, kind="stable")
    chosen = [int(i) for i in order if found.doses[i] > 0][:most]
    return [
        Target(
            rank=rank,
            unit=units.names[i],
            treatments=float(found.doses[i]),
            predicted_effect=float(units.effects[i]),
            expected_gain=float(units.effects[i] * found.doses[i]),
            volume=float(units.volume[i]),
        )
        for rank, i in enumerate(chosen, 1)
    ]


def _gain(found: Inference) -> Gain:
    return Gain(estimate=found.estimate, ci_lower=found.ci_lower, ci_upper=found.ci_upper, p_value=found.p_value)


def _net(params: Params, gain: Inference, spent: float) -> tuple[float, float, float]:
    cost, value = spent * params.cost_per_treatment, params.value_per_unit
    return gain.estimate * value - cost, gain.ci_lower * value - cost, gain.ci_upper * value - cost


def _assumptions(found: Policy) -> list[str]:
    told = [
        "Units are ranked by effects learnt without their own outcomes; gains are measured on outcomes not used to rank."
    ]
    if found.unit_col is not None and len(found.units.names) < found.prepared.study.n:
        told.append(
            f"A gain is of one row's period: what the treatments bring in a period in which each {found.unit_col} gets its number."
        )
    if found.prepared.study.kind == "dose":
        told.append("Each further treatment of a unit brings as much as the one before.")
    return told


def charts(output: Json) -> list[Json]:
    """Draw the gains, the gain by budget and what each segment gets."""
    unit = output["unit"] or output["outcome_col"]
    name = output["treatment_col"]
    labels = {
        "against nobody": "expected_gain",
        "against random": "gain_against_random",
        "against volume": "gain_against_volume",
    }
    gains = [
        {"label": label, "effect": g["estimate"], "lower": g["ci_lower"], "upper": g["ci_upper"]}
        for label, field in labels.items()
        for g in [output[field]]
    ]
    drawn = [
        _charts.forest_chart(f"Gain from {output['spent']:g} {name}", gains, unit=unit),
        _charts_policy.budget_chart(
            f"Gain by number of {name}", output["budget_curve"], unit=unit, budget=output["spent"]
        ),
    ]
    columns = dict.fromkeys(row["column"] for row in output["allocation_by_segment"])
    for column in columns:
        rows = [
            {"label": r["segment"], "treatments": r["treatments"], "units": r["treated"]}
            for r in output["allocation_by_segment"]
            if r["column"] == column
        ]
        drawn.append(_charts_policy.allocation_chart(f"{name} by {column}", rows))
    return drawn


TOOL = ToolSpec(
    name="policy_optimizer",
    category=ToolCategory.SEGMENTATION,
    source_agent="heterogeneous_optimizer",
    description=(
        "Given a budget of treatments (500 extra calls), who gets them: a ranked list, what each segment gets, and the expected gain "
        "with interval, against random and against treat-by-volume, from out-of-fold doubly robust policy value."
    ),
    params=Params,
    result=Result,
    run=run,
    examples=EXAMPLES,
    edges=(ToolEdge(producer="causal_effect_estimator", output_field="", input_field="causal_result"),),
    runtime="image",
    charts=charts,
)
