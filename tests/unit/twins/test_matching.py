"""Pairs of twins: close, used as allowed, and honest about what stays unlike."""

from __future__ import annotations

import numpy as np
import pytest
from dgps import expit, study_of
from e2i_shared.errors import NoOverlapError
from e2i_shared.twins.matching import _greedy, balanced_match, match


def drawn(seed, n=3_000, strength=0.8, base=-1.5):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    e = expit(strength * (x[:, 0] + 0.5 * x[:, 1]) + base)
    a = (rng.random(n) < e).astype(float)
    return study_of(x, a, x[:, 0] + rng.normal(size=n)), e.clip(0.01, 0.99)


@pytest.mark.parametrize("replacement", [False, True])
def test_every_covariate_is_balanced_where_that_is_reachable(replacement):
    study, e = drawn(1)
    found = match(study, e, replacement=replacement)

    assert max(abs(b.before) for b in found.balance) > 0.4
    assert all(abs(b.after) < 0.1 for b in found.balance)
    assert found.valid
    assert found.unbalanced == ()


def test_pairs_lie_within_the_caliper_and_join_treated_with_untreated():
    study, e = drawn(2)
    found = match(study, e)

    assert (study.treatment[found.treated] == 1).all()
    assert (study.treatment[found.control] == 0).all()
    assert len(found.treated) + found.unmatched == int(study.treatment.sum())


def test_without_replacement_each_untreated_unit_serves_once():
    study, e = drawn(3)

    assert len(set(match(study, e).control)) == len(match(study, e).control)


def test_with_replacement_some_serve_more_often():
    study, e = drawn(4, base=0.5)
    found = match(study, e, replacement=True)

    assert len(set(found.control)) < len(found.control)


def test_what_cannot_be_balanced_is_named():
    study, e = drawn(5, strength=2.5, base=1.0)
    found = match(study, e, caliper=5.0)

    assert not found.valid
    assert "x0" in found.unbalanced


def test_a_narrower_caliper_balances_what_the_usual_one_does_not():
    study, e = drawn(5, strength=1.5, base=1.0)
    usual, found = match(study, e), balanced_match(study, e)

    assert not usual.valid
    assert found.valid
    assert abs(found.worst.after) < 0.1 <= abs(usual.worst.after)
    assert found.caliper < usual.caliper
    assert found.unmatched > usual.unmatched


def test_the_usual_caliper_is_kept_where_it_balances():
    study, e = drawn(1)

    assert balanced_match(study, e).caliper == match(study, e).caliper


def test_where_no_caliper_balances_the_nearest_is_kept_and_what_differs_is_named():
    study, e = drawn(10, n=300, strength=6.0, base=0.0)
    tried = [match(study, e, caliper=c, replacement=True) for c in (0.2, 0.1, 0.05, 0.025)]
    found = balanced_match(study, e, replacement=True)

    assert not any(one.valid for one in tried)
    assert found.unbalanced
    assert abs(found.worst.after) == min(abs(one.worst.after) for one in tried)
    assert found.worst.column in found.unbalanced


def test_a_narrower_caliper_leaves_more_unmatched():
    study, e = drawn(6, strength=2.0, base=0.0)

    assert match(study, e, caliper=0.01).unmatched > match(study, e, caliper=0.5).unmatched


def test_nobody_to_pair_is_refused():
    rng = np.random.default_rng(7)
    x = np.concatenate([rng.normal(-5, 0.1, 500), rng.normal(5, 0.1, 500)])[:, None]
    a = (x[:, 0] > 0).astype(float)
    study = study_of(x + 0.0, a, rng.normal(size=1_000))

    with pytest.raises(NoOverlapError, match="No unit that received"):
        match(study, np.where(a == 1, 0.99, 0.01), caliper=0.05)


def test_greedy_search_takes_the_nearest_that_is_left():
    offered = np.array([0.0, 1.0, 2.0, 3.0])

    assert _greedy(np.array([1.1, 1.2, 0.9]), offered, 5.0).tolist() == [1, 2, 0]
    assert _greedy(np.array([1.0, 1.0]), offered, 0.5).tolist() == [1, -1]
    assert _greedy(np.array([9.0]), offered, 0.5).tolist() == [-1]


def test_greedy_search_equals_a_plain_one():
    rng = np.random.default_rng(8)
    wanted, offered = rng.normal(size=200), np.sort(rng.normal(size=150))
    free = set(range(150))
    expected = []
    for value in wanted:
        best = min(free, key=lambda j: abs(offered[j] - value), default=None)
        good = best is not None and abs(offered[best] - value) <= 0.3
        expected.append(best if good else -1)
        free -= {best} if good else set()

    assert _greedy(wanted, offered, 0.3).tolist() == expected
