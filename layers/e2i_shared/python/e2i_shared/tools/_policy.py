"""Units to treat, what each would gain, and how a budget is spread over them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.datasets import ColumnRole
from e2i_shared.causal import heterogeneity
from e2i_shared.causal.dr_learner import unit_effects
from e2i_shared.causal.estimators.choice import estimate
from e2i_shared.causal.policy_value import allocate, policy_value, total
from e2i_shared.errors import InsufficientDataError
from e2i_shared.tools._analysis import prepare, settings_of
from e2i_shared.tools._candidates import candidates_of, who_and_volume
from e2i_shared.tools._columns import match_column
from e2i_shared.tools._segments import cut

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.causal.dr_learner import UnitEffects
    from e2i_shared.causal.policy_value import PolicyValue
    from e2i_shared.causal.results import Estimate, Inference
    from e2i_shared.causal.study import Study
    from e2i_shared.tools._analysis import Prepared, Specification
    from e2i_shared.tools._candidates import Units
    from e2i_shared.tools._registry import ToolContext
    from e2i_shared.tools.policy_optimizer import Params

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]
    Mask = NDArray[np.bool_]

MOST_SEGMENT_COLUMNS, MOST_LEVELS = 3, 60
BUDGETS = 10


@dataclass(frozen=True, slots=True)
class Policy:
    """An allocation of the budget and what it is worth; ``sign`` is −1 where less of the outcome is better."""

    prepared: Prepared
    estimate: Estimate
    learnt: UnitEffects
    units: Units
    unit_col: str | None
    volume_name: str
    doses: Floats
    value: PolicyValue
    curve: list[Json]
    qini: Inference
    sign: float
    warnings: list[str]


def best_policy(specification: Specification, params: Params, context: ToolContext) -> Policy:
    """Learn who gains most and give them the budget; raise what the estimator raises, or InsufficientDataError for few units."""
    dataset = context.data.describe(specification.dataset)
    unit_col, volume = who_and_volume(dataset, params, specification)
    segments = [match_column(dataset, name).name for name in params.segment_cols or []]
    wanted = [c for c in (unit_col, volume, *segments, *_default_segments(dataset), *_named(params)) if c]
    prepared = prepare(specification, context, list(dict.fromkeys(wanted)))
    # Scores are wanted unit by unit, and every unit's effect alike.
    study = replace(prepared.study, randomised=False, weights=None, panel=None)
    settings = replace(settings_of(context, prepared.specification), estimand="ate")
    found = estimate(study, settings)
    learnt = unit_effects(study, found, settings)
    sign = 1.0 if params.higher_is_better else -1.0
    units = candidates_of(prepared, found, learnt, params, unit_col, volume)
    worth = sign * units.effects * params.value_per_unit > params.cost_per_treatment
    by_effect, by_volume = np.where(worth, units.room, 0.0), units.room
    if not by_effect.any():
        raise InsufficientDataError(
            "No candidate is expected to gain from the treatment"
            + (" at this cost." if params.cost_per_treatment else "."),
            field="candidates",
            expected="candidates whose expected gain exceeds the cost",
            got="none",
            hint="Check the effect with cate_analyzer, or lower cost_per_treatment.",
        )
    doses = allocate(sign * units.effects, params.budget, by_effect)
    volumes = allocate(units.volume, float(doses.sum()), by_volume)
    value = policy_value(sign * units.scores, doses, units.room, volumes, units.clusters)
    return Policy(
        prepared=prepared,
        estimate=found,
        learnt=learnt,
        units=units,
        unit_col=unit_col,
        volume_name=volume or f"expected {study.outcome_name}",
        doses=doses,
        value=value,
        curve=_curve(units, sign, by_effect, params.budget),
        qini=heterogeneity.qini(sign * units.scores, sign * units.effects, units.clusters),
        sign=sign,
        warnings=_warnings(params, units, doses, learnt, prepared.study),
    )


def _default_segments(dataset: Dataset) -> list[str]:
    return [c.name for c in dataset.columns if c.role is ColumnRole.SEGMENT]


def _named(params: Params) -> list[str]:
    return [f.column for f in params.candidates]


def _curve(units: Units, sign: float, room: Floats, budget: float) -> list[Json]:
    """Return the gain of smaller and larger budgets by effect, by volume and at random."""
    most = float(room.sum())
    rows: list[Json] = []
    for spend in np.unique(np.append(np.linspace(0, min(most, 2.5 * budget), BUDGETS + 1)[1:], min(budget, most))):
        doses = allocate(sign * units.effects, float(spend), room)
        volumes = allocate(units.volume, float(spend), units.room)
        value = policy_value(sign * units.scores, doses, units.room, volumes, units.clusters)
        gain = value.gain
        even = gain.estimate - value.against_random.estimate
        by_volume = total(sign * units.scores, volumes, units.clusters).estimate
        spent = float(doses.sum())
        rows.append(
            {
                "budget": spent,
                "policy": "by effect",
                "gain": gain.estimate,
                "lower": gain.ci_lower,
                "upper": gain.ci_upper,
            }
        )
        rows.append({"budget": spent, "policy": "by volume", "gain": by_volume, "lower": None, "upper": None})
        rows.append({"budget": spent, "policy": "at random", "gain": even, "lower": None, "upper": None})
    return rows


def by_segment(policy: Policy, names: list[str] | None) -> list[Json]:
    """Return what each segment gets of the budget, largest share first within each column."""
    frame, dataset = policy.prepared.frame, policy.prepared.dataset
    first, doses = policy.units.first, policy.doses
    rows: list[Json] = []
    for name in _segment_columns(policy) if names is None else [match_column(dataset, n).name for n in names]:
        column = dataset.column(name)
        if column is None:
            continue
        segments = cut(frame, column, 4)
        if not 1 < len(segments.levels) <= MOST_LEVELS:
            continue
        members = segments.members[first] == 1
        held = [k for k in range(len(segments.levels)) if members[:, k].any()]
        part = [
            {
                "column": name,
                "segment": segments.labels[k],
                "candidates": int(members[:, k].sum()),
                "treated": int((doses[members[:, k]] > 0).sum()),
                "treatments": float(doses[members[:, k]].sum()),
                "share_of_budget": float(doses[members[:, k]].sum() / doses.sum()),
                "mean_effect": float(policy.units.effects[members[:, k]].mean()),
            }
            for k in held
        ]
        rows += sorted(part, key=lambda row: -row["treatments"])
    return rows


def _segment_columns(policy: Policy) -> list[str]:
    """Return the segments that matter most for the effect."""
    weight = policy.learnt.importance
    fixed = {f.column for f in policy.prepared.specification.filters if f.op == "eq"}
    names = [n for n in _default_segments(policy.prepared.dataset) if n not in fixed]
    return sorted(names, key=lambda name: -weight.get(name, 0.0))[:MOST_SEGMENT_COLUMNS]


def _warnings(params: Params, units: Units, doses: Floats, learnt: UnitEffects, study: Study) -> list[str]:
    spent, room = float(doses.sum()), float(units.room.sum())
    told = {
        f"Only {spent:g} of {params.budget:g} treatments are given: further ones are not expected to gain"
        + (", or would take units beyond the doses seen." if spent >= room - 1e-9 else "."): spent
        < params.budget - 1e-9,
        "No difference in effect between units was learnt: any order is as good.": learnt.trees == 0
        and learnt.learner == "mean",
        "max_per_unit takes some units beyond the doses seen: the effect is extrapolated.": params.max_per_unit
        is not None
        and study.kind == "dose"
        and bool((units.dose + params.max_per_unit > units.dose.max() + units.room.max()).any()),
    }
    told["Each row counts once: weights are not used to choose whom to treat."] = study.weights is not None
    return [text for text, applies in told.items() if applies]
