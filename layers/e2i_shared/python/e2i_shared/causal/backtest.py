"""Rolling-origin backtests of forecasting methods, and the choice among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.student import t_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.causal.forecast_methods import Forecasts, Method, Series

    Floats = NDArray[np.float64]

MOST_ORIGINS = 18


@dataclass(frozen=True, slots=True)
class Score:
    """Errors of one method over all origins and periods ahead; ``excluded`` says why there are none.

    ``coverage`` is of its intervals, ``reach`` the quantile at their level of |error| over half their width.
    """

    method: Method
    mase: float | None
    smape: float | None
    mae: float | None
    coverage: float | None
    reach: float = 1.0
    excluded: str | None = None


@dataclass(frozen=True, slots=True)
class Backtest:
    """Scores of all methods on the same ``origins`` (O,); ``chosen`` has the lowest MASE."""

    origins: NDArray[np.intp]
    horizon: int
    scores: tuple[Score, ...]
    chosen: Score

    @property
    def widening(self) -> float:
        """Return by how much intervals must widen to have held their share of the backtest's values; at least 1."""
        return max(1.0, self.chosen.reach)


def backtest(series: Series, methods: Sequence[Method], horizon: int, level: float) -> Backtest | None:
    """Score every method that can be, forecasting from each origin with the periods up to it alone; None where none can be.

    MASE: mean absolute error over the naive method's within the training periods (one cycle back where there is more than one,
    else one period; Hyndman and Koehler, International Journal of Forecasting 22, 2006). sMAPE: mean of 200·|y − ŷ|/(|y| + |ŷ|), in percent.
    Coverage: share of actual values within the interval at ``level``.
    """
    total = len(series.y)
    fit = [
        m for m in methods if total - m.least >= least_origins(total) and (m.regressors or not series.known.shape[1])
    ]
    if not fit:
        return None
    first = max(*(m.least for m in fit), total - MOST_ORIGINS)
    origins = np.arange(first, total)
    scores = tuple(
        _score(m, series, origins, horizon, level)
        if m in fit
        else _excluded(m, total, regressors=bool(series.known.shape[1]))
        for m in methods
    )
    tested = [s for s in scores if s.mase is not None]
    if not tested:
        return None
    best = min(tested, key=lambda s: s.mase or 0.0)
    return Backtest(origins, horizon, scores, best)


def least_origins(total: int) -> int:
    """Return how many origins a test of a series of ``total`` periods needs: a third of them, at least 3 and at most 12."""
    return min(12, max(3, total // 3))


def bounds(forecasts: Forecasts, level: float) -> tuple[Floats, Floats]:
    """Return the interval (O, H) at ``level`` by Student's t with the residuals' degrees of freedom."""
    reach = np.array([t_quantile(0.5 + level / 2.0, float(df)) for df in forecasts.df])[:, None] * forecasts.sd
    return forecasts.mean - reach, forecasts.mean + reach


def _score(method: Method, series: Series, origins: NDArray[np.intp], horizon: int, level: float) -> Score:
    found = method.forecast(series, origins, min(horizon, len(series.known) - int(origins[-1])))
    steps = found.mean.shape[1]
    at = origins[:, None] + np.arange(steps)
    inside = (at < len(series.y)) & _knowable(series, origins, at)
    if not inside.any():
        return _excluded(method, len(series.y), regressors=bool(series.known.shape[1]))
    actual = series.y[np.minimum(at, len(series.y) - 1)]
    error = np.abs(actual - found.mean)
    lower, upper = bounds(found, level)
    size = np.abs(actual) + np.abs(found.mean)
    relative = np.divide(200.0 * error, size, out=np.zeros_like(error), where=size > 0)
    scaled = error / _scales(series, origins)[:, None]
    return Score(
        method,
        mase=float(scaled[inside].mean()),
        smape=float(relative[inside].mean()),
        mae=float(error[inside].mean()),
        coverage=float(((actual >= lower) & (actual <= upper))[inside].mean()),
        reach=float(np.quantile((2.0 * error / np.maximum(upper - lower, 1e-300))[inside], level)),
    )


def _knowable(series: Series, origins: NDArray[np.intp], at: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which targets (O, H) an origin could know of: not those under a regressor that had not yet moved by then."""
    known = np.ones(at.shape, dtype=np.bool_)
    for o, origin in enumerate(origins):
        past, ahead = series.known[:origin], series.known[np.minimum(at[o], len(series.known) - 1)]
        still = np.ptp(past, axis=0) == 0.0
        known[o] = (~still | (ahead == past[0])).all(axis=1)
    return known


def _scales(series: Series, origins: NDArray[np.intp]) -> Floats:
    """Return the naive method's mean absolute error (O,) within the periods up to each origin."""
    y = series.y
    lags = np.where(origins > series.season + 2, series.season, 1)
    scale = np.array([np.abs(y[lag:at] - y[: at - lag]).mean() for at, lag in zip(origins, lags, strict=True)])
    return np.where(scale > 0, scale, np.abs(np.diff(y)).mean())


def _excluded(method: Method, total: int, *, regressors: bool) -> Score:
    if regressors and not method.regressors:
        reason = "takes no regressor"
    else:
        reason = f"needs {method.least + least_origins(total)} periods to be fitted and tested, there are {total}"
    return Score(method, None, None, None, None, excluded=reason)
