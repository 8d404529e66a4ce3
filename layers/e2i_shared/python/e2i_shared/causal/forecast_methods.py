"""Ways to forecast one series, each from many origins at once: naive, drift, theta, and exponential smoothing by likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Protocol

import numpy as np

from e2i_shared.causal.state_space import Smoothing, impulse, project, run_filter, solve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Index = NDArray[np.intp]

_REFINEMENTS = 24
_ALPHAS = (0.02, 0.08, 0.15, 0.25, 0.4, 0.55, 0.7, 0.85, 0.98)


@dataclass(frozen=True, slots=True)
class Series:
    """``y`` (T,) oldest first; ``known`` (T + H, R) regressors known ahead; ``season`` periods a cycle, 1 for none."""

    y: Floats
    known: Floats
    season: int

    @property
    def horizon(self) -> int:
        """Return H, how far the regressors are known."""
        return len(self.known) - len(self.y)


@dataclass(frozen=True, slots=True)
class Forecasts:
    """``mean`` and ``sd`` (O, H) after each origin, the residuals' degrees of freedom (O,); effects of the regressors at the last."""

    mean: Floats
    sd: Floats
    df: Floats
    effects: Floats
    effect_sd: Floats


class Method(Protocol):
    """One way to forecast."""

    @property
    def name(self) -> str:
        """Return its short name."""
        ...

    @property
    def title(self) -> str:
        """Return what it is, in words."""
        ...

    @property
    def least(self) -> int:
        """Return the fewest periods it can be fitted on."""
        ...

    @property
    def regressors(self) -> bool:
        """Return whether it takes regressors."""
        ...

    def forecast(self, series: Series, origins: Index, horizon: int, *, refine: bool = False) -> Forecasts:
        """Forecast 1 … ``horizon`` periods after each of ``origins`` (O,), each from the periods up to it alone."""
        ...


