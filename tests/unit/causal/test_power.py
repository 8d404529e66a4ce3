from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from e2i_shared.causal.power import (
    ClusterMeans,
    ClusterProportions,
    Level,
    MeansT,
    MeansZ,
    Proportions,
    assurance,
    clusters_hayes_bennett,
    design_effect,
    detectable_effect,
    prognostic_reduction,
    round_up,
    t_power,
)
from hypothesis import given, settings
from hypothesis import strategies as st

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "power.json").read_text())
METHODS = ["pooled_z", "unpooled_z", "arcsine_h", "pooled_z_continuity_corrected"]


def cases(kind):
    found = [case for case in REFERENCE["cases"] if case["kind"] == kind]
    assert found, f"the reference has no case of kind {kind}"
    return [pytest.param(case["inputs"], case["expected"], id=case["id"]) for case in found]


def level_of(inputs):
    return Level(inputs["alpha"], inputs["sided"], inputs.get("ratio_n2_over_n1", 1.0))


def test_the_reference_is_complete():
    assert len(REFERENCE["cases"]) == REFERENCE["meta"]["n_cases"] == 95


@pytest.mark.parametrize(("inputs", "expected"), cases("sample_size_two_proportions"))
def test_sizes_for_two_proportions_match_the_reference(inputs, expected):
    level = level_of(inputs)
    endpoint, effect = Proportions(inputs["p1"], inputs["method"]), inputs["p2"] - inputs["p1"]

    n1 = endpoint.sample_size(effect, inputs["power"], level)

    assert n1 == pytest.approx(expected["n1_real"], rel=1e-4)
    assert round_up(n1, level.ratio) == (expected["n1"], expected["n2"])
    assert sum(round_up(n1, level.ratio)) == expected["total"]


@pytest.mark.parametrize(("inputs", "expected"), cases("sample_size_two_means_t"))
def test_sizes_for_two_means_match_the_reference(inputs, expected):
    level = level_of(inputs)

    n1 = MeansT(1.0).sample_size(inputs["cohens_d"], inputs["power"], level)

    assert n1 == pytest.approx(expected["n1_real"], abs=1e-3)
    assert round_up(n1, level.ratio) == (expected["n1"], expected["n2"])


@pytest.mark.parametrize(("inputs", "expected"), cases("sample_size_two_means_z"))
def test_sizes_by_the_z_test_match_the_reference(inputs, expected):
    level = level_of(inputs)

    n1 = MeansZ(inputs["sd1"], inputs["sd2"]).sample_size(inputs["delta"], inputs["power"], level)

    assert n1 == pytest.approx(expected["n1_real"], abs=1e-3)
    assert round_up(n1, level.ratio) == (expected["n1"], expected["n2"])


@pytest.mark.parametrize(("inputs", "expected"), cases("power_two_means_t"))
def test_power_of_the_t_test_matches_the_reference(inputs, expected):
    power = MeansT(1.0).power(inputs["cohens_d"], inputs["n1"], level_of(inputs))

    assert power == pytest.approx(expected["power"], abs=1e-6)


@pytest.mark.parametrize(("inputs", "expected"), cases("mde_two_proportions"))
def test_detectable_differences_match_the_reference(inputs, expected):
    endpoint = Proportions(inputs["p1"], inputs["method"])

    found = detectable_effect(
        endpoint, inputs["n_per_arm"], inputs["power"], level_of(inputs), limit=1 - inputs["p1"], sign=1
    )

    assert found == pytest.approx(expected["mde_absolute"], abs=1e-6)


@pytest.mark.parametrize(("inputs", "expected"), cases("sample_size_cluster_means"))
def test_clusters_for_means_match_the_reference(inputs, expected):
    level, d, size = level_of(inputs), inputs["cohens_d"], inputs["cluster_size_mean"]
    factor = design_effect(size, inputs["icc"], inputs["cluster_size_cv"])
    individuals = MeansZ(1.0, 1.0).sample_size(d, inputs["power"], level)
    clusters = ClusterMeans(1.0, size, factor)

    real = clusters.sample_size(d, inputs["power"], level)

    assert factor == pytest.approx(expected["design_effect"], abs=1e-9)
    assert individuals == pytest.approx(expected["n_individual_per_arm_real"], abs=1e-3)
    assert individuals * factor == pytest.approx(expected["n_cluster_rand_per_arm_real"], abs=1e-3)
    assert individuals * factor / size == pytest.approx(expected["clusters_per_arm_z_real"], abs=1e-4)
    assert math.ceil(individuals * factor / size) == expected["clusters_per_arm_z"]
    assert round_up(real, 1.0)[0] == expected["clusters_per_arm_t"]
    assert clusters.power(d, expected["clusters_per_arm_t"], level) == pytest.approx(expected["power_at_t"], abs=1e-4)


