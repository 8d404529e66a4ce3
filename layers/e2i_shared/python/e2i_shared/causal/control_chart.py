"""A control chart of the last values of a series against its past, with limits that keep a stated rate of false alarms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

LEAST_PAST = 8
_DRAWS, _SEED, _ROUNDS, _HUBER = 2000, 20260101, 4, 1.345
_ON_THE_LINE = 1e-3  # σ within which a value lies on neither side
_WAVE_FROM = 1.5  # cycles of past from which a yearly wave is fitted
RULES = ("beyond_3_sigma", "two_of_three_beyond_2_sigma", "four_of_five_beyond_1_sigma", "run_on_one_side")
_ZONES = ((1, 1, 3.0), (2, 3, 2.0), (4, 5, 1.0))  # of the last so many, this many beyond so many sigma, on one side


@dataclass(frozen=True, slots=True)
class Chart:
    """``centre``, ``sigma`` and ``z`` (T,); ``signals`` (rules, T), false before the watched values; ``scale`` widens the zones.

    ``run`` is how many values in a row on one side count as a signal.
    """

    centre: Floats
    sigma: Floats
    z: Floats
    signals: Flags
    scale: float
    run: int
    seasonal: bool


def control_chart(values: Floats, watched: int, *, season: int, rate: float) -> Chart:
    """Judge the last ``watched`` of ``values`` (T,) against the line, and yearly wave, of those before.

    Rules: Western Electric's (Statistical Quality Control Handbook, 1956): one value beyond 3σ, two of three beyond 2σ, four of five
    beyond 1σ, a run on one side. Their zones are widened by one factor, and the run lengthened from 8, such that a steady series
    trips any rule in at most a share ``rate`` of cases; both are read off 2,000 simulated steady series of the same length.
    Fit: Huber's M-estimate, so that past outliers do not pull the line; σ: 1.4826 × median absolute residual, times √(1 + leverage)
    for values not fitted.
    Assumptions: what is left after line and wave is independent, and normal as far as the limits' rate goes.

    Raises
    ------
    ValueError
        With fewer than 8 values before the watched ones.
    """
    past = len(values) - watched
    if past < LEAST_PAST:
        raise ValueError(f"{LEAST_PAST} past values are needed, got {past}")
    wave = season if season > 1 and past >= _WAVE_FROM * season else 1
    centre, sigma, z = (a[0] for a in _fit(values[None, :], watched, wave))
    scale, run = _limits(past, watched, wave, rate)
    return Chart(centre, sigma, z, _signals(z[None, :], watched, scale, run)[:, 0], scale, run, wave > 1)


def _design(total: int, past: int, wave: int) -> Floats:
    time = np.arange(total, dtype=np.float64)
    columns = [np.ones(total), (time - (past - 1) / 2.0) / past]
    if wave > 1:
        columns += [np.sin(2 * np.pi * time / wave), np.cos(2 * np.pi * time / wave)]
    return np.column_stack(columns)


def _fit(series: Floats, watched: int, wave: int) -> tuple[Floats, Floats, Floats]:
    """Return centre, sigma and z, each (S, T), of S series at once."""
    total = series.shape[1]
    past = total - watched
    x = _design(total, past, wave)
    known, y = x[:past], series[:, :past]
    weights = np.ones_like(y)
    for _ in range(_ROUNDS):
        normal = np.einsum("st,tk,tl->skl", weights, known, known, optimize=True)
        right = np.einsum("st,tk->sk", weights * y, known)
        coefficients = np.linalg.solve(normal, right[..., None])[..., 0]
        residuals = y - coefficients @ known.T
        spread = _spread(residuals, series)
        weights = np.minimum(1.0, _HUBER * spread / np.maximum(np.abs(residuals), 1e-300))
    leverage = np.einsum("tk,kl,tl->t", x, np.linalg.inv(known.T @ known), x)
    leverage[:past] = 0.0
    centre = coefficients @ x.T
    sigma = spread * np.sqrt(1.0 + leverage)
    return centre, sigma, (series - centre) / sigma


def _spread(residuals: Floats, series: Floats) -> Floats:
    """Return 1.4826 × the median absolute residual (S, 1); at least a billionth of the values' size."""
    least = 1e-9 * np.maximum(np.abs(series).max(axis=1, keepdims=True), 1e-300)
    return np.asarray(np.maximum(1.4826 * np.median(np.abs(residuals), axis=1, keepdims=True), least))


def _signals(z: Floats, watched: int, scale: float, run: int) -> Flags:
    """Return (rules, S, T): which rule trips at which watched value."""
    found = np.stack(
        [_strength(z, least, window) >= zone * scale for least, window, zone in _ZONES] + [_runs(z) >= run]
    )
    found[..., : z.shape[1] - watched] = False
    return found


def _strength(z: Floats, least: int, window: int) -> Floats:
    """Return (S, T): the ``least``-th largest of the last ``window`` values, on the side where it is larger."""
    padded = np.concatenate([np.zeros((len(z), window - 1)), z], axis=1)
    views = np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)
    ordered = np.sort(views, axis=2)
    return np.asarray(np.maximum(ordered[..., window - least], -ordered[..., least - 1]))


def _runs(z: Floats) -> NDArray[np.intp]:
    """Return (S, T): how many values in a row up to this one lie on its side."""
    side = np.where(np.abs(z) < _ON_THE_LINE, 0.0, np.sign(z))
    length = np.ones(z.shape, dtype=np.intp)
    for t in range(1, z.shape[1]):
        length[:, t] = np.where((side[:, t] == side[:, t - 1]) & (side[:, t] != 0.0), length[:, t - 1] + 1, 1)
    return length


@lru_cache(maxsize=64)
def _limits(past: int, watched: int, wave: int, rate: float) -> tuple[float, int]:
    """Return the zones' factor and the run length that steady series pass with probability ``rate`` in all."""
    noise = np.random.default_rng(_SEED).normal(size=(_DRAWS, past + watched))
    _, _, z = _fit(noise, watched, wave)
    longest = _runs(z)[:, past:].max(axis=1)
    run = max(8, int(np.quantile(longest, 1.0 - rate / 4.0, method="higher")) + 1)
    strength = np.stack([_strength(z, least, window)[:, past:] / zone for least, window, zone in _ZONES]).max(
        axis=(0, 2)
    )
    quiet = np.where(longest >= run, np.inf, strength)
    return max(1.0, float(np.quantile(quiet, 1.0 - rate, method="higher"))), run
