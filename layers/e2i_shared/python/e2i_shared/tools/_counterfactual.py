"""What an intervention would do to some rows: shifts and levels of a dose, switches of a 0/1 treatment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.dose_response import contrast, dose_response
from e2i_shared.causal.estimators.choice import estimate
from e2i_shared.causal.inference import cluster_codes, infer_mean, weighted, widened
from e2i_shared.causal.modified_treatment_policy import Shift, relative, shifted_outcome
from e2i_shared.causal.threads import one_thread_each
from e2i_shared.errors import InsufficientDataError, UnprocessableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.common import Json
    from e2i_shared.causal.dose_response import CurvePoint
    from e2i_shared.causal.results import Inference
    from e2i_shared.causal.study import Settings, Study
    from e2i_shared.tools.counterfactual_simulator import Intervention

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

FEWEST_ROWS = 30
SWITCHES = {"switch_on": 1.0, "switch_off": 0.0}


@dataclass(frozen=True, slots=True)
class Simulated:
    """Mean outcomes of the target rows without and with the intervention, and the change; ``curve`` where levels were compared."""

    predicted: Inference
    before: Inference
    change: Inference
    lift: Inference | None
    dose_before: float
    dose_after: float
    share_changed: float
    share_beyond: float
    method: str
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]
    curve: list[Json]


def simulate(study: Study, settings: Settings, asked: Intervention, rows: Mask, base: float | None) -> Simulated:
    """Return what ``asked`` would do to ``rows`` (n,) against their doses as they were, or against everyone at ``base``.

    Raises UnprocessableError for an intervention that does not fit the treatment, NoOverlapError for doses outside what was seen.
    """
    if rows.sum() < FEWEST_ROWS:
        raise InsufficientDataError(
            f"The target population has {int(rows.sum())} usable rows.",
            field="target_population",
            expected=f"at least {FEWEST_ROWS} rows",
            got=f"{int(rows.sum())} rows",
            hint="Name a larger population.",
        )
    marked = (
        study
        if rows.all()
        else replace(study, design=study.design.with_columns(rows[:, None].astype(np.float64), "target"))
    )
    with one_thread_each():
        if study.kind == "binary":
            return _switched(marked, settings, asked, rows, base)
        if asked.kind == "set":
            return _levelled(marked, settings, asked.amount or 0.0, rows, base)
        return _shifted(marked, settings, asked, rows, base)


def _clusters(study: Study, rows: Mask) -> NDArray[np.intp] | None:
    return None if study.clusters is None else cluster_codes(study.clusters[rows])


def _counted(values: Floats, study: Study, rows: Mask) -> Floats:
    return weighted(values[rows], None if study.weights is None else study.weights[rows])


def _mean(values: Floats, study: Study, rows: Mask) -> Inference:
    return infer_mean(_counted(values, study, rows), _clusters(study, rows))


def _shifted(study: Study, settings: Settings, asked: Intervention, rows: Mask, base: float | None) -> Simulated:
    if asked.kind not in {"percent", "shift"}:
        raise _unfit(asked, f"{study.treatment_name!r} is a dose", "percent, shift or set")
    if base is not None:
        raise UnprocessableError(
            "A shift is compared with the doses as they were, not with one level for all.",
            field="baseline.level",
            expected="no level, or an intervention that sets the dose",
            got=f"{base:g}",
        )
    kind = "add" if asked.kind == "shift" else "percent"
    found = shifted_outcome(
        study,
        Shift("percent" if kind == "percent" else "add", asked.amount or 0.0, asked.floor, asked.cap),
        settings,
        rows,
    )
    moved = np.abs(found.moved - study.treatment)[rows] > 1e-9
    notes = (
        ("A dose of 0 stays 0 under a percentage.",) if kind == "percent" and (study.treatment[rows] == 0).any() else ()
    )
    whole = bool(np.array_equal(study.treatment, np.round(study.treatment)))
    rounding = ("Doses stay whole: fractions are rounded at random, keeping their mean.",) if whole else ()
    return Simulated(
        predicted=found.mean,
        before=_mean(study.outcome, study, rows),
        change=found.change,
        lift=found.lift,
        dose_before=float(study.treatment[rows].mean()),
        dose_after=float(found.moved[rows].mean()),
        share_changed=float(moved.mean()),
        share_beyond=found.share_beyond,
        method="modified treatment policy: one-step estimate with density ratio by classification",
        assumptions=(*found.assumptions, *notes, *rounding),
        warnings=found.warnings,
        curve=[],
    )


def _levelled(study: Study, settings: Settings, level: float, rows: Mask, base: float | None) -> Simulated:
    """Everyone at one dose: a point of the dose–response curve; the whole curve is returned for the chart."""
    curve = dose_response(study, settings, [level, level if base is None else base], rows)
    points, at, other = curve.points, len(curve.points) - 2, len(curve.points) - 1
    after = points[at].inference
    scores = curve.influence[:, at] - curve.influence[rows, at].mean() + after.estimate
    if base is None:
        before = _mean(study.outcome, study, rows)
        step = _excess(after, infer_mean(curve.influence[rows, at], _clusters(study, rows)))
        change = widened(_mean(scores - study.outcome, study, rows), step)
        reference, doses = study.outcome, study.treatment
    else:
        before = points[other].inference
        change = contrast(curve, study, at, other)
        reference = curve.influence[:, other] - curve.influence[rows, other].mean() + before.estimate
        doses = np.full(study.n, base)
    return Simulated(
        predicted=after,
        before=before,
        change=change,
        lift=relative(change, scores[rows], reference[rows], _clusters(study, rows)),
        dose_before=float(doses[rows].mean()),
        dose_after=level,
        share_changed=float((np.abs(doses[rows] - level) > 1e-9).mean()),
        share_beyond=0.0,
        method="dose–response curve by doubly robust pseudo-outcomes",
        assumptions=curve.assumptions,
        warnings=curve.warnings,
        curve=_curve(points[:at]),
    )


def _curve(points: tuple[CurvePoint, ...]) -> list[Json]:
    return [
        {
            "dose": p.dose,
            "value": p.inference.estimate,
            "lower": p.inference.ci_lower,
            "upper": p.inference.ci_upper,
            "supported": p.supported,
        }
        for p in points
    ]


def _switched(study: Study, settings: Settings, asked: Intervention, rows: Mask, base: float | None) -> Simulated:
    level = SWITCHES.get(asked.kind, asked.amount if asked.kind == "set" else None)
    if level not in (0.0, 1.0) or base not in (None, 0.0, 1.0):
        raise _unfit(asked, f"{study.treatment_name!r} is 0/1", "switch_on, switch_off, or set with amount 0 or 1")
    if base == level:
        raise _unfit(asked, "Baseline and intervention are the same level", "different levels")
    found = estimate(replace(study, randomised=False), settings, "aipw")
    fits = found.nuisances
    a, y, e = study.treatment, study.outcome, fits.treatment
    none = fits.outcome - e * fits.effect
    arms = {
        0.0: none + (1 - a) * (y - none) / (1 - e),
        1.0: none + fits.effect + a * (y - none - fits.effect) / e,
    }
    scores, reference = arms[level], y if base is None else arms[base]
    doses = a if base is None else np.full(study.n, base)
    changed = float((doses[rows] != level).mean())
    step = _excess(found.inference, infer_mean(found.scores, study.clusters)) * changed
    change = widened(_mean(scores - reference, study, rows), step)
    return Simulated(
        predicted=widened(_mean(scores, study, rows), step),
        before=_mean(reference, study, rows),
        change=change,
        lift=relative(
            change, _counted(scores, study, rows), _counted(reference, study, rows), _clusters(study, rows), step
        ),
        dose_before=float(doses[rows].mean()),
        dose_after=level,
        share_changed=changed,
        share_beyond=found.diagnostics.overlap.share_outside if found.diagnostics.overlap else 0.0,
        method="doubly robust mean of the potential outcome (AIPW)",
        assumptions=found.assumptions,
        warnings=found.warnings,
        curve=[],
    )


def _excess(wide: Inference, plain: Inference) -> float:
    return float(np.sqrt(max(wide.std_error**2 - plain.std_error**2, 0.0)))


def _unfit(asked: Intervention, why: str, expected: str) -> UnprocessableError:
    return UnprocessableError(
        f"{why}: the intervention {asked.kind!r} does not fit.",
        field="intervention.kind",
        expected=expected,
        got=asked.kind if asked.amount is None else f"{asked.kind} {asked.amount:g}",
    )
