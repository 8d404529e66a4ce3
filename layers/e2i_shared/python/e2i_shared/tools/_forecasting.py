"""From a KPI's history to a forecast: known regressors, the backtest, the chosen method and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.backtest import Backtest, Score, backtest, bounds
from e2i_shared.causal.forecast_methods import Exponential, Forecasts, Method, Series, candidates
from e2i_shared.causal.student import t_quantile
from e2i_shared.errors import InsufficientDataError, NoVariationError
from e2i_shared.tools._forecast_inputs import Regressors, read_regressors
from e2i_shared.tools._kpi_series import CYCLE, KpiSeries, read_series
from e2i_shared.tools._periods import grain_label, grain_span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_shared.api.common import Json
    from e2i_shared.datasets.frame import DataSource
    from e2i_shared.tools.forecaster import Params

LEAST_PERIODS = 8


@dataclass(frozen=True, slots=True)
class Outlook:
    """The history, the backtest, and the chosen method's forecasts after the last period."""

    params: Params
    series: KpiSeries
    season: int
    regressors: Regressors
    tried: Backtest
    forecasts: Forecasts

    @property
    def chosen(self) -> Method:
        """Return the method used."""
        return self.tried.chosen.method

    @property
    def effect(self) -> Json | None:
        """Return what the intervention adds per period; None without one."""
        given = self.params.intervention
        if given is None:
            return None
        observed = int(self.regressors.in_force[: len(self.series.values)].sum())
        row: Json = {"name": given.name, "periods_observed": observed, "estimated": given.effect is None}
        if given.effect is not None:
            return row | {"effect": given.effect, "lower": None, "upper": None}
        effect, sd = float(self.forecasts.effects[0]), float(self.forecasts.effect_sd[0])
        reach = t_quantile(0.5 + self.params.level / 2.0, float(self.forecasts.df[0])) * sd
        return row | {"effect": effect, "lower": effect - reach, "upper": effect + reach}

    def points(self) -> Iterator[Json]:
        """Yield the periods ahead; a KPI that was never negative is not forecast to be."""
        lower, upper = bounds(self.forecasts, self.params.level)
        mean, added = self.forecasts.mean[0], self.regressors.added[len(self.series.values) :]
        reach = (upper - lower)[0] / 2.0 * self.tried.widening
        least = 0.0 if (self.series.values >= 0).all() else -np.inf
        start: np.datetime64 = np.datetime64(self.series.starts[-1], "D")
        for h in range(self.params.horizon):
            start = grain_span(start, self.params.grain).end
            value = float(mean[h] + added[h])
            ends = (max(least, x) for x in (value, value - reach[h], value + reach[h]))
            labels = {"period": grain_label(start, self.params.grain), "start": str(start)}
            yield labels | dict(zip(("value", "lower", "upper"), map(float, ends), strict=True))

    def tested(self) -> int:
        """Return how many methods were tested."""
        return sum(score.mase is not None for score in self.tried.scores)

    def compared(self) -> list[Json]:
        """Return every method's errors, best first."""
        ordered = sorted(self.tried.scores, key=lambda s: (s.mase is None, s.mase or 0.0))
        return [_row(score) | {"chosen": score is self.tried.chosen} for score in ordered]

    def errors(self) -> Json:
        """Return the chosen method's errors in the backtest."""
        chosen, origins = self.tried.chosen, self.tried.origins
        kept = {key: _row(chosen)[key] for key in ("mase", "smape", "mae", "coverage")}
        return kept | {
            "origins": len(origins),
            "first_origin": self.series.labels[int(origins[0]) - 1],
            "horizon": self.tried.horizon,
            "widening": self.tried.widening,
        }

    def seasonal(self) -> bool:
        """Return whether the chosen method has a yearly pattern."""
        method = self.chosen
        return getattr(method, "season", 0) > 1 or bool(getattr(method, "harmonic", 0))

    def why(self) -> str:
        """Return why the method was chosen."""
        ranked = [row for row in self.compared() if row["mase"] is not None]
        best = ranked[0]
        text = (
            f"{best['title'][:1].upper()}{best['title'][1:]} had the lowest error over {len(self.tried.origins)} past origins "
            f"(MASE {best['mase']:.2f}, sMAPE {best['smape']:.1f}%)"
        )
        return f"{text}, before {ranked[1]['title']} (MASE {ranked[1]['mase']:.2f})." if len(ranked) > 1 else f"{text}."

    def assumptions(self) -> list[str]:
        """Return what the forecast rests on."""
        said = [
            "The future follows the pattern of the past: no change of policy, market or data that the history does not hold."
        ]
        if self.params.intervention or self.params.regressors:
            said.append(
                "Interventions and known columns add to the level, by the same amount per unit in every period."
            )
        if self.params.intervention and self.params.intervention.effect is not None:
            said.append("The intervention's effect is the one given; the intervals do not hold its uncertainty.")
        return said

    def warnings(self) -> list[str]:
        """Return what the reader should know."""
        chosen, cycle = self.tried.chosen, CYCLE[self.params.grain]
        low = (chosen.coverage or 0.0) < self.params.level - 0.1
        said = {
            f"Only {len(self.series.values)} periods: a yearly pattern shows itself in two years at the least.": (
                cycle > 1 and len(self.series.values) < 2 * cycle
            ),
            f"In the backtest the intervals held {chosen.coverage or 0.0:.0%} of the actual values rather than {self.params.level:.0%}; "
            f"those given are {self.tried.widening:.2f} times as wide.": low and self.tried.widening > 1.0,
            "No method did better than repeating past values.": (chosen.mase or 0.0) >= 1.0,
            f"The backtest looked {self.tried.horizon} periods ahead at most; beyond that errors are extrapolated.": (
                self.params.horizon > self.tried.horizon
            ),
        }
        return [*self.series.notes, *self.series.question.notes, *(text for text, applies in said.items() if applies)]