@pytest.mark.parametrize(("inputs", "expected"), cases("sample_size_cluster_proportions_hayes_bennett"))
def test_clusters_for_proportions_match_hayes_and_bennett(inputs, expected):
    real = clusters_hayes_bennett(
        inputs["p_control"],
        inputs["p_treatment"],
        inputs["cluster_size"],
        inputs["between_cluster_cv_k"],
        level_of(inputs),
        inputs["power"],
    )

    assert real == pytest.approx(expected["clusters_per_arm_real"], rel=1e-6)
    assert math.ceil(real) == expected["clusters_per_arm"]


@pytest.mark.parametrize(("inputs", "expected"), cases("prognostic_sample_size_reduction"))
def test_prognostic_covariates_save_what_the_reference_says(inputs, expected):
    left = prognostic_reduction(inputs["n_unadjusted"], inputs["r2_historical"], inputs["correlation_with_true_score"])

    assert left == pytest.approx(expected["n_adjusted_real"], rel=1e-6)
    assert math.ceil(left) == expected["n_adjusted"]


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=30)
@given(
    p1=st.floats(0.02, 0.9),
    gain=st.floats(0.01, 0.08),
    power=st.floats(0.3, 0.99),
    ratio=st.floats(0.3, 3.0),
    sided=st.sampled_from([1, 2]),
)
def test_power_and_size_for_proportions_are_inverse(method, p1, gain, power, ratio, sided):
    endpoint, level = Proportions(p1, method), Level(0.05, sided, ratio)

    assert endpoint.power(gain, endpoint.sample_size(gain, power, level), level) == pytest.approx(power, abs=1e-9)


@settings(max_examples=25)
@given(d=st.floats(0.1, 1.5), power=st.floats(0.4, 0.98), ratio=st.floats(0.4, 3.0))
def test_power_and_size_for_means_are_inverse(d, power, ratio):
    level = Level(0.05, 2, ratio)
    n1 = MeansT(2.0).sample_size(2.0 * d, power, level)

    assert MeansT(2.0).power(2.0 * d, n1, level) == pytest.approx(power, abs=1e-9)


@settings(max_examples=25)
@given(n=st.integers(3, 2000), more=st.integers(1, 500), d=st.floats(0.05, 1.0))
def test_power_never_falls_with_the_sample(n, more, d):
    assert t_power(d, n + more, Level()) >= t_power(d, n, Level()) - 1e-12


@settings(max_examples=25)
@given(n=st.integers(5, 2000), d=st.floats(0.05, 1.0), more=st.floats(0.01, 0.5))
def test_power_never_falls_with_the_effect(n, d, more):
    assert t_power(d + more, n, Level()) >= t_power(d, n, Level()) - 1e-12


def test_a_smaller_alpha_needs_a_larger_sample():
    sizes = [MeansT(1.0).sample_size(0.3, 0.8, Level(alpha)) for alpha in (0.1, 0.05, 0.01, 1e-6)]

    assert sizes == sorted(sizes)


def test_without_an_effect_the_t_test_rejects_with_probability_alpha():
    assert t_power(0.0, 40, Level(0.05)) == pytest.approx(0.05, abs=1e-10)
    assert t_power(0.0, 40, Level(0.05, sided=1)) == pytest.approx(0.05, abs=1e-10)


def test_power_of_the_t_test_agrees_with_simulation():
    rng = np.random.default_rng(7)
    a, b = rng.normal(0.0, 1.0, (20_000, 25)), rng.normal(0.6, 1.0, (20_000, 40))
    pooled = (24 * a.var(axis=1, ddof=1) + 39 * b.var(axis=1, ddof=1)) / 63
    t = (b.mean(axis=1) - a.mean(axis=1)) / np.sqrt(pooled * (1 / 25 + 1 / 40))
    simulated = float((np.abs(t) > 1.998341).mean())

    assert t_power(0.6, 25, Level(0.05, 2, 1.6)) == pytest.approx(simulated, abs=3 * math.sqrt(0.25 / 20_000))


