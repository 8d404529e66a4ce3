"""Laws that every simulation keeps: of filters, doses, levels, directions, thresholds and advice."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from e2i_shared.causal.power import Level, MeansZ, Proportions, design_effect
from e2i_shared.errors import NoOverlapError, UnprocessableError
from e2i_shared.twins.advise import Finding, advise
from e2i_shared.twins.evidence import dose_response
from e2i_shared.twins.question import contrast_of
from e2i_shared.twins.simulate import population_of, simulate
from e2i_shared.twins.sizing import Noise, Place, real_test
from e2i_shared.twins.spec import SimulationSpec, Thresholds
from hypothesis import given, settings
from hypothesis import strategies as st
from vega_lite import assert_valid

if TYPE_CHECKING:
    from e2i_shared.twins.bundle import Bundle

HEADER = {"outcome": {"name": "y", "unit": None}}
PLACE = Place(500_000, "units", None, None, 10.0, binary=False, plain=Noise(3.0), adjusted=Noise(3.0))


def spec(kind="email", **more: Any) -> SimulationSpec:
    return SimulationSpec.model_validate({"intervention_type": kind, "twin_count": 1_000} | more)


def ask(twin, kind="email", thresholds=None, **more: Any):
    return simulate(twin, spec(kind, **more), thresholds=thresholds, with_charts=False)


def told(twin: Bundle, **changes: Any) -> Bundle:
    """Return the twin as if it had been trained with other settings."""
    return replace(twin, header=twin.header | {"spec": twin.header["spec"] | changes})


FILTERS = [
    ("region", "eq", "East", lambda x: x["region"] == 0),
    ("region", "ne", "East", lambda x: x["region"] != 0),
    ("region", "in", ["East", "West"], lambda x: np.isin(x["region"], [0, 3])),
    ("decile", "eq", 4, lambda x: x["decile"] == 4),
    ("decile", "ne", 4, lambda x: x["decile"] != 4),
    ("decile", "lt", 4, lambda x: x["decile"] < 4),
    ("decile", "le", 4, lambda x: x["decile"] <= 4),
    ("decile", "gt", 4, lambda x: x["decile"] > 4),
    ("decile", "ge", 4, lambda x: x["decile"] >= 4),
    ("decile", "in", [1, 9, 10], lambda x: np.isin(x["decile"], [1, 9, 10])),
    ("decile", "between", [3, 6], lambda x: (x["decile"] >= 3) & (x["decile"] <= 6)),
    ("visits", "ge", 1, lambda x: x["visits"] >= 1),
]


def columns_of(world) -> dict[str, np.ndarray]:
    frame = world.frame
    numbers = {name: frame.numbers(name) for name in ("decile", "tenure", "digital", "visits", "email")}
    return numbers | {name: frame.columns[name].codes for name in ("region", "specialty")}


@pytest.mark.parametrize(("column", "op", "value", "keep"), FILTERS, ids=[f"{c} {o}" for c, o, *_ in FILTERS])
def test_each_filter_keeps_the_units_that_it_names(twin, world, column, op, value, keep):
    found = ask(twin, population_filters=[{"column": column, "op": op, "value": value}])

    assert found.units == int(keep(columns_of(world)).sum())


def test_filters_are_all_required_and_their_order_is_nothing(twin, world):
    filters = [{"column": "region", "value": "East"}, {"column": "decile", "op": "gt", "value": 3}]
    one, other = (ask(twin, population_filters=f) for f in (filters, filters[::-1]))
    x = columns_of(world)

    assert one == other
    assert one.units == int(((x["region"] == 0) & (x["decile"] > 3)).sum())


def test_a_filter_that_everyone_passes_changes_nothing(twin):
    everyone = [{"column": "decile", "op": "ge", "value": -5}]

    assert ask(twin, population_filters=everyone) == ask(twin)


def test_parts_of_a_population_average_to_the_whole(twin):
    parts = [
        ask(twin, population_filters=[{"column": "region", "value": r}]) for r in ("East", "North", "South", "West")
    ]
    whole = ask(twin, twin_count=5_000)
    mean = sum(p.units * p.simulated_ate for p in parts) / whole.units
    noise = np.hypot(max(p.uncertainty.monte_carlo for p in parts), 0.01)

    assert sum(p.units for p in parts) == whole.units
    assert mean == pytest.approx(whole.simulated_ate, abs=4 * noise)


@given(a=st.floats(0, 4.5), b=st.floats(0, 4.5))
@settings(max_examples=15)
def test_a_larger_dose_of_what_helps_helps_more(twin, a, b):
    low, high = sorted((a, b))
    less, more = (ask(twin, "visits", config={"dose": d}).simulated_ate for d in (low, high))

    assert less <= more + 1e-9


def test_effects_of_doses_differ_by_the_step_between_them(twin):
    two, three, four = (ask(twin, "visits", config={"dose": float(d)}).simulated_ate for d in (0, 2, 4))

    assert two == 0
    assert 0 < three < four
    assert three == pytest.approx(1.2, abs=0.2)


def test_each_percent_more_adds_and_none_adds_nothing(twin):
    gains = [ask(twin, "visits", config={"dose_change_pct": p}).simulated_ate for p in (-20, 0, 10, 20, 40)]

    assert gains[1] == 0
    assert gains[0] < 0
    assert all(b > a for a, b in itertools.pairwise(gains))


@pytest.mark.parametrize("kind", ["email", "visits"])
@pytest.mark.parametrize("seed", [1, 2])
def test_no_number_of_twins_makes_the_interval_narrower_than_data_and_models_allow(twin, kind, seed):
    for count in (100, 700, 5_000):
        found = ask(twin, kind, twin_count=count, seed=seed)
        floor = np.hypot(found.uncertainty.data, found.uncertainty.smoothing)

        assert found.std_error >= floor
        low, high = found.confidence_interval
        assert high - low >= 2 * 1.959 * floor


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95, 0.99, 0.999])
def test_the_probability_to_pass_a_bound_of_the_interval_is_that_of_its_level(twin, level):
    plain = ask(twin, confidence_level=level)
    low, high = plain.confidence_interval
    baseline = plain.compare_to_baseline.baseline
    at_low, at_high = (
        ask(twin, confidence_level=level, thresholds=Thresholds(min_effect_threshold=bound / baseline))
        for bound in (low, high)
    )

    assert at_low.p_effect_above_threshold == pytest.approx(0.5 + level / 2, abs=1e-6)
    assert at_high.p_effect_above_threshold == pytest.approx(0.5 - level / 2, abs=1e-6)


def test_the_test_against_the_baseline_agrees_with_the_interval(twin):
    for kind, filters in itertools.product(("email", "visits"), ([], [{"column": "decile", "value": 2}])):
        found = ask(twin, kind, population_filters=filters)
        excludes_zero = not found.confidence_interval[0] <= 0 <= found.confidence_interval[1]

        assert (found.compare_to_baseline.p_value < 0.05) is excludes_zero


def test_where_less_is_wanted_the_probability_is_of_a_fall(twin):
    more, less = ask(twin), ask(told(twin, direction="decrease"))

    assert less.simulated_ate == more.simulated_ate
    assert more.p_effect_above_threshold > 0.99
    assert less.p_effect_above_threshold < 0.01
    assert (more.recommendation, less.recommendation) == ("deploy", "skip")


@pytest.mark.parametrize("config", [{"dose_change": 1}, {"dose_change_pct": 20}, {"dose": 2}, {"dose": 0}])
def test_what_was_received_or_not_has_no_other_dose(twin, config):
    with pytest.raises(UnprocessableError, match="only dose 1"):
        ask(twin, "email", config=config)


def test_those_who_all_received_it_cannot_be_compared(twin):
    with pytest.raises(NoOverlapError, match="0 units are on the smaller side"):
        ask(twin, "email", population_filters=[{"column": "email", "value": 1}])


@pytest.mark.parametrize("dose", [9.0, 12.0, 20.0, 1e6, 1e12, -1e12])
def test_the_further_beyond_the_wider_and_always_finite(twin, dose):
    found = ask(twin, "visits", config={"dose": dose, "allow_extrapolation": True})
    nearer = ask(twin, "visits", config={"dose": 8.0, "allow_extrapolation": True})

    assert found.extrapolation
    assert found.std_error > nearer.std_error
    assert found.simulation_confidence <= 0.5
    assert found.recommendation != "deploy"
    json.dumps(found.model_dump(mode="json"), allow_nan=False)


@pytest.mark.parametrize("change", [1e12, -1e12, 500.0])
def test_an_absurd_change_is_refused_or_flagged_and_never_infinite(twin, change):
    with pytest.raises(UnprocessableError, match="beyond the doses"):
        ask(twin, "visits", config={"dose_change": change})

    found = ask(twin, "visits", config={"dose_change": change, "allow_extrapolation": True})
    assert found.extrapolation
    json.dumps(found.model_dump(mode="json"), allow_nan=False)


@pytest.mark.parametrize("way", ["increasing", "decreasing"])
def test_a_one_way_curve_starts_at_zero_and_keeps_to_its_side(twin, way):
    bound = told(twin, monotone={"visits": way})
    curve = ask(bound, "visits").dose_response
    effects = [p.effect for p in curve]

    assert effects[0] == 0
    assert effects == sorted(effects, reverse=way == "decreasing")
    assert min(effects) >= 0 if way == "increasing" else max(effects) <= 0
    assert max(map(abs, effects)) > 1 if way == "increasing" else max(map(abs, effects)) == 0


def test_the_curves_bands_are_nothing_at_its_reference_and_widen_with_the_level(twin):
    rows = population_of(twin, spec("visits"))
    contrast = contrast_of(twin, spec("visits"), rows.rows)
    narrow, wide = (dose_response(twin, contrast, rows.rows, level) for level in (0.8, 0.99))
    widths = [p.ci_upper - p.ci_lower for p in wide]

    assert min(widths[1:]) > 0
    assert widths[0] == 0
    assert all(w > p.ci_upper - p.ci_lower for w, p in zip(widths[1:], narrow[1:], strict=True))
    assert sum(p.units for p in wide) == twin.units.n


def test_an_arm_has_no_curve(twin):
    rows = population_of(twin, spec())

    assert dose_response(twin, contrast_of(twin, spec(), rows.rows), rows.rows, 0.95) == []


def test_segments_hold_everyone_with_few_left_out_and_missing_ones_in_none(twin):
    tenure = twin.units.numbers["tenure"].copy()
    tenure[:400] = np.nan
    holed = replace(twin, units=replace(twin.units, numbers={**twin.units.numbers, "tenure": tenure}))
    groups = ask(holed, segments=["tenure"]).effect_heterogeneity["tenure"]

    assert sum(g.units for g in groups) == twin.units.n - 400
    assert all(g.ci_lower < g.effect < g.ci_upper for g in groups)


def test_a_segment_asked_for_twice_is_answered_once_and_none_is_none(twin):
    assert list(ask(twin, segments=["region", "region"]).effect_heterogeneity) == ["region"]
    assert ask(twin, segments=[]).effect_heterogeneity == {}


@pytest.mark.parametrize("kind", ["email", "visits"])
@pytest.mark.parametrize("more", [{"segments": []}, {"segments": ["tenure"]}, {"config": {"uptake": 0.3}}])
def test_every_picture_is_vega_lite_without_gaps(twin, kind, more):
    for chart in simulate(twin, spec(kind, **more)).charts.values():
        assert_valid(chart)
        assert chart["data"]["values"]


LEAST = 0.5  # 5% of a baseline of 10
SHAPES = {
    "under it": (0.4, 0.3, 0.45),
    "under it, perhaps not": (0.4, 0.2, 0.6),
    "passes": (1.0, 0.8, 1.2),
    "passes, perhaps nothing": (1.0, -0.2, 2.2),
    "exactly": (0.5, 0.4, 0.6),
    "harms": (-1.0, -1.2, -0.8),
}


@pytest.mark.parametrize("direction", ["increase", "decrease"])
@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("confidence", [0.69, 0.7])
@pytest.mark.parametrize("fidelity", [0.69, 0.7])
@pytest.mark.parametrize("extrapolation", [False, True])
def test_the_whole_table_of_recommendations(direction, shape, confidence, fidelity, extrapolation):
    effect, lower, upper = SHAPES[shape] if direction == "increase" else [-v for v in SHAPES[shape]]
    lower, upper = sorted((lower, upper))
    finding = Finding(effect, lower, upper, 10.0, 3.0, confidence, fidelity, extrapolation, PLACE, None, None)
    found = advise(finding, HEADER, Thresholds(), direction)

    lacking = [shape == "passes, perhaps nothing", confidence < 0.7, fidelity < 0.7, extrapolation]
    passes = shape.startswith("passes") or shape == "exactly"
    wanted = "skip" if not passes else ("refine" if any(lacking) else "deploy")
    assert found.recommendation == wanted
    assert len(found.change) == (sum(lacking) if wanted == "refine" else 0)
    assert found.min_effect == LEAST


@pytest.mark.parametrize(("power", "alpha"), [(0.8, 0.05), (0.9, 0.05), (0.8, 0.01)])
@pytest.mark.parametrize("effect", [0.6, 1.0, -2.0])
def test_sizes_are_those_of_the_power_calculation_for_means_rates_and_clusters(power, alpha, effect):
    thresholds = Thresholds(power=power, alpha=alpha)
    level = Level(alpha=alpha)
    means = MeansZ(3.0, 3.0).sample_size(effect, power, level)
    clustered = replace(PLACE, unit="hcp", rows=12.5, plain=Noise(3.0, 0.2))
    rate = replace(PLACE, baseline=0.3, binary=True)

    assert real_test(effect, PLACE, None, thresholds).size == int(np.ceil(means))
    assert real_test(effect, clustered, None, thresholds).size == int(np.ceil(means * design_effect(12.5, 0.2) / 12.5))
    assert real_test(effect / 20, rate, None, thresholds).size == int(
        np.ceil(Proportions(0.3).sample_size(effect / 20, power, level))
    )


def test_no_size_is_named_for_an_effect_of_nothing():
    assert real_test(0.0, PLACE, None, Thresholds()).size is None
    assert real_test(1.0, replace(PLACE, plain=Noise(0.0)), None, Thresholds()).size is None
