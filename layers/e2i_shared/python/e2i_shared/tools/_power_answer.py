"""The calculator's numbers, from a design and an effect."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from e2i_shared.causal.normal import normal_quantile
from e2i_shared.causal.power import assurance, round_up
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools._power_design import Design, Spread, build

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.tools._power_inputs import Effect
    from e2i_shared.tools.power_calculator import Params

_CURVE_POINTS = 25
_FEW_ROWS = 50  # a standard deviation of so few is off by a tenth, a sample size by a fifth


def answer(params: Params, spread: Spread, effect: Effect) -> Json:
    """Return the fields of Result; raise UnprocessableError where the effect cannot be tested."""
    design = build(params, spread)
    given = _given(params, design)
    sizes = design.required(effect.value) if effect.value is not None else None
    control = given if given is not None else float(sizes[0] if sizes else 0)
    sign = -1 if (effect.value or 1.0) < 0 else 1
    clustered = params.cluster_size is not None
    arms = [design.units(arm) for arm in sizes] if sizes else [None, None]
    studied = _arms(params, design, given) or arms
    detectable = design.detectable(control, sign)
    return {
        "n": sum(arm for arm in studied if arm),
        "method": _method(params, design),
        "assumptions": _assumptions(params, design),
        "warnings": _warnings(params, design, effect, detectable),
        "endpoint": "means" if spread.rate is None else "proportions",
        "effect_used": effect.value,
        "effect_basis": effect.basis,
        "standardized_effect": effect.value / spread.sd if effect.value is not None else None,
        "baseline_rate": spread.rate,
        "sd": spread.sd,
        "power_target": params.power_target,
        "power": design.power(effect.value, control) if effect.value is not None else None,
        "required_sample_size_per_arm": arms[0],
        "required_sample_size_treated": arms[1],
        "required_total_sample_size": sum(arm for arm in arms if arm) if sizes else None,
        "clusters_per_arm": sizes[0] if sizes and clustered else None,
        "clusters_treated": sizes[1] if sizes and clustered else None,
        "cluster_name": params.cluster_name if clustered else None,
        "minimum_detectable_effect": detectable,
        "duration_estimate_weeks": _weeks(params, sum(arm for arm in studied if arm)),
        "design_effect": design.design_effect,
        "inflation": design.inflation,
        "boundary_z": list(design.looks.z) if design.looks else [design.level.z],
        "cautious": _cautious(design, effect),
        "assurance": _assurance(design, effect, control),
        "by_segment": _by_segment(params, design),
        "power_curve": _curve(design, effect, control),
    }


def _given(params: Params, design: Design) -> float | None:
    """Return the control arm of the given size, in units or clusters."""
    if params.sample_size is not None and params.total_sample_size is not None:
        raise UnprocessableError(
            "Give the size per arm or in total.",
            field="total_sample_size",
            expected="sample_size or total_sample_size, not both",
        )
    if params.total_sample_size is not None:
        return params.total_sample_size / (1.0 + params.allocation) / design.unit
    return params.sample_size / design.unit if params.sample_size is not None else None


def _arms(params: Params, design: Design, given: float | None) -> list[int] | None:
    if given is None:
        return None
    control = given * design.unit
    return (
        list(round_up(control, params.allocation)) if params.total_sample_size is None else [params.total_sample_size]
    )


def _weeks(params: Params, total: int) -> float | None:
    return total / params.enrol_per_week + params.follow_up_weeks if params.enrol_per_week else None


def _near_bound(effect: Effect) -> float | None:
    """Return the bound nearer to 0, or None where there is none or the interval holds 0."""
    if effect.value is None:
        return None
    bound = effect.lower if effect.value > 0 else effect.upper
    return bound if bound is not None and bound * effect.value > 0 else None


def _cautious(design: Design, effect: Effect) -> Json | None:
    bound = _near_bound(effect)
    if bound is None:
        return None
    arm = design.required(bound)[0]
    clusters = arm if design.unit > 1 else None
    return {"effect": bound, "required_sample_size_per_arm": design.units(arm), "clusters_per_arm": clusters}


def _assurance(design: Design, effect: Effect, control: float) -> float | None:
    if effect.value is None or effect.lower is None or effect.upper is None:
        return None
    error = (effect.upper - effect.lower) / (2.0 * normal_quantile(0.975))
    return assurance(lambda draw: design.power(draw, control), effect.value, error)


def _by_segment(params: Params, design: Design) -> list[Json]:
    if not isinstance(params.effect_size, dict):
        return []
    return [
        {"segment": name, "effect": e.effect, "required_sample_size_per_arm": _segment_size(design, e.effect)}
        for name, e in params.effect_size.items()
    ]


def _segment_size(design: Design, effect: float) -> int | None:
    try:
        return design.units(design.required(effect)[0]) if effect else None
    except UnprocessableError:
        return None


def _curve(design: Design, effect: Effect, control: float) -> list[Json]:
    if effect.value is None:
        return []
    sizes = sorted({max(2, math.ceil(control * 2.0 * k / _CURVE_POINTS)) for k in range(1, _CURVE_POINTS + 1)})
    return [{"n": design.units(size), "power": design.power(effect.value, size)} for size in sizes]


def _method(params: Params, design: Design) -> str:
    if params.cluster_size is not None:
        test = "t test of cluster means (noncentral t, clusters − 2 degrees of freedom)"
    elif design.spread.rate is not None:
        test = f"two proportions, {params.proportion_method.replace('_', ' ')}"
    elif params.test == "z" or design.spread.sd != design.spread.sd_treated:
        test = "two means, z test"
    else:
        test = "two means, pooled t test (noncentral t)"
    sided = "two-sided" if params.sided == 2 else "one-sided"
    looks = (
        f"; {params.looks} equally spaced looks, {params.boundary}, by recursive integration" if design.looks else ""
    )
    return f"{test}; {sided} alpha {params.alpha:g}, target power {params.power_target:g}{looks}. Spread {design.spread.source}."


def _assumptions(params: Params, design: Design) -> list[str]:
    notes = [
        "Units are randomised, and the control arm varies as assumed.",
        "Arms are rounded up: control first, then allocation × control.",
    ]
    if params.cluster_size is not None:
        notes.append(
            f"Whole clusters are randomised; design effect {design.design_effect:.4g} = 1 + ((1 + cv²)·m − 1)·icc."
        )
    if params.prognostic_r2:
        notes.append(f"The analysis adjusts for a covariate that explains {params.prognostic_r2:.0%} of the variance.")
    if design.looks:
        notes.append("Sample sizes are maxima: the fixed size times the inflation of the looks.")
    return notes


def _warnings(params: Params, design: Design, effect: Effect, detectable: float | None) -> list[str]:
    bounded = effect.lower is not None or effect.upper is not None
    rows = design.spread.rows
    assumed = rows is not None and params.cluster_size is None
    found = {
        f"The outcome's spread is taken from only {rows} rows: the size needed may be far off.": rows is not None
        and rows < _FEW_ROWS,
        "The effect's interval includes 0 or its near bound is not given: no cautious size.": bounded
        and _near_bound(effect) is None,
        "No effect can be detected with this size and power.": detectable is None,
        "The spread is taken over rows; repeated rows of one unit are not independent, so randomised units may need icc and cluster_size.": assumed,
        effect.basis: "none is used alone" in effect.basis,
    }
    return [text for text, applies in found.items() if applies]
