"""What a twin expects of units it never saw, and which of two twins expects better."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from builders_twins import confounded
from e2i_shared.twins import fidelity
from e2i_shared.twins.neighbours import Neighbours, held_out_losses
from e2i_shared.twins.table import table_of


def fresh(twin, seed=77, n=600):
    world = confounded(seed, n)
    return table_of(world.source.read("data", list(twin.units.names))), world.frame.numbers("sales")


def test_new_units_are_expected_better_than_by_the_mean(twin):
    rows, sales = fresh(twin)
    losses = held_out_losses(twin, rows, sales)

    assert losses.shape == (600,)
    assert losses.mean() < 0.65 * sales.var()


def test_losses_are_those_of_the_nearest_twins(twin):
    rows, sales = fresh(twin, n=100)
    losses = held_out_losses(twin, rows, sales)
    predictor = Neighbours(twin)
    for j in range(5):
        state = {name: float(values[j]) for name, values in rows.numbers.items()}
        state |= {name: rows.levels[name][int(codes[j])] for name, codes in rows.categories.items()}

        assert np.isclose((sales[j] - predictor.predict(state)["sales"]) ** 2, losses[j])


def test_a_twin_that_expects_nonsense_is_not_promoted(twin):
    rows, sales = fresh(twin)
    shuffled = replace(twin, baseline=np.random.default_rng(1).permutation(twin.baseline))
    good, bad = (held_out_losses(one, rows, sales) for one in (twin, shuffled))

    assert fidelity.better(good, bad)
    assert not fidelity.better(bad, good)


def test_missing_values_of_new_units_are_no_obstacle(twin):
    rows, sales = fresh(twin, n=100)
    rows.numbers["tenure"][:50] = np.nan

    assert np.isfinite(held_out_losses(twin, rows, sales)).all()
