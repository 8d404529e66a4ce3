"""Ranks of effects with the doubt that belongs to them."""

from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.driver_ranking import rank


def scores_of(effects, n=800, seed=1):
    rng = np.random.default_rng(seed)
    made = np.asarray(effects) + rng.normal(size=(n, len(effects)))
    return made, made.mean(axis=0), made.std(axis=0, ddof=1) / n**0.5


def ranked(effects, scale=None, clusters=None, n=800, seed=1):
    made, means, errors = scores_of(effects, n=n, seed=seed)
    return rank(made, means, errors, np.ones(len(effects)) if scale is None else np.asarray(scale), clusters)


def test_clear_differences_leave_no_doubt_about_any_rank():
    found = ranked([0.2, -3.0, 1.0])

    assert found.rank.tolist() == found.best.tolist() == found.worst.tolist() == [3, 1, 2]
    assert (found.p_adjusted < 0.01).all()


def test_a_sign_is_not_a_size():
    down, up = ranked([-1.0, 0.2]), ranked([1.0, 0.2])

    assert down.rank.tolist() == up.rank.tolist() == [1, 2]


def test_equal_effects_may_each_have_any_rank():
    found = ranked([1.0, 1.0, 1.0], seed=2)

    assert found.best.tolist() == [1, 1, 1]
    assert found.worst.tolist() == [3, 3, 3]


def test_effects_of_nothing_are_not_significant_after_adjustment():
    assert (ranked([0.0] * 6, seed=3).p_adjusted > 0.05).all()


def test_what_is_compared_is_the_effect_times_its_scale():
    assert ranked([1.0, 0.5]).rank.tolist() == [1, 2]
    assert ranked([1.0, 0.5], scale=[1.0, 4.0]).rank.tolist() == [2, 1]


def test_a_common_scale_changes_nothing():
    one, other = ranked([1.0, 0.9, 0.2]), ranked([1.0, 0.9, 0.2], scale=[7.0] * 3)

    assert (one.rank == other.rank).all()
    assert (one.best == other.best).all()
    assert (one.worst == other.worst).all()


def test_the_order_of_columns_is_nothing():
    made, means, errors = scores_of([1.0, 0.95, 0.2, -2.0])
    order = np.array([2, 0, 3, 1])
    plain = rank(made, means, errors, np.ones(4), None)
    turned = rank(made[:, order], means[order], errors[order], np.ones(4), None)

    assert (turned.rank == plain.rank[order]).all()
    assert (turned.best == plain.best[order]).all()
    assert turned.p_adjusted == pytest.approx(plain.p_adjusted[order], abs=0.01)


def test_every_rank_lies_between_its_best_and_worst():
    for seed in range(5):
        found = ranked(np.random.default_rng(seed).normal(0, 0.1, 7), seed=seed)

        assert (found.best <= found.rank).all()
        assert (found.rank <= found.worst).all()
        assert sorted(found.rank) == list(range(1, 8))


def test_adjustment_costs_and_more_effects_cost_more():
    made, means, errors = scores_of([0.09] + [0.0] * 9, seed=4)
    alone, among = (rank(made[:, :k], means[:k], errors[:k], np.ones(k), None) for k in (1, 10))

    assert alone.critical == pytest.approx(1.963, abs=0.03)
    assert among.critical > alone.critical + 0.5
    assert among.p_adjusted[0] > alone.p_adjusted[0]


def test_one_effect_is_first_beyond_doubt():
    found = ranked([0.3])

    assert (found.rank[0], found.best[0], found.worst[0]) == (1, 1, 1)


def test_rows_repeated_within_clusters_prove_nothing_more():
    made, means, errors = scores_of([1.0, 0.8], n=60, seed=5)
    made, means = made - means + [1.0, 0.8], np.array([1.0, 0.8])
    clusters = np.repeat(np.arange(60), 20)
    repeated = rank(np.repeat(made, 20, axis=0), means, errors, np.ones(2), clusters)
    naive = rank(np.repeat(made, 20, axis=0), means, errors / 20**0.5, np.ones(2), None)

    assert repeated.worst.tolist() == [2, 2]
    assert naive.worst.tolist() == [1, 2]


def test_errors_beyond_the_scores_widen_the_doubt():
    made, means, errors = scores_of([1.0, 0.8], n=2_000, seed=6)

    assert rank(made, means, errors, np.ones(2), None).worst.tolist() == [1, 2]
    assert rank(made, means, 10 * errors, np.ones(2), None).worst.tolist() == [2, 2]


def test_ranks_hold_the_true_ones_as_often_as_they_say():
    truth = np.array([0.5, 0.4, 0.3, 0.0])
    held = 0
    for seed in range(120):
        found = ranked(truth, n=200, seed=100 + seed)
        held += bool(((found.best <= np.arange(1, 5)) & (np.arange(1, 5) <= found.worst)).all())

    assert held >= 108  # 95% of 120 less three standard errors
