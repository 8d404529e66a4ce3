"""Pairs worked out by hand or by trying all, balance by its formula, and what replacement and caliper change."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from dgps import expit, study_of
from e2i_shared.twins.matching import _greedy, _nearest, match
from hypothesis import given
from hypothesis import strategies as st

PLACES = st.lists(st.integers(-1_000, 1_000).map(lambda v: v / 64), min_size=1, max_size=7)


def drawn(seed, n=1_200, strength=0.9, base=-1.2):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    e = expit(strength * (x[:, 0] + 0.5 * x[:, 1]) + base)
    a = (rng.random(n) < e).astype(float)
    return study_of(x, a, x[:, 0] + rng.normal(size=n)), e.clip(0.01, 0.99), x


@given(wanted=PLACES, offered=PLACES, width=st.floats(0, 20))
def test_with_replacement_each_is_given_the_nearest_within_the_width(wanted, offered, width):
    sorted_offers = np.sort(np.array(offered))
    found = _nearest(np.array(wanted), sorted_offers, width)

    for value, place in zip(wanted, found, strict=True):
        least = np.abs(sorted_offers - value).min()
        if place < 0:
            assert least > width
        else:
            assert abs(sorted_offers[place] - value) == least


@given(wanted=PLACES, offered=PLACES, width=st.floats(0, 20))
def test_without_replacement_each_is_given_the_nearest_that_is_left(wanted, offered, width):
    sorted_offers = np.sort(np.array(offered))
    found = _greedy(np.array(wanted), sorted_offers, width)
    free = set(range(len(offered)))

    for value, place in zip(wanted, found, strict=True):
        left = [abs(sorted_offers[j] - value) for j in free]
        if place < 0:
            assert not left or min(left) > width
        else:
            assert place in free
            assert abs(sorted_offers[place] - value) == min(left)
            free.discard(place)


@given(gaps=st.lists(st.floats(0.01, 0.3), min_size=1, max_size=4))
def test_far_apart_couples_are_paired_as_the_best_of_all_pairings_would(gaps):
    wanted = np.arange(len(gaps), dtype=float)[::-1] * 10
    offered = np.sort(wanted + np.array(gaps))
    costs = [sum(abs(wanted - offered[list(order)])) for order in itertools.permutations(range(len(gaps)))]
    found = _greedy(wanted, offered, 5.0)

    assert sum(abs(wanted - offered[found])) == pytest.approx(min(costs))


def test_nobody_is_further_from_their_twin_than_the_caliper():
    study, e, _ = drawn(1)
    wide, narrow = (match(study, e, caliper=c) for c in (0.2, 0.02))

    assert narrow.caliper == pytest.approx(wide.caliper / 10)
    assert len(narrow.treated) < len(wide.treated)
    # A narrower caliper leaves pairs that are more alike in what drives the treatment.
    gaps = [np.abs(np.log(e / (1 - e))[m.treated] - np.log(e / (1 - e))[m.control]).max() for m in (wide, narrow)]
    assert gaps[1] < gaps[0]


@pytest.mark.parametrize("replacement", [False, True])
def test_the_standardised_mean_difference_is_that_of_its_formula(replacement):
    study, e, x = drawn(2)
    found = match(study, e, replacement=replacement)
    treated, control = x[study.treatment == 1], x[study.treatment == 0]
    pooled = np.sqrt((treated.var(axis=0, ddof=1) + control.var(axis=0, ddof=1)) / 2)
    before = (treated.mean(axis=0) - control.mean(axis=0)) / pooled
    after = (x[found.treated].mean(axis=0) - x[found.control].mean(axis=0)) / pooled

    assert [b.before for b in found.balance] == pytest.approx(before.tolist(), rel=2e-3)
    assert [b.after for b in found.balance] == pytest.approx(after.tolist(), rel=2e-3, abs=1e-4)


def test_unbalanced_names_exactly_the_features_at_a_tenth_or_more():
    study, e, _ = drawn(3, strength=2.0, base=0.5)
    found = match(study, e, caliper=3.0)

    assert found.unbalanced == tuple(b.column for b in found.balance if abs(b.after) >= 0.1)
    assert found.valid is (found.unbalanced == ())


def test_replacement_never_pairs_fewer_nor_further_apart():
    study, e, _ = drawn(4, strength=1.5, base=0.3)
    once, again = (match(study, e, replacement=r) for r in (False, True))

    assert len(again.treated) >= len(once.treated)
    assert again.unmatched <= once.unmatched
    assert once.caliper == again.caliper


def test_the_order_of_rows_does_not_decide_who_is_paired():
    study, e, x = drawn(5)
    order = np.random.default_rng(6).permutation(study.n)
    turned = match(study_of(x[order], study.treatment[order], study.outcome[order]), e[order], replacement=True)
    plain = match(study, e, replacement=True)
    pairs = set(zip(order[turned.treated].tolist(), order[turned.control].tolist(), strict=True))
    same = pairs & set(zip(plain.treated.tolist(), plain.control.tolist(), strict=True))

    assert len(turned.treated) == len(plain.treated)
    assert len(same) >= 0.98 * len(plain.treated)


def test_treated_and_untreated_may_swap_names():
    study, e, x = drawn(7, base=0.0)
    other = match(study_of(x, 1 - study.treatment, study.outcome), 1 - e, replacement=True)

    assert (study.treatment[other.treated] == 0).all()
    assert (study.treatment[other.control] == 1).all()
    assert [b.before for b in other.balance] == pytest.approx([-b.before for b in match(study, e).balance])


def test_a_randomised_treatment_is_matched_almost_completely():
    study, _, _ = drawn(8, strength=0.0)
    found = match(study, np.full(study.n, float(study.treatment.mean())))

    assert found.valid
    assert found.unmatched <= 0.02 * study.treatment.sum()