@dataclass(frozen=True, slots=True)
class Naive:
    """The value one cycle before; error variance s²·(1 + ⌊(h − 1)/m⌋) of the differences over a cycle."""

    season: int
    regressors: bool = False

    @property
    def name(self) -> str:
        """Return its short name."""
        return "seasonal_naive" if self.season > 1 else "naive"

    @property
    def title(self) -> str:
        """Return what it is, in words."""
        return "the value one year before" if self.season > 1 else "the last value"

    @property
    def least(self) -> int:
        """Return the fewest periods it can be fitted on."""
        return self.season + 3

    def forecast(self, series: Series, origins: Index, horizon: int, *, refine: bool = False) -> Forecasts:  # noqa: ARG002  # nothing to refine
        """Forecast after each origin."""
        y, m, ahead = series.y, self.season, np.arange(horizon)
        mean = y[origins[:, None] - m + ahead % m]
        squares = np.cumsum(np.insert((y[m:] - y[:-m]) ** 2, 0, 0.0))[origins - m]
        sd = np.sqrt((squares / (origins - m))[:, None] * (1 + ahead // m))
        return _plain(mean, sd, origins - m)


@dataclass(frozen=True, slots=True)
class Drift:
    """A random walk with drift: y_T + h·(y_T − y_1)/(T − 1); error variance s²·h·(1 + h/(T − 1))."""

    name: str = "drift"
    title: str = "a random walk with drift"
    least: int = 6
    regressors: bool = False

    def forecast(self, series: Series, origins: Index, horizon: int, *, refine: bool = False) -> Forecasts:  # noqa: ARG002  # nothing to refine
        """Forecast after each origin."""
        y, steps, ahead = series.y, origins - 1, np.arange(1, horizon + 1)
        slope = (y[origins - 1] - y[0]) / steps
        mean = y[origins - 1][:, None] + slope[:, None] * ahead
        squares = np.cumsum(np.insert(np.diff(y) ** 2, 0, 0.0))[steps] - steps * slope**2
        variance = np.maximum(squares, 0.0) / (steps - 1)
        return _plain(mean, np.sqrt(variance[:, None] * ahead * (1 + ahead / steps[:, None])), steps - 1)


@dataclass(frozen=True, slots=True)
class Exponential:
    """Exponential smoothing (A,N,N), (A,Ad,N) or (A,Ad,A), fitted by maximum likelihood; optionally with one harmonic of the year.

    Forecast variance: σ²(1 + Σ c_j²) + σ²·x'(E'E)⁻¹x, the second part from estimating starting states and regressors; σ² = SSE
    over residual degrees of freedom.
    """

    name: str
    title: str
    trend: bool = False
    season: int = 0
    harmonic: int = 0
    regressors: bool = True

    @property
    def least(self) -> int:
        """Return the fewest periods it can be fitted on."""
        parameters = 1 + self.trend * 2 + (self.season > 0)
        states = 1 + self.trend + max(0, self.season - 1) + (2 if self.harmonic else 0)
        return max(parameters + states + 4, self.season + 3, self.harmonic)

    def forecast(self, series: Series, origins: Index, horizon: int, *, refine: bool = False) -> Forecasts:
        """Forecast after each origin; ``refine`` takes the last origin's parameters beyond the grid."""
        columns = self._columns(series)
        observed = columns.copy()
        observed[: len(series.y), 0] = series.y
        observed = observed[: int(origins.max())]
        smoothing = self._grid()
        found = solve(run_filter(smoothing, observed), origins)
        best = smoothing.take(np.argmin(found.squares, axis=1))
        if refine:
            best = self._refined(best.take(np.array([len(origins) - 1])), observed)
            best = best.take(np.zeros(len(origins), dtype=np.intp))
        return self._ahead(best, observed, columns, origins, horizon)

    def _columns(self, series: Series) -> Floats:
        """Return (T + H, 1 + R [+ 2]): a place for the series, the regressors, the year's harmonic."""
        parts = [np.zeros((len(series.known), 1)), series.known]
        if self.harmonic:
            angle = 2.0 * np.pi * np.arange(len(series.known)) / self.harmonic
            parts.append(np.column_stack([np.sin(angle), np.cos(angle)]))
        return np.concatenate(parts, axis=1)

    def _grid(self) -> Smoothing:
        shares = (0.0, 0.15) if self.trend else (0.0,)
        damping = (0.8, 0.95) if self.trend else (1.0,)
        gammas = (0.0, 0.2) if self.season else (0.0,)
        points = np.array(list(product(_ALPHAS[:: 2 if self.season else 1], shares, gammas, damping)))
        return self._smoothing(points)

    def _smoothing(self, points: Floats) -> Smoothing:
        """Return smoothing at (P, 4) points of α, β/α, γ/(1 − α), φ: every point of that box is admissible."""
        alpha = points[:, 0]
        return Smoothing(alpha, alpha * points[:, 1], (1 - alpha) * points[:, 2], points[:, 3], self.trend, self.season)

    def _refined(self, best: Smoothing, observed: Floats) -> Smoothing:
        """Search ever smaller boxes around the best point of the grid."""
        share = best.beta[0] / best.alpha[0]
        centre = np.array([best.alpha[0], share, best.gamma[0] / (1 - best.alpha[0]), best.phi[0]])
        low, high = np.array([1e-4, 0.0, 0.0, 0.8]), np.array([0.9999, 1.0, 1.0, 0.98])
        width = np.array([0.12, 0.3 * self.trend, 0.3 * bool(self.season), 0.06 * self.trend])
        if not self.trend:
            low[3] = high[3] = 1.0
        last, star = np.array([len(observed)]), np.concatenate([np.zeros((1, 4)), np.eye(4), -np.eye(4)])
        for _ in range(_REFINEMENTS):
            points = np.unique(np.clip(centre + star * width, low, high), axis=0)
            squares = solve(run_filter(self._smoothing(points), observed), last).squares[0]
            centre, moved = points[int(np.argmin(squares))], centre
            width = width * (0.5 if np.array_equal(centre, moved) else 1.0)
        return self._smoothing(centre[None, :])

    def _ahead(self, best: Smoothing, observed: Floats, columns: Floats, origins: Index, horizon: int) -> Forecasts:
        tracks = run_filter(best, observed)
        found = solve(tracks, origins)
        mean, sd = np.empty((2, len(origins), horizon))
        parameters = 1 + self.trend * 2 + (self.season > 0)
        df = np.maximum(1, origins - found.coefficients.shape[-1] - parameters)
        for o, at in enumerate(origins):
            ahead = columns[at : at + horizon].copy()
            ahead[:, 0] = 0.0
            expected = project(tracks, best, int(at), o, ahead)
            rest, inverse = expected[:, 1:], found.inverse[o, o]
            mean[o] = expected[:, 0] + rest @ found.coefficients[o, o]
            shocks = 1.0 + np.cumsum(np.insert(impulse(best, o, horizon) ** 2, 0, 0.0))
            variance = found.squares[o, o] / df[o]
            sd[o] = np.sqrt(variance * (shocks + np.einsum("hk,kl,hl->h", rest, inverse, rest)))
        given = observed.shape[1] - 1
        variance = found.squares[-1, -1] / df[-1]
        spread = np.sqrt(variance * np.diagonal(found.inverse[-1, -1])[:given])
        return Forecasts(mean, sd, df.astype(np.float64), -found.coefficients[-1, -1][:given], spread)


@dataclass(frozen=True, slots=True)
class Theta:
    """The theta method as exponential smoothing with half the trend's slope added (Hyndman and Billah, 2003).

    With a season, one harmonic of the year is taken out by least squares beside a straight line, and added back.
    """

    season: int
    name: str = "theta"
    title: str = "the theta method"
    regressors: bool = False

    @property
    def least(self) -> int:
        """Return the fewest periods it can be fitted on."""
        return max(7, self.season) if self.season > 1 else 6

    def forecast(self, series: Series, origins: Index, horizon: int, *, refine: bool = False) -> Forecasts:  # noqa: ARG002  # nothing to refine
        """Forecast after each origin."""
        alphas = np.linspace(0.02, 0.99, 40)
        time, ahead = np.arange(len(series.y) + horizon, dtype=np.float64), np.arange(1, horizon + 1)
        design = np.column_stack([np.ones_like(time), time])
        if self.season > 1:
            angle = 2.0 * np.pi * time / self.season
            design = np.column_stack([design, np.sin(angle), np.cos(angle)])
        mean, sd = np.empty((2, len(origins), horizon))
        for o, at in enumerate(origins):
            fit, *_ = np.linalg.lstsq(design[:at], series.y[:at], rcond=None)
            cycle = design[:, 2:] @ fit[2:]
            level, squares = _smooth(series.y[:at] - cycle[:at], alphas)
            best = int(np.argmin(squares))
            alpha = alphas[best]
            drift = 0.5 * fit[1] * (ahead - 1 + (1 - (1 - alpha) ** at) / alpha)
            mean[o] = level[best] + drift + cycle[at : at + horizon]
            variance = squares[best] / max(1, at - 1 - design.shape[1])
            sd[o] = np.sqrt(variance * (1 + (ahead - 1) * alpha**2))
        return _plain(mean, sd, origins - 1 - design.shape[1])


def _smooth(y: Floats, alphas: Floats) -> tuple[Floats, Floats]:
    level, squares = np.full(len(alphas), y[0]), np.zeros(len(alphas))
    for value in y[1:]:
        error = value - level
        level = level + alphas * error
        squares += error**2
    return level, squares


def _plain(mean: Floats, sd: Floats, df: Index) -> Forecasts:
    return Forecasts(mean, sd, np.maximum(1, df).astype(np.float64), np.empty(0), np.empty(0))


def candidates(season: int) -> list[Method]:
    """Return the methods to compare, simplest first, for ``season`` periods a year (1 for none)."""
    found: list[Method] = [
        Naive(1),
        Drift(),
        Exponential("ses", "simple exponential smoothing"),
        Exponential("holt_damped", "exponential smoothing with a damped trend", trend=True),
        Theta(1),
    ]
    if season > 1:
        found += [
            Naive(season),
            Theta(season, "theta_seasonal", "the theta method with a yearly wave"),
            Exponential("ses_wave", "simple exponential smoothing with a yearly wave", harmonic=season),
            Exponential("holt_wave", "damped-trend smoothing with a yearly wave", trend=True, harmonic=season),
            Exponential("holt_winters", "damped Holt–Winters smoothing", trend=True, season=season),
            Exponential("ses_seasonal", "exponential smoothing with seasonal states", season=season),
        ]
    return found
