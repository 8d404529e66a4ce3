"""A dose's interval allows for units that pull the fit towards themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from e2i_shared.twins import bundle as bundles
from e2i_shared.twins.doses import PENALTY, _leverage, _solve
from e2i_shared.twins.simulate import simulate
from e2i_shared.twins.spec import SimulationSpec


def drawn(n=400, modifiers=3):
    rng = np.random.default_rng(1)
    phi = np.column_stack([np.ones(n), rng.normal(size=(n, modifiers))])
    left = rng.gamma(1.0, 1.0, (n, 1)) - 1.0
    variance = rng.uniform(0.5, 2.0, n)
    return phi, left, rng.normal(size=n), variance


def test_leverages_add_up_to_the_number_of_coefficients():
    phi, left, residual, variance = drawn()
    inverse = _solve(phi, left, residual, variance)[1]
    found = _leverage(phi, left, inverse, variance)

    assert found.sum() == pytest.approx(4, rel=2 * PENALTY)
    assert (found >= 0).all()


def test_it_is_how_far_a_unit_s_residual_grows_when_the_fit_does_without_it():
    phi, left, residual, variance = drawn(n=120)
    theta, inverse, _ = _solve(phi, left, residual, variance)
    leverage, z = _leverage(phi, left, inverse, variance), phi * left

    for i in np.argsort(-leverage)[:3]:
        others = np.arange(120) != i
        without = _solve(phi[others], left[others], residual[others], variance[others])[0]
        assert residual[i] - z[i] @ without == pytest.approx((residual[i] - z[i] @ theta) / (1 - leverage[i]), abs=0.02)


def test_the_interval_is_wider_by_it_and_the_effect_the_same(twin):
    spec = SimulationSpec.model_validate({"intervention_type": "visits", "config": {"dose_change": 1}})
    dose = twin.effects["visits"]
    curve = replace(dose.curve, jackknife=np.ones_like(dose.curve.jackknife))
    plain = simulate(replace(twin, effects=dict(twin.effects) | {"visits": replace(dose, curve=curve)}), spec)
    found = simulate(twin, spec)

    assert found.simulated_ate == plain.simulated_ate
    assert 1.0 < found.uncertainty.data / plain.uncertainty.data < 1.2
    assert found.dose_response[-1].ci_upper > plain.dose_response[-1].ci_upper
    assert found.dose_response[-1].effect == plain.dose_response[-1].effect


def test_a_file_of_an_earlier_version_is_still_read(twin, monkeypatch):
    written = bundles._dose

    def dropped(*given: object) -> dict[str, object]:
        return {k: v for k, v in written(*given).items() if not k.endswith("jackknife")}

    monkeypatch.setattr(bundles, "_dose", dropped)

    assert (bundles.read(bundles.write(twin)).effects["visits"].curve.jackknife == 1).all()
