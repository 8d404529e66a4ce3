from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.multiplicity import benjamini_hochberg, holm
from scipy import stats

P = [0.01, 0.04, 0.03, 0.005, 0.8]


def test_holms_values_by_hand():
    assert holm(P).tolist() == pytest.approx([0.04, 0.09, 0.09, 0.025, 0.8])


def test_benjamini_and_hochbergs_values_equal_scipys():
    assert benjamini_hochberg(P).tolist() == pytest.approx(stats.false_discovery_control(P).tolist())


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_adjusting_never_helps_and_keeps_the_order(adjust):
    p = np.random.default_rng(1).random(50)
    adjusted = adjust(p)

    assert (adjusted >= p - 1e-15).all()
    assert (adjusted <= 1.0).all()
    assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_a_single_test_needs_no_adjustment(adjust):
    assert adjust([0.03]).tolist() == [0.03]


def test_any_false_rejection_stays_within_the_level():
    rng = np.random.default_rng(2)

    assert np.mean([(holm(rng.random(20)) < 0.05).any() for _ in range(2000)]) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)
