from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from e2i_shared.causal.group_sequential import boundaries, crossing, sequential_power
from e2i_shared.causal.power import Level, MeansZ, Proportions
from scipy import stats

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "power.json").read_text())


def cases(kind):
    found = [case for case in REFERENCE["cases"] if case["kind"] == kind]
    assert found
    return [pytest.param(case["inputs"], case["expected"], id=case["id"]) for case in found]


def design_of(inputs):
    fractions = tuple(
        round(t * 3) / 3 if abs(t * 3 - round(t * 3)) < 1e-9 else t for t in inputs["information_fractions"]
    )
    return boundaries(inputs["boundary"], fractions, inputs["alpha"], inputs["sided"])


@pytest.mark.parametrize(("inputs", "expected"), cases("gs_boundary"))
def test_boundaries_match_the_reference(inputs, expected):
    design = design_of(inputs)
    up, down = crossing(design.fractions, design.z, design.sided, 0.0)

    for z, wanted in zip(design.z, expected["z"], strict=True):
        assert wanted > 8 or z == pytest.approx(wanted, abs=1e-6)
    assert np.cumsum(up + down) == pytest.approx(expected["cumulative_alpha"], abs=1e-6)


@pytest.mark.parametrize(("inputs", "expected"), cases("gs_power"))
def test_inflation_and_power_match_the_reference(inputs, expected):
    design = design_of(inputs)
    up, _ = crossing(design.fractions, design.z, design.sided, expected["drift"])

    assert design.inflation(inputs["power"]) == pytest.approx(expected["inflation"], abs=1e-4)
    assert design.power(expected["drift"]) == pytest.approx(inputs["power"], abs=1e-6)
    assert np.cumsum(up) == pytest.approx(expected["cumulative_power_by_look"], abs=1e-4)


@pytest.mark.parametrize(("inputs", "expected"), cases("gs_design_n"))
def test_maximum_sizes_match_the_reference(inputs, expected):
    level = Level(inputs["alpha"], inputs["sided"], inputs["ratio"])
    if inputs["endpoint"] == "two_means_z":
        fixed = MeansZ(inputs["sd"], inputs["sd"]).sample_size(inputs["delta"], inputs["power"], level)
    else:
        fixed = Proportions(inputs["p1"]).sample_size(inputs["p2"] - inputs["p1"], inputs["power"], level)
    inflation = design_of(inputs).inflation(inputs["power"])

    assert fixed == pytest.approx(expected["fixed_n_per_arm"], abs=0.01)
    assert inflation == pytest.approx(expected["inflation"], abs=1e-4)
    assert fixed * inflation == pytest.approx(expected["max_n_per_arm"], rel=1e-4)
    assert math.ceil(fixed * inflation) == expected["max_n_per_arm_ceil"]


@pytest.mark.parametrize("kind", ["obf", "pocock", "ld_obf", "ld_pocock"])
@pytest.mark.parametrize("sided", [1, 2])
def test_every_design_spends_alpha_exactly(kind, sided):
    design = boundaries(kind, (0.25, 0.5, 0.75, 1.0), 0.05, sided)

    up, down = crossing(design.fractions, design.z, sided, 0.0)

    assert float(up.sum() + down.sum()) == pytest.approx(0.05, abs=1e-9)


def test_the_last_obrien_fleming_bound_at_three_looks_is_not_the_flat_one():
    design = boundaries("obf", (1 / 3, 2 / 3, 1.0))

    assert design.z[-1] == pytest.approx(2.004036, abs=1e-6)
    assert design.z[0] == pytest.approx(design.z[-1] * math.sqrt(3), abs=1e-9)


def test_one_look_is_the_fixed_test():
    design = boundaries("pocock", (1.0,))

    assert design.z[0] == pytest.approx(stats.norm.ppf(0.975), abs=1e-9)
    assert design.inflation(0.8) == pytest.approx(1.0, abs=1e-9)


def test_two_looks_agree_with_the_bivariate_normal():
    design = boundaries("pocock", (0.5, 1.0))
    normal = stats.multivariate_normal([0, 0], [[1, math.sqrt(0.5)], [math.sqrt(0.5), 1]])
    inside = normal.cdf(design.z, lower_limit=[-z for z in design.z])

    assert 1 - inside == pytest.approx(0.05, abs=1e-6)


def test_a_fixed_design_of_alpha_power_keeps_it_under_looks():
    design = boundaries("obf", (0.5, 1.0))
    level = Level()
    n = MeansZ(1, 1).sample_size(0.4, 0.9, level) * design.inflation(0.9)

    assert sequential_power(design, MeansZ(1, 1).power(0.4, n, level)) == pytest.approx(0.9, abs=1e-9)


def test_looks_cost_power_at_the_same_size():
    design = boundaries("pocock", (0.2, 0.4, 0.6, 0.8, 1.0))

    assert sequential_power(design, 0.8) < 0.8
    assert sequential_power(design, 1.0) == pytest.approx(1.0, abs=1e-6)
    assert sequential_power(design, 0.0) == pytest.approx(0.0, abs=1e-6)


def test_power_grows_with_the_drift():
    design = boundaries("ld_obf", (0.3, 0.6, 1.0))
    powers = [design.power(drift) for drift in np.linspace(0.0, 6.0, 13)]

    assert powers == sorted(powers)
    assert powers[0] == pytest.approx(0.025, abs=1e-6)
