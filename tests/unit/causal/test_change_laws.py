"""Laws that the parts of a change keep, whatever the data."""

from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.change_attribution import Layout, attribute, moments, random_groups

LAYOUT = Layout(x=2, modifiers=(0,), levers=1)


def sample(seed, n=400, shift=0.0, level=0.0, effect=1.0, base=0.0):
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(shift, 1, n)])
    t = (1 + level + 0.5 * x[:, 1] + rng.normal(size=n))[:, None]
    return x, t, base + 2 * x[:, 1] + effect * t[:, 0] + 0.3 * rng.normal(size=n)


def parts_of(before, after, *, total=False, effects="by_sample"):
    tables = [moments(*held, LAYOUT, np.arange(len(held[2])) % 20, 20) for held in (before, after)]
    return attribute(*tables, LAYOUT, total=total, effects=effects)


@pytest.mark.parametrize(
    ("changed", "part"),
    [({"shift": 1.0}, "mix"), ({"level": 1.0}, "exposure"), ({"effect": 2.0}, "response"), ({"base": 3.0}, "baseline")],
)
def test_what_alone_changed_is_named(changed, part):
    found = parts_of(sample(1, 4_000), sample(2, 4_000, **changed)).parts
    truth = {"mix": 2.0, "exposure": 1.0, "response": 1.0, "baseline": 3.0}[part]
    others = {"mix", "exposure", "response", "baseline"} - {part}

    assert float(np.sum(getattr(found, part))) == pytest.approx(truth, abs=0.15)
    for name in others:
        assert float(np.sum(getattr(found, name))) == pytest.approx(0, abs=0.15)


@pytest.mark.parametrize("total", [False, True])
def test_backwards_every_part_changes_its_sign(total):
    before, after = sample(3, 300), sample(4, 500, shift=0.5, level=-0.4, effect=1.4, base=1.0)
    there, back = parts_of(before, after, total=total), parts_of(after, before, total=total)

    assert there.parts.vector() == pytest.approx(-back.parts.vector(), abs=1e-6 * 500)


def test_parts_scale_with_the_outcomes_unit_and_not_with_the_levers():
    before, after = sample(5), sample(6, level=1.0, effect=1.5)
    plain = parts_of(before, after).parts.vector()
    tenfold = parts_of(*((x, t, 10 * y) for x, t, y in (before, after))).parts.vector()
    regauged = parts_of(*((x, 100 * t, y) for x, t, y in (before, after))).parts.vector()

    assert tenfold == pytest.approx(10 * plain, rel=1e-6)
    assert regauged == pytest.approx(plain, rel=1e-5, abs=1e-6)


def test_a_shifted_outcome_moves_nothing_but_a_shift_after_only_the_baseline():
    before, after = sample(7), sample(8, level=0.5)
    plain = parts_of(before, after).parts
    both = parts_of(*((x, t, y + 50) for x, t, y in (before, after))).parts
    one = parts_of(before, (after[0], after[1], after[2] + 50)).parts

    assert both.vector() == pytest.approx(plain.vector(), abs=1e-4)
    assert one.baseline - plain.baseline == pytest.approx(50, abs=1e-3)
    assert float(one.exposure[0]) == pytest.approx(float(plain.exposure[0]), abs=1e-4)


def test_the_order_of_rows_is_nothing():
    before, after = sample(9), sample(10, level=0.5)
    order = np.random.default_rng(1).permutation(400)
    turned = parts_of(tuple(v[order] for v in before), after).parts

    assert turned.vector() == pytest.approx(parts_of(before, after).parts.vector())


def test_twice_the_rows_are_twice_the_total_and_the_same_mean():
    before, after = sample(11), sample(12, level=0.5, base=2.0)
    doubled = tuple(np.concatenate([v, v]) for v in after)

    assert parts_of(before, doubled).parts.vector() == pytest.approx(parts_of(before, after).parts.vector(), abs=1e-6)
    assert parts_of(after, doubled, total=True).parts.size == pytest.approx(after[2].sum())
    assert parts_of(after, doubled, total=True).parts.change == pytest.approx(after[2].sum())


def test_common_effects_leave_all_change_of_response_to_the_baseline():
    found = parts_of(sample(13), sample(14, effect=2.0), effects="common").parts

    assert found.response.tolist() == [0.0]
    assert found.baseline > 0.5


def test_the_interval_of_a_sum_of_all_parts_is_that_of_the_change():
    before, after = sample(15), sample(16, base=1.0)
    found = parts_of(before, after)
    whole = np.zeros(len(found.parts.vector()))
    whole[0] = 1.0
    parts = 1.0 - whole
    naive = np.sqrt(before[2].var(ddof=1) / 400 + after[2].var(ddof=1) / 400)

    assert found.interval(parts) == pytest.approx(found.interval(whole))
    assert found.interval(whole)[0] == pytest.approx(naive, rel=0.5)
    low, high = found.interval(whole, 0.8)[1:]
    assert high - low < found.interval(whole, 0.99)[2] - found.interval(whole, 0.99)[1]


def test_groups_keep_units_whole_whatever_the_seed():
    units = np.repeat(np.arange(97), 3)
    for seed in range(3):
        groups, count = random_groups(units, seed, most=10)

        assert count == 10
        assert (groups.reshape(97, 3) == groups.reshape(97, 3)[:, :1]).all()
        sizes = np.bincount(groups[::3])
        assert sizes.max() - sizes.min() <= 1
