"""Asks a trained twin what an intervention would do: numpy only, deterministic, and no surer than its data.

``simulate(bundle, spec, …)`` → ``Simulation`` (JSON). The estimate is the twins' mean predicted effect plus what the training units'
influence functions say that prediction misses:

    τ̂ = mean over twins of τ̂(x) + mean over units of (Γ − τ̂(X)),

both over the population asked for. Its variance is that of Γ's influence function over those units (robust to clusters), plus the
Monte-Carlo error of the draw, plus what is not sampling error: smoothing left in the models, a departure of the twins' mean from the
units', extrapolation, and past prediction errors. Only the Monte-Carlo part falls with the number of twins. Assumes no unobserved
confounding given the features, overlap (else refused), and one unit's outcome untouched by another's treatment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.student import t_sf
from e2i_shared.datasets import filters
from e2i_shared.errors import InsufficientDataError
from e2i_shared.twins import charts
from e2i_shared.twins.advise import NEARLY_ZERO, Finding, advise, min_effect
from e2i_shared.twins.bundle import Dose
from e2i_shared.twins.evidence import Population, by_segment, dose_response, measure, spread
from e2i_shared.twins.fidelity import fidelity_score, past_errors
from e2i_shared.twins.question import contrast_of
from e2i_shared.twins.results import Comparison, Simulation
from e2i_shared.twins.sizing import place_of
from e2i_shared.twins.spec import Thresholds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.twins.bundle import Bundle
    from e2i_shared.twins.contrast import Contrast
    from e2i_shared.twins.evidence import Measured
    from e2i_shared.twins.fidelity import Grade, Outcome
    from e2i_shared.twins.results import Advice, DosePoint, SegmentEffect
    from e2i_shared.twins.spec import SimulationSpec
    from e2i_shared.twins.table import Table

    Floats = NDArray[np.float64]

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def simulate(
    bundle: Bundle,
    spec: SimulationSpec,
    *,
    thresholds: Thresholds | None = None,
    history: Sequence[Outcome] = (),
    with_charts: bool = True,
) -> Simulation:
    """Answer ``spec``; ``history`` are this model's earlier predictions with what came true.

    Raises UnknownColumnError or UnknownValueError (filters, segments), InsufficientDataError (nobody passes), NoOverlapError, or
    UnprocessableError (unknown intervention, dose out of support), each naming the field and what would work.
    """
    thresholds = thresholds or Thresholds()
    asked = population_of(bundle, spec)
    contrast = contrast_of(bundle, spec, asked.rows)
    past = past_errors(history)
    measured = measure(bundle, contrast, asked, uptake=spec.config.uptake, past=past.added)
    found = _Parts(
        measured=measured,
        comparison=_compare(bundle, contrast, asked, measured),
        groups=by_segment(bundle, contrast, asked, spec),
        curve=dose_response(bundle, contrast, asked.rows, spec.confidence_level),
        fidelity=fidelity_score(bundle.header["fidelity"], history),
    )
    single = spec.config.uptake * contrast.twins[asked.drawn]
    result = _result(bundle, spec, asked, contrast, found, single, thresholds)
    return result.model_copy(update={"charts": charts.of_simulation(result, single)}) if with_charts else result


@dataclass(frozen=True, slots=True)
class _Parts:
    measured: Measured
    comparison: Comparison
    groups: dict[str, list[SegmentEffect]]
    curve: list[DosePoint]
    fidelity: tuple[float, Grade]


def _result(
    bundle: Bundle,
    spec: SimulationSpec,
    asked: Population,
    contrast: Contrast,
    found: _Parts,
    single: Floats,
    thresholds: Thresholds,
) -> Simulation:
    advice, above = _advice(bundle, spec, asked, contrast, found, thresholds)
    measured, (score, grade) = found.measured, found.fidelity
    reason = _doubt(score, grade, thresholds, measured.parts.past_errors, measured.std_error)
    outcome = bundle.header["outcome"]
    return Simulation(
        intervention=contrast.name,
        intervention_type=spec.intervention_type,
        estimand=contrast.estimand + (f", at an uptake of {spec.config.uptake:g}" if spec.config.uptake < 1 else ""),
        outcome=outcome["name"],
        outcome_unit=outcome["unit"],
        simulated_ate=measured.effect,
        confidence_interval=measured.bounds(spec.confidence_level),
        std_error=measured.std_error,
        confidence_level=spec.confidence_level,
        p_effect_above_threshold=above,
        uncertainty=measured.parts,
        compare_to_baseline=found.comparison,
        effect_heterogeneity=found.groups,
        effect_quantiles={f"{q:g}": float(v) for q, v in zip(_QUANTILES, np.quantile(single, _QUANTILES), strict=True)},
        dose_response=found.curve,
        recommendation=advice.recommendation,
        rationale=advice.rationale,
        advice=advice,
        recommended_sample_size=advice.sample_size_per_arm,
        recommended_duration_weeks=advice.duration_weeks,
        simulation_confidence=advice.confidence,
        fidelity_score=score,
        fidelity_warning=reason is not None,
        fidelity_warning_reason=reason,
        extrapolation=contrast.extra > 0,
        share_outside=contrast.outside,
        warnings=[*contrast.warnings, *asked.warnings, *_unused(spec, bundle, contrast)],
        twins=len(asked.drawn),
        units=int(asked.rows.sum()),
        seed=spec.seed,
        model_hash=bundle.digest,
        charts={},
    )


def _advice(
    bundle: Bundle,
    spec: SimulationSpec,
    asked: Population,
    contrast: Contrast,
    found: _Parts,
    thresholds: Thresholds,
) -> tuple[Advice, float]:
    """Return the advice and the probability that the effect passes the least worth having, in the wanted direction."""
    direction = bundle.header["spec"]["direction"]
    measured, baseline = found.measured, found.comparison.baseline
    least = min_effect(baseline, bundle.header["outcome"]["sd"], thresholds)
    above = measured.chance_above(least) if direction == "increase" else 1 - measured.chance_above(-least)
    lower, upper = measured.bounds(spec.confidence_level)
    finding = Finding(
        effect=measured.effect,
        lower=lower,
        upper=upper,
        baseline=baseline,
        sd=bundle.header["outcome"]["sd"],
        confidence=max(above, 1 - above) * (1 - contrast.outside) * (0.5 if contrast.extra > 0 else 1.0),
        fidelity=found.fidelity[0],
        extrapolation=contrast.extra > 0,
        place=place_of(bundle, asked.rows, baseline),
        duration_weeks=spec.config.duration_weeks,
        best_segment=_best(found.groups, least, direction),
    )
    return advise(finding, bundle.header, thresholds, direction), above


def population_of(bundle: Bundle, spec: SimulationSpec) -> Population:
    """Apply the filters to units and twins, and draw the twins asked for from the seed."""
    rows, fits = (_passing(bundle, table, spec) for table in (bundle.units, bundle.twins))
    pool = np.flatnonzero(fits)
    if not rows.any() or not len(pool):
        raise InsufficientDataError(
            "Nobody passes the population filters.",
            field="population_filters",
            expected="filters that some training units pass",
            got=f"{int(rows.sum())} units, {len(pool)} twins",
            hint="Widen the filters.",
        )
    if len(pool) <= spec.twin_count:
        said = f"{len(pool):,} twins pass the filters, fewer than the {spec.twin_count:,} asked for: all are used."
        return Population(rows, pool, (said,) if len(pool) < spec.twin_count else ())
    drawn = np.random.default_rng(spec.seed).choice(pool, spec.twin_count, replace=False)
    return Population(rows, drawn, ())


def _passing(bundle: Bundle, table: Table, spec: SimulationSpec) -> NDArray[np.bool_]:
    """Return the rows of a table that pass every filter and, where there are any, one of ``population_any``."""
    every = filters.resolve(bundle.catalogue, spec.population_filters)
    some = filters.resolve(bundle.catalogue, spec.population_any)
    if not every and not some:
        return np.ones(table.n, dtype=np.bool_)
    frame = table.frame()
    kept = filters.mask(frame, every)
    return kept & np.any([filters.mask(frame, [one]) for one in some], axis=0) if some else kept


def _compare(bundle: Bundle, contrast: Contrast, asked: Population, measured: Measured) -> Comparison:
    baseline = contrast.baseline(bundle.outcome, asked.rows)
    t = measured.effect / measured.std_error if measured.std_error > 0 else 0.0
    scale = abs(baseline) >= NEARLY_ZERO * bundle.header["outcome"]["sd"]
    before = contrast.baseline_influence(bundle.outcome, asked.rows)
    beyond = measured.std_error**2 - measured.parts.data**2  # what is no sampling error of the units
    relative = (measured.influence - measured.effect / baseline * before) / abs(baseline) if scale else None

    def error(influence: Floats, more: float) -> float:
        return float(np.sqrt(spread(influence, asked.rows, bundle.clusters)[0] ** 2 + max(more, 0.0)))

    return Comparison(
        baseline=baseline,
        baseline_std_error=error(before, 0.0),
        with_intervention=baseline + measured.effect,
        with_std_error=error(before + measured.influence, beyond),
        delta=measured.effect,
        lift=measured.effect / abs(baseline) if scale else None,
        lift_std_error=None if relative is None else error(relative, beyond / baseline**2),
        statistic=t,
        p_value=min(1.0, 2 * t_sf(abs(t), float(measured.df))),
        baseline_is=contrast.baseline_is,
    )


def _best(groups: dict[str, list[SegmentEffect]], least: float, direction: str) -> str | None:
    """Return the group whose whole interval passes the least effect worth having, the largest first."""
    sign = 1.0 if direction == "increase" else -1.0
    passing = [
        (sign * one.effect, f"{name} = {one.level}")
        for name, found in groups.items()
        for one in found
        if min(sign * one.ci_lower, sign * one.ci_upper) > least
    ]
    return max(passing)[1] if passing else None


def _doubt(score: float, grade: str, thresholds: Thresholds, past: float, error: float) -> str | None:
    if score < thresholds.min_fidelity:
        return f"The twin's fidelity is {score:.2f}, under {thresholds.min_fidelity:.2f}."
    if grade == "unvalidated":
        return "No prediction of this twin has been compared with a real result yet."
    if past > 0.5 * error:
        return "Earlier predictions were off by more than chance; the interval is widened by that."
    return None


def _unused(spec: SimulationSpec, bundle: Bundle, contrast: Contrast) -> list[str]:
    """Return what was asked for without moving a number."""
    given = [name for name in ("channel", "frequency", "content") if getattr(spec.config, name) is not None]
    found = [f"{', '.join(given)}: not recorded in the training data, so without influence on the numbers."] * bool(
        given
    )
    if spec.config.duration_weeks is not None:
        found.append(
            "duration_weeks: how long a real test takes; the effect is that on one row of the data, however long it lasts."
        )
    way = bundle.header["spec"]["monotone"].get(contrast.name)
    if way and isinstance(contrast.effect, Dose):
        found.append(
            f"monotone: the drawn dose curve is kept {way}; the effect and its interval are as the data has them."
        )
    return found
