"""Which effect is to be found, and how the outcome varies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.errors import InsufficientDataError, NoVariationError, UnprocessableError
from e2i_shared.tools._columns import numeric_column
from e2i_shared.tools._power_design import Spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_shared.datasets.frame import DataSource
    from e2i_shared.tools.power_calculator import Params, SegmentEffect


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect to find (None when only the detectable one is asked for) with its 95% bounds."""

    value: float | None
    lower: float | None
    upper: float | None
    basis: str


def choose_effect(params: Params) -> Effect:
    """Return the effect; raise UnprocessableError for one of zero, for none at all, or for bounds that do not hold it."""
    given = params.effect_size
    if given is None:
        if params.sample_size is None and params.total_sample_size is None:
            raise UnprocessableError(
                "Without an effect a sample size is needed, to say what it can detect.",
                field="effect_size",
                expected="effect_size, or sample_size or total_sample_size",
                got="neither",
            )
        return Effect(None, None, None, "No effect given: the detectable effect is computed.")
    if isinstance(given, dict):
        return _of_segments(given, params.effect_choice)
    _refuse_zero(given)
    lower, upper = params.effect_ci_lower, params.effect_ci_upper
    if lower is not None and upper is not None and not lower <= given <= upper:
        raise UnprocessableError(
            f"The interval {lower:.6g} to {upper:.6g} does not hold the effect {given:.6g}.",
            field="effect_ci_lower",
            expected="effect_ci_lower ≤ effect_size ≤ effect_ci_upper",
        )
    return Effect(given, lower, upper, "The effect given.")


def find_spread(params: Params, data: DataSource) -> Spread:
    """Return what is given, else what the outcome column shows; raise UnprocessableError where neither is there."""
    if params.baseline_rate is not None and params.sd is not None:
        raise UnprocessableError(
            "The outcome is either a rate or a mean.",
            field="sd",
            expected="baseline_rate for a yes/no outcome or sd for a numeric one, not both",
        )
    if params.baseline_rate is not None:
        return _of_rate(params.baseline_rate, "given", None)
    if params.sd is not None:
        return Spread(None, params.sd, params.sd_treated or params.sd, "given")
    if params.dataset is None or params.outcome_col is None:
        raise UnprocessableError(
            "How the outcome varies is not known.",
            field="sd",
            expected="baseline_rate (yes/no outcome), sd (numeric outcome), or dataset with outcome_col to measure it",
            hint="For an effect in standard deviations, give sd = 1.",
        )
    return _measured(params, data, params.dataset, params.outcome_col)


def _measured(params: Params, data: DataSource, dataset: str, outcome: str) -> Spread:
    column = numeric_column(data.describe(dataset), outcome, "outcome_col")
    values = data.read(dataset, [column.name], params.filters).numbers(column.name)
    known = values[~np.isnan(values)]
    if len(known) < 2:
        raise InsufficientDataError(
            f"{len(known)} rows have a value of {column.name!r}; its spread needs at least two.",
            field="filters",
            expected="at least two rows with the outcome",
            got=f"{len(known)} rows",
            hint="Widen the filters, or give sd or baseline_rate.",
        )
    sd = float(known.std(ddof=1))
    if sd <= 1e-12 * float(np.abs(known).max()):
        raise NoVariationError(
            f"{column.name!r} is {known[0]:.6g} in every row.",
            field="outcome_col",
            expected="an outcome that varies",
            got=column.name,
            hint="Widen the filters, or give sd or baseline_rate.",
        )
    source = f"measured in {len(known):,} rows of {dataset}"
    if bool(np.isin(known, (0.0, 1.0)).all()):
        return _of_rate(float(known.mean()), source, len(known))
    return Spread(None, sd, params.sd_treated or sd, source, len(known))


def _of_rate(rate: float, source: str, rows: int | None) -> Spread:
    sd = math.sqrt(rate * (1.0 - rate))
    return Spread(rate, sd, sd, source, rows)


def _of_segments(effects: Mapping[str, SegmentEffect], choice: str) -> Effect:
    nonzero = {name: e for name, e in effects.items() if e.effect != 0.0}
    if not nonzero:
        raise UnprocessableError(
            "No segment has an effect other than 0, so no sample size would find it.",
            field="effect_size",
            expected="a segment with an effect",
            got=f"{len(effects)} segments",
        )
    sure = {name: e for name, e in nonzero.items() if _excludes_zero(e)}
    if choice != "weighted_mean" and sure:
        pick = min if choice == "smallest" else max
        name = pick(sure, key=lambda label: abs(sure[label].effect))
        chosen = sure[name]
        basis = f"The {choice} effect in size among the {len(sure)} of {len(effects)} segments whose interval excludes 0: {name}."
        return Effect(chosen.effect, chosen.ci_lower, chosen.ci_upper, basis)
    weights = np.array([float(e.n or 1) for e in effects.values()])
    mean = float(weights @ np.array([e.effect for e in effects.values()]) / weights.sum())
    _refuse_zero(mean)
    reason = "" if choice == "weighted_mean" else " No segment's interval excludes 0, so none is used alone."
    return Effect(mean, None, None, f"The mean over {len(effects)} segments, weighted by their rows.{reason}")


def _excludes_zero(effect: SegmentEffect) -> bool:
    return effect.ci_lower is None or effect.ci_upper is None or effect.ci_lower * effect.ci_upper > 0.0


def _refuse_zero(effect: float) -> None:
    if effect == 0.0:
        raise UnprocessableError(
            "An effect of 0 cannot be detected with any sample size.",
            field="effect_size",
            expected="an effect other than 0",
            got="0",
            hint="Give the smallest effect worth acting on; for the detectable effect of a size give null and sample_size.",
        )