@pytest.mark.parametrize("sided", [1, 2])
@pytest.mark.parametrize("d", [8.0, 16.0, 1e6])
def test_certain_power_is_never_more_than_one(d, sided):
    assert t_power(d, 30, Level(0.25, sided, 0.5)) <= 1.0


def test_no_degrees_of_freedom_mean_no_power():
    assert t_power(5.0, 1, Level()) == 0.0


def test_a_direction_that_leaves_no_valid_rate_is_refused():
    with pytest.raises(ValueError, match="not between 0 and 1"):
        Proportions(0.1).sample_size(-0.1, 0.8, Level())
    with pytest.raises(ValueError, match="not between 0 and 1"):
        ClusterProportions(0.9, 20, 1.5).sample_size(0.2, 0.8, Level())


def test_nothing_is_detectable_where_even_the_limit_falls_short():
    assert detectable_effect(Proportions(0.95), 20, 0.8, Level(), limit=0.05) is None


def test_a_detectable_decrease_is_negative_and_reaches_its_power():
    found = detectable_effect(Proportions(0.3), 400, 0.8, Level(), limit=0.3, sign=-1)

    assert found is not None
    assert found < 0
    assert Proportions(0.3).power(found, 400, Level()) == pytest.approx(0.8, abs=1e-9)


@settings(max_examples=25)
@given(n=st.integers(10, 5000), more=st.integers(1, 5000))
def test_a_larger_sample_detects_a_smaller_effect(n, more):
    small, large = (detectable_effect(MeansZ(1, 1), k, 0.8, Level(), limit=100.0) for k in (n, n + more))

    assert small is not None
    assert large is not None
    assert large < small


def test_clusters_of_one_cost_nothing():
    assert design_effect(1, 0.3) == 1.0
    assert design_effect(20, 0.0) == 1.0


@given(size=st.floats(1, 200), icc=st.floats(0, 0.99), cv=st.floats(0, 2))
def test_unequal_clusters_never_help(size, icc, cv):
    assert design_effect(size, icc, cv) >= design_effect(size, icc) - 1e-12


def test_cluster_rates_use_the_mean_variance_of_both_arms():
    factor = design_effect(50, 0.02)
    sd = math.sqrt((0.2 * 0.8 + 0.3 * 0.7) / 2)

    of_rates = ClusterProportions(0.2, 50, factor).sample_size(0.1, 0.8, Level())

    assert of_rates == pytest.approx(ClusterMeans(sd, 50, factor).sample_size(0.1, 0.8, Level()), rel=1e-12)
    assert ClusterProportions(0.2, 50, factor).power(0.1, of_rates, Level()) == pytest.approx(0.8, abs=1e-9)


def test_rounding_up_forgives_rounding_error_only():
    assert round_up(240.0 + 1e-11, 1.0) == (240, 240)
    assert round_up(240.001, 0.5) == (241, 121)
    assert round_up(0.3, 1.0) == (2, 2)


def test_assurance_without_uncertainty_is_power():
    assert assurance(lambda effect: 0.8 if effect > 0 else 0.0, 1.0, 1e-9) == pytest.approx(0.8, abs=1e-8)


def test_assurance_of_a_coin_flip_effect_counts_the_right_direction_only():
    half = assurance(lambda _effect: 1.0, 1e-12, 1.0)

    assert half == pytest.approx(0.5, abs=1e-6)


def test_assurance_lies_below_power_when_power_is_high():
    level = Level()

    averaged = assurance(lambda effect: MeansZ(1, 1).power(effect, 200, level), 0.3, 0.1)

    exact = 0.5 * math.erfc(-(0.3 / 0.1 - level.z) / math.sqrt(1 + (0.1 / 0.1) ** 2) / math.sqrt(2))
    assert averaged < MeansZ(1, 1).power(0.3, 200, level)
    assert averaged == pytest.approx(exact, abs=2e-3)
