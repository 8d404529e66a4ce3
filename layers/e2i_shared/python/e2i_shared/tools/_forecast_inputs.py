"""What a forecast knows of the future: interventions and columns with given values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.errors import InsufficientDataError, NoVariationError, UnprocessableError
from e2i_shared.tools._kpi_series import KpiSeries, read_series
from e2i_shared.tools._periods import grain_span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.datasets.frame import DataSource
    from e2i_shared.tools.forecaster import Intervention, Params, Regressor

    Floats = NDArray[np.float64]

_LEAST_BEFORE, _LEAST_DURING = 4, 2


@dataclass(frozen=True, slots=True)
class Regressors:
    """``known`` (T + H, R) columns to estimate effects of; ``added`` (T + H,) given effects; ``in_force`` (T + H,) of the intervention."""

    known: Floats
    added: Floats
    in_force: Floats


def read_regressors(params: Params, series: KpiSeries, data: DataSource) -> Regressors:
    """Return what is known ahead; raise UnprocessableError or InsufficientDataError where it cannot be used."""
    total = len(series.values) + params.horizon
    in_force, known, added = np.zeros(total), [], np.zeros(total)
    if params.intervention is not None:
        in_force = _share_in_force(params.intervention, series, params)
        if params.intervention.effect is None:
            _estimable(params.intervention, in_force[: len(series.values)])
            known.append(in_force)
        else:
            added = in_force * params.intervention.effect
    known += [_column(regressor, params, series, data) for regressor in params.regressors]
    return Regressors(np.column_stack(known) if known else np.zeros((total, 0)), added, in_force)


def _share_in_force(given: Intervention, series: KpiSeries, params: Params) -> Floats:
    """Return the share (T + H,) of each period's days the intervention is in force."""
    first, last = np.datetime64(given.start, "D"), np.datetime64(given.end or "9999-12", "D")
    day: np.datetime64 = np.datetime64(series.starts[0], "D")
    shares = []
    for _ in range(len(series.values) + params.horizon):
        span = grain_span(day, params.grain)
        days = (min(last, span.end) - max(first, span.start)).astype(int)
        shares.append(max(0, int(days)) / int((span.end - span.start).astype(int)))
        day = span.end
    if not any(shares):
        raise UnprocessableError(
            f"The intervention {given.name!r} lies outside the history and the periods ahead.",
            field="intervention",
            expected=f"dates from {series.starts[0]} to the end of the horizon",
            got=f"{given.start} to {given.end or 'no end'}",
        )
    return np.array(shares)


def _estimable(given: Intervention, past: Floats) -> None:
    before, during = int((past == 0).sum()), int((past > 0).sum())
    if before >= _LEAST_BEFORE and during >= _LEAST_DURING:
        return
    raise InsufficientDataError(
        f"The history holds {during} periods with {given.name!r} and {before} without: its effect cannot be estimated.",
        field="intervention.effect",
        expected=f"at least {_LEAST_DURING} periods with it and {_LEAST_BEFORE} without, or the effect itself",
        got=f"{during} with, {before} without",
        hint="Give the effect per period in the KPI's unit, for example from causal_effect_estimator.",
    )


def _column(regressor: Regressor, params: Params, series: KpiSeries, data: DataSource) -> Floats:
    if len(regressor.future) != params.horizon:
        raise UnprocessableError(
            f"{regressor.column!r} has {len(regressor.future)} future values for {params.horizon} periods ahead.",
            field="regressors",
            expected=f"{params.horizon} values",
            got=f"{len(regressor.future)} values",
        )
    past = read_series(
        data,
        dataset=params.dataset,
        filters=params.filters,
        kpi=regressor.column,
        aggregate=regressor.aggregate,
        grain=params.grain,
        period=params.period,
    )
    held = dict(zip(past.starts, past.values, strict=True))
    missing = [start for start in series.starts if start not in held]
    if missing:
        raise InsufficientDataError(
            f"{regressor.column!r} has no value in the period that begins on {missing[0]}.",
            field="regressors",
            expected="a value in every period of the history",
            got=f"{len(missing)} periods without one",
        )
    values = np.array([*(held[start] for start in series.starts), *regressor.future])
    if np.ptp(values[: len(series.values)]) == 0.0:
        raise NoVariationError(
            f"{regressor.column!r} is the same in every period of the history: its effect cannot be estimated.",
            field="regressors",
            expected="a column that varies",
            got=regressor.column,
        )
    return np.asarray(values - values[: len(series.values)].mean())
