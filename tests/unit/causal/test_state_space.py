"""Exponential smoothing as a filter: by hand, by simulation, and exact where there is no noise."""

from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.state_space import Smoothing, impulse, project, run_filter, solve


def grid(alpha, beta=0.0, gamma=0.0, phi=1.0, *, trend=False, season=0) -> Smoothing:
    a, b, c, d = (np.atleast_1d(np.asarray(v, dtype=float)) for v in (alpha, beta, gamma, phi))
    return Smoothing(a, *(np.broadcast_to(v, a.shape).copy() for v in (b, c, d)), trend, season)


def fitted(smoothing, y, ahead=4, regressors=None):
    """Return starts and forecasts (H,) of the first grid point from the end of ``y``."""
    given = np.column_stack([y, *(regressors[: len(y)].T if regressors is not None else [])])
    tracks = run_filter(smoothing, given)
    found = solve(tracks, np.array([len(y)]))
    future = np.zeros((ahead, given.shape[1]))
    if regressors is not None:
        future[:, 1:] = regressors[len(y) : len(y) + ahead]
    expected = project(tracks, smoothing, len(y), 0, future)
    return found, expected[:, 0] + expected[:, 1:] @ found.coefficients[0, 0]


def test_simple_smoothing_by_hand():
    tracks = run_filter(grid(0.5), np.array([[4.0], [2.0], [6.0]]))

    assert tracks.level[:, 0, 0].tolist() == [0.0, 2.0, 2.0, 4.0]
    assert tracks.errors[:, 0, 0].tolist() == [4.0, 0.0, 4.0]


def test_a_start_fades_as_its_weight_says():
    tracks = run_filter(grid(0.3), np.zeros((5, 1)))

    assert tracks.level[:, 0, 1] == pytest.approx(0.7 ** np.arange(6))
    assert tracks.errors[:, 0, 1] == pytest.approx(-(0.7 ** np.arange(5)))


def test_the_filter_is_linear():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 30, 1))
    smoothing = grid([0.2, 0.7], 0.1, 0.15, 0.9, trend=True, season=4)
    one, other, both = (run_filter(smoothing, x).errors[:, :, 0] for x in (a, b, 2 * a - 3 * b))

    assert both == pytest.approx(2 * one - 3 * other)


def test_a_line_without_noise_is_continued_exactly():
    y = 5 + 2.0 * np.arange(20)
    found, forecast = fitted(grid(0.4, 0.2, trend=True), y)

    assert forecast == pytest.approx(5 + 2.0 * np.arange(20, 24), rel=1e-6)
    assert found.squares[0, 0] == pytest.approx(0, abs=1e-4)


def test_a_yearly_wave_without_noise_is_continued_exactly():
    wave = np.array([3.0, -1.0, -4.0, 2.0])
    y = 100 + np.tile(wave, 6)
    _, forecast = fitted(grid(0.3, 0.1, 0.2, trend=True, season=4), y, ahead=6)

    assert forecast == pytest.approx(100 + np.tile(wave, 2)[:6], rel=1e-6)


def test_a_damped_trend_levels_off_at_the_sum_of_its_powers():
    smoothing = grid(0.4, 0.2, phi=0.5, trend=True)
    tracks = run_filter(smoothing, np.zeros((1, 1)))
    steps = project(tracks, smoothing, 0, 0, np.zeros((20, 1)))[:, 2]

    assert steps[:3] == pytest.approx([0.5, 0.75, 0.875])
    assert steps[-1] == pytest.approx(1.0, abs=1e-5)


def test_a_regressors_effect_is_solved_for_beside_the_level():
    rng = np.random.default_rng(2)
    z = rng.normal(size=(34, 1))
    y = 10 + 3 * z[:30, 0]
    found, forecast = fitted(grid(0.3), y, regressors=z)

    assert -found.coefficients[0, 0, 0] == pytest.approx(3.0)  # coefficients are what must be added to leave no error
    assert found.coefficients[0, 0, 1] == pytest.approx(10.0)
    assert forecast == pytest.approx(10 + 3 * z[30:, 0], rel=1e-6)


def test_solving_is_least_squares_on_the_filtered_columns():
    rng = np.random.default_rng(3)
    y = 50 + np.cumsum(rng.normal(size=40))
    tracks = run_filter(grid([0.2, 0.6], 0.1, trend=True), y[:, None])
    found = solve(tracks, np.array([25, 40]))
    for o, rows in enumerate((25, 40)):
        for p in range(2):
            x = tracks.errors[:rows, p]
            best, squares, *_ = np.linalg.lstsq(x[:, 1:], -x[:, 0], rcond=None)

            assert found.coefficients[o, p] == pytest.approx(best, rel=1e-5)
            assert found.squares[o, p] == pytest.approx(squares[0], rel=1e-5)


def test_an_origin_is_solved_from_its_own_past_alone():
    rng = np.random.default_rng(4)
    y = rng.normal(10, 1, 30)
    later = np.concatenate([y[:20], y[20:] + 100])
    one, other = (solve(run_filter(grid(0.4), v[:, None]), np.array([20])) for v in (y, later))

    assert one.coefficients == pytest.approx(other.coefficients)


@pytest.mark.parametrize("season", [0, 4])
def test_an_error_moves_the_future_as_the_filter_itself_shows(season):
    smoothing = grid(0.4, 0.1, 0.2 if season else 0.0, 0.9, trend=True, season=season)
    shock = np.zeros((1, 1))
    shock[0] = 1.0
    tracks = run_filter(smoothing, shock)
    moved = project(tracks, smoothing, 1, 0, np.zeros((9, 1)))[:, 0]

    assert impulse(smoothing, 0, 10) == pytest.approx(moved)
    assert len(impulse(smoothing, 0, 1)) == 0


def test_points_of_the_grid_do_not_see_each_other():
    y = np.random.default_rng(5).normal(size=(25, 1))
    together = run_filter(grid([0.1, 0.5, 0.9]), y)
    alone = run_filter(grid([0.1, 0.5, 0.9]).take(np.array([1])), y)

    assert together.errors[:, 1] == pytest.approx(alone.errors[:, 0])


@pytest.mark.parametrize(("trend", "season", "starts"), [(False, 0, 1), (True, 0, 2), (True, 4, 5), (False, 12, 12)])
def test_seasonal_starts_add_up_to_zero_and_are_counted_so(trend, season, starts):
    smoothing = grid(0.3, trend=trend, season=season)

    assert smoothing.starts == starts
    assert run_filter(smoothing, np.zeros((1, 1))).seasonal[0].sum() == 0