def look_ahead(params: Params, data: DataSource) -> Outlook:
    """Read the history, test the methods and forecast; raise InsufficientDataError or NoVariationError."""
    asked = {"dataset": params.dataset, "filters": params.filters, "grain": params.grain, "period": params.period}
    series = read_series(data, kpi=params.kpi, aggregate=params.aggregate, **asked)
    _enough(series, params)
    season = CYCLE[params.grain] if len(series.values) > CYCLE[params.grain] + 3 else 1
    regressors = read_regressors(params, series, data)
    numbers = Series(series.values - regressors.added[: len(series.values)], regressors.known, season)
    tried = backtest(numbers, candidates(season), min(params.horizon, len(series.values) // 3), params.level)
    if tried is None:
        raise _too_few(series, params)
    last = np.array([len(series.values)])
    forecasts = tried.chosen.method.forecast(
        numbers, last, params.horizon, refine=isinstance(tried.chosen.method, Exponential)
    )
    return Outlook(params, series, season, regressors, tried, forecasts)


def _row(score: Score) -> Json:
    named = {"name": score.method.name, "title": score.method.title, "excluded": score.excluded}
    return named | {key: getattr(score, key) for key in ("mase", "smape", "mae", "coverage")}


def _enough(series: KpiSeries, params: Params) -> None:
    if len(series.values) < LEAST_PERIODS:
        raise _too_few(series, params)
    if np.ptp(series.values) == 0.0:
        raise NoVariationError(
            f"{series.question.kpi.title} is {series.values[0]:g} in every {params.grain}: there is nothing to learn a forecast from.",
            field="kpi",
            expected="a KPI that varies",
            got=f"{series.values[0]:g} in {len(series.values)} periods",
        )


def _too_few(series: KpiSeries, params: Params) -> InsufficientDataError:
    got = len(series.values)
    return InsufficientDataError(
        f"There are {got} complete {params.grain}s of {series.question.kpi.title}; a forecast needs {LEAST_PERIODS}.",
        field="period" if params.period else "grain",
        expected=f"at least {LEAST_PERIODS} complete {params.grain}s",
        got=f"{got} {params.grain}s ({series.labels[0]} to {series.labels[-1]})",
        hint="Choose a finer grain, a longer period, or fewer filters.",
    )
