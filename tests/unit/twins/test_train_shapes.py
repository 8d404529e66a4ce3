"""Twins of data sets with unusual columns: constants, rounded doses, rules between features."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from builders_twins import confounded, source_of, twin_spec
from e2i_shared.twins import bundle as bundles
from e2i_shared.twins.simulate import simulate
from e2i_shared.twins.spec import SimulationSpec
from e2i_shared.twins.train import train

ROLES = {"email": "treatment", "visits": "treatment", "sales": "outcome"}


def trained_on(world, changed, **more: Any):
    frame = world.frame
    columns = {
        name: (c.codes, c.levels) if hasattr(c, "levels") else frame.numbers(name) for name, c in frame.columns.items()
    } | changed
    roles = {name: ROLES.get(name, "covariate") for name in columns}
    return train(source_of(columns, roles)[0], twin_spec(twins=1_000, **more))


def asked(bundle, kind="email", **config: float):
    return simulate(bundle, SimulationSpec(intervention_type=kind, twin_count=1_000, config=config), with_charts=False)


@pytest.fixture(scope="module")
def small():
    return confounded(31, 1_200)


def test_a_constant_feature_and_a_level_for_all_harm_nothing(small):
    n = small.frame.n
    made = trained_on(
        small,
        {"country": (np.zeros(n, dtype=int), ("US",)), "version": np.full(n, 2.0)},
        interventions=["email"],
    )
    found = asked(bundles.read(bundles.write(made.bundle)))

    assert set(made.bundle.twins.numbers["version"]) == {2.0}
    assert found.simulated_ate == pytest.approx(small.truth("email"), abs=4 * found.std_error)
    json.dumps(made.figures, allow_nan=False)


def test_doses_in_tenths_are_answered_at_every_recorded_one_after_a_round_trip(small):
    doses = small.frame.numbers("visits") / 10
    made = trained_on(small, {"visits": doses}, interventions=["visits"])
    bundle = bundles.read(bundles.write(made.bundle))
    low, high = made.bundle.effects["visits"].curve.support

    for dose in np.unique(doses[(doses >= low) & (doses <= high)]):
        found = asked(bundle, "visits", dose=float(dose))
        assert not found.extrapolation
        assert found.simulated_ate == pytest.approx(6 * dose, abs=4 * found.std_error + 1e-9)
