"""Sensitivity figures against published values, against least squares, and in worlds with a known hidden confounder."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from e2i_shared.causal import sensitivity
from hypothesis import given
from hypothesis import strategies as st

CASES = json.loads((Path(__file__).parents[2] / "reference" / "sensitivity.json").read_text())["cases"]


def of_kind(*kinds: str):
    found = [case for case in CASES if case["kind"] in kinds]
    return pytest.mark.parametrize("case", found, ids=[case["id"] for case in found])


def as_risk_ratio(scale: str, value: float) -> float:
    if scale == "OR_common":
        return math.sqrt(value)
    if scale == "HR_common":
        return (1 - 0.5 ** math.sqrt(value)) / (1 - 0.5 ** math.sqrt(1 / value))
    return value


@of_kind("e_value")
def test_e_values_are_the_published_ones(case):
    inputs, expected = case["inputs"], case["expected"]
    ratio, lower, upper = (as_risk_ratio(inputs["scale"], inputs[k]) for k in ("estimate", "ci_lower", "ci_upper"))

    found = sensitivity.e_value(ratio, (lower, upper))

    assert found.point == pytest.approx(expected["evalue"], rel=1e-9)
    assert found.interval == pytest.approx(expected["evalue_ci"], rel=1e-9)


@of_kind("e_value_smd")
def test_the_e_value_of_a_standardised_difference_is_that_of_the_reference(case):
    found = sensitivity.e_value_of_difference(case["inputs"]["smd"], case["inputs"]["se"])

    assert found.risk_ratio == pytest.approx(case["expected"]["rr_point"], rel=1e-9)
    assert found.point == pytest.approx(case["expected"]["evalue"], rel=1e-9)
    assert found.interval == pytest.approx(case["expected"]["evalue_ci"], rel=1e-9)


@of_kind("robustness_value")
def test_robustness_values_are_the_published_ones(case):
    inputs, expected = case["inputs"], case["expected"]

    found = sensitivity.robustness(inputs["estimate"] / inputs["se"], inputs["dof"], q=inputs["q"])

    assert found.partial_r2 == pytest.approx(expected["partial_r2"], rel=1e-9)
    assert found.robustness_value == pytest.approx(expected["rv_q"], rel=1e-9)
    assert found.robustness_value_significance == pytest.approx(expected["rv_qa"], rel=1e-6)


@of_kind("omitted_variable_bias_adjustment")
def test_adjusted_estimates_are_the_published_ones(case):
    inputs, expected = case["inputs"], case["expected"]

    moved, error = sensitivity.adjusted(
        inputs["estimate"], inputs["se"], inputs["dof"], inputs["r2dz_x"], inputs["r2yz_dx"]
    )

    assert moved == pytest.approx(expected["adjusted_estimate"], rel=1e-9)
    assert error == pytest.approx(expected["adjusted_se"], rel=1e-9)


@given(st.floats(0.01, 100))
def test_an_e_value_is_at_least_one_and_the_same_for_a_ratio_and_its_inverse(ratio):
    found = sensitivity.e_value(ratio).point

    assert found >= 1
    assert found == pytest.approx(sensitivity.e_value(1 / ratio).point, rel=1e-9)


@given(st.floats(0, 40), st.floats(0.01, 10), st.integers(20, 10_000))
def test_a_robustness_value_is_a_share_that_grows_with_t(t, more, dof):
    low, high = sensitivity.robustness(t, dof), sensitivity.robustness(t + more, dof)

    assert 0 <= low.robustness_value <= high.robustness_value < 1
    assert low.robustness_value_significance <= low.robustness_value + 1e-12


def world(rng, n=4000, hidden=0.6):
    x = rng.normal(size=(n, 2))
    u = rng.normal(size=n)
    treatment = x[:, 0] + hidden * u + rng.normal(size=n)
    outcome = treatment + x[:, 0] + hidden * u + rng.normal(size=n)
    return x, u, treatment, outcome


def test_benchmarks_are_the_partial_r2_of_least_squares(rng):
    x, _, treatment, outcome = world(rng)

    found = sensitivity.benchmarks(outcome, treatment, x, ["a", "b"])

    def residual(target, columns) -> float:
        z = np.column_stack([np.ones(len(target)), *columns])
        return float(((target - z @ np.linalg.lstsq(z, target, rcond=None)[0]) ** 2).sum())

    full, short = residual(treatment, [x]), residual(treatment, [x[:, 1]])
    assert found.r2["a"][0] == pytest.approx((short - full) / short, rel=1e-9)
    full, short = residual(outcome, [x, treatment]), residual(outcome, [x[:, 1], treatment])
    assert found.r2["a"][1] == pytest.approx((short - full) / short, rel=1e-9)


def test_a_benchmark_with_several_columns_counts_them_together(rng):
    x, _, treatment, outcome = world(rng)

    together = sensitivity.benchmarks(outcome, treatment, x, ["both", "both"]).r2["both"]

    assert together[0] >= sensitivity.benchmarks(outcome, treatment, x, ["a", "b"]).r2["a"][0]


def test_adjusting_for_a_hidden_confounder_of_known_strength_recovers_the_effect(rng):
    x, u, treatment, outcome = world(rng)
    z = np.column_stack([np.ones(len(outcome)), treatment, x])
    coefficients = np.linalg.lstsq(z, outcome, rcond=None)[0]
    dof = len(outcome) - z.shape[1]
    sigma = ((outcome - z @ coefficients) ** 2).sum() / dof
    error = float(np.sqrt(sigma * np.linalg.inv(z.T @ z)[1, 1]))
    known = sensitivity.benchmarks(outcome, treatment, np.column_stack([x, u]), ["a", "b", "u"]).r2["u"]

    moved, _ = sensitivity.adjusted(float(coefficients[1]), error, dof, *known)

    full = np.column_stack([z, u])
    assert coefficients[1] > 1.1  # the confounder does bias it
    assert moved == pytest.approx(np.linalg.lstsq(full, outcome, rcond=None)[0][1], rel=1e-6)


def test_a_bound_that_no_confounder_can_reach_is_none():
    assert sensitivity.bound("x", 3.0, (0.6, 0.5), 1.0, 0.1, 500) is None


def test_stronger_confounders_move_the_estimate_further():
    bounds = [sensitivity.bound("x", k, (0.05, 0.1), 1.0, 0.1, 500) for k in (1.0, 2.0, 3.0)]

    moved = [b.adjusted_estimate for b in bounds if b]
    assert len(moved) == 3
    assert moved == sorted(moved, reverse=True)


def test_rosenbaum_at_no_bias_is_wilcoxons_test(rng):
    from scipy.stats import wilcoxon

    differences = rng.normal(0.3, 1, 200)

    expected = wilcoxon(differences, alternative="greater", correction=False, method="asymptotic").pvalue
    assert sensitivity.rosenbaum_p(differences, 1.0) == pytest.approx(expected, rel=1e-9)


def test_rosenbaum_p_grows_with_gamma_and_gamma_is_where_it_passes_alpha(rng):
    differences = rng.normal(0.5, 1, 300)

    gamma = sensitivity.rosenbaum_gamma(differences)

    assert 1 < gamma < 20
    assert (
        sensitivity.rosenbaum_p(differences, gamma - 0.02) <= 0.025 < sensitivity.rosenbaum_p(differences, gamma + 0.02)
    )


def test_no_difference_has_gamma_one(rng):
    assert sensitivity.rosenbaum_gamma(rng.normal(0, 1, 300)) == 1.0


@pytest.mark.parametrize(("pairs", "gamma", "part"), [(5, 1.0, "too few"), (50, 0.5, "at least 1")])
def test_rosenbaum_refuses_what_it_cannot_do(rng, pairs, gamma, part):
    with pytest.raises(ValueError, match=part):
        sensitivity.rosenbaum_p(rng.normal(size=pairs), gamma)


def test_pairs_are_the_nearest_within_the_caliper_and_use_a_control_once(rng):
    scores = rng.normal(size=400)
    treated = rng.random(400) < 0.3

    pairs = sensitivity.match_pairs(scores, treated)

    controls = [c for _, c in pairs]
    assert len(set(controls)) == len(controls)
    assert all(treated[t] and not treated[c] for t, c in pairs)
    assert max(abs(scores[t] - scores[c]) for t, c in pairs) <= 0.2 * scores.std()


def test_units_far_from_everyone_stay_unmatched():
    scores = np.array([0.0, 0.1, 0.05, 50.0])

    pairs = sensitivity.match_pairs(scores, np.array([True, False, False, True]), caliper=0.01)

    assert pairs == [(0, 2)]


@pytest.fixture
def rng():
    return np.random.default_rng(20260101)
