"""Every field of what is asked of a twin: its least and its most, and what lies just beyond them."""

from __future__ import annotations

import pytest
from builders_twins import twin_spec
from e2i_shared.twins.spec import InterventionConfig, SimulationSpec, Thresholds, TwinSpec, cache_key
from pydantic import ValidationError

TWO_TO_31 = 2**31


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("name", ["x", "x" * 200], ["", "x" * 201]),
        ("twin_type", ["hcp", "patient", "territory"], ["doctor", "", None]),
        ("brand", [None, "x" * 200], ["x" * 201]),
        ("dataset", ["x"], [""]),
        ("outcome", ["x"], ["", "email"]),
        ("interventions", [["a"], [f"i{j}" for j in range(20)]], [[], [f"i{j}" for j in range(21)], ["a", "a"], [""]]),
        ("direction", ["increase", "decrease"], ["up"]),
        ("population", ["copula", "bootstrap"], ["gan"]),
        (
            "monotone",
            [{}, {"visits": "increasing"}, {"visits": "decreasing"}],
            [{"visits": "up"}, {"fax": "increasing"}],
        ),
        ("search_seconds", [0, 3_600], [-1, 3_600.1, float("nan"), float("inf")]),
        ("twins", [100, 50_000], [99, 50_001, 100.5]),
        ("seed", [0, TWO_TO_31 - 1], [-1, TWO_TO_31]),
    ],
)
def test_a_twin_is_specified_within_bounds(field, good, bad):
    for value in good:
        assert getattr(twin_spec(**{field: value}), field) == value
    for value in bad:
        with pytest.raises(ValidationError):
            twin_spec(**{field: value})


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("dose", [None, 0.0, -3.0, 1e12], [1.1e12, -1.1e12, float("nan"), float("inf"), "many"]),
        ("dose_change", [0.0, -1e12], [1e300, float("nan"), float("-inf")]),
        ("dose_change_pct", [-100, 0, 1_000], [-100.1, 1_000.1, float("nan")]),
        ("duration_weeks", [1, 520], [0, 521, 1.5]),
        ("uptake", [1e-6, 1.0], [0.0, -0.1, 1.0001, float("nan")]),
        ("channel", ["x" * 200], ["x" * 201]),
        ("content", ["x" * 2_000], ["x" * 2_001]),
    ],
)
def test_an_intervention_is_configured_within_bounds(field, good, bad):
    for value in good:
        assert getattr(InterventionConfig(**{field: value}), field) == value
    for value in bad:
        with pytest.raises(ValidationError):
            InterventionConfig(**{field: value})


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("intervention_type", ["x", "x" * 200], ["", "x" * 201]),
        ("twin_count", [100, 50_000], [99, 50_001]),
        ("confidence_level", [0.5, 0.999], [0.499, 0.9991, 1.0, float("nan")]),
        ("segments", [None, [], [f"s{j}" for j in range(10)]], [[f"s{j}" for j in range(11)], [""]]),
        ("seed", [0, TWO_TO_31 - 1], [-1, TWO_TO_31]),
    ],
)
def test_a_simulation_is_specified_within_bounds(field, good, bad):
    for value in good:
        assert getattr(SimulationSpec(**({"intervention_type": "a"} | {field: value})), field) == value
    for value in bad:
        with pytest.raises(ValidationError):
            SimulationSpec(**({"intervention_type": "a"} | {field: value}))


def test_at_most_twenty_filters_are_taken():
    one = {"column": "region", "value": "East"}
    assert len(SimulationSpec(intervention_type="a", population_filters=[one] * 20).population_filters) == 20
    with pytest.raises(ValidationError):
        SimulationSpec(intervention_type="a", population_filters=[one] * 21)


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("min_effect_threshold", [0.0, 10.0], [-0.01, 10.1, float("nan")]),
        ("min_confidence", [0.0, 1.0], [-0.01, 1.01]),
        ("min_fidelity", [0.0, 1.0], [-0.01, 1.01]),
        ("power", [0.51, 0.99], [0.5, 1.0]),
        ("alpha", [0.001, 0.49], [0.0, 0.5]),
        ("duration_weeks", [1, 520], [0, 521]),
    ],
)
def test_thresholds_lie_within_bounds(field, good, bad):
    for value in good:
        assert getattr(Thresholds(**{field: value}), field) == value
    for value in bad:
        with pytest.raises(ValidationError):
            Thresholds(**{field: value})


@pytest.mark.parametrize(
    "model", [twin_spec(), SimulationSpec(intervention_type="a"), Thresholds(), InterventionConfig()]
)
def test_what_is_asked_comes_back_from_json_and_never_changes(model):
    assert type(model).model_validate_json(model.model_dump_json()) == model
    with pytest.raises(ValidationError):
        model.seed = 3
    with pytest.raises(ValidationError):
        type(model).model_validate(model.model_dump() | {"unheard_of": 1})


@pytest.mark.parametrize(
    "given", [("dose", "dose_change"), ("dose", "dose_change_pct"), ("dose_change", "dose_change_pct")]
)
def test_no_two_ways_to_say_a_dose_even_of_zero(given):
    with pytest.raises(ValidationError, match="give one of dose"):
        InterventionConfig(**dict.fromkeys(given, 0.0))


@pytest.mark.parametrize(
    "other",
    [
        {"intervention_type": "b"},
        {"twin_count": 101},
        {"confidence_level": 0.9},
        {"seed": 2},
        {"segments": []},
        {"config": {"dose": 0.0}},
        {"config": {"uptake": 0.5}},
        {"config": {"channel": "web"}},
        {"config": {"allow_extrapolation": True}},
        {"population_filters": [{"column": "region", "value": "East"}]},
    ],
)
def test_every_field_of_a_simulation_is_part_of_its_key(other):
    plain = {"intervention_type": "a", "twin_count": 100, "seed": 1}

    assert cache_key(SimulationSpec(**plain), "m") != cache_key(SimulationSpec(**(plain | other)), "m")


def test_every_threshold_is_part_of_the_key():
    asked = SimulationSpec(intervention_type="a")
    keys = {
        cache_key(asked, "m", Thresholds(**{name: value}))
        for name, value in {
            "min_effect_threshold": 0.06,
            "min_confidence": 0.71,
            "min_fidelity": 0.71,
            "power": 0.81,
            "alpha": 0.06,
            "duration_weeks": 13,
        }.items()
    }

    assert len(keys | {cache_key(asked, "m")}) == 7
    assert cache_key(asked, "m") == cache_key(asked, "m", Thresholds())


def test_a_specs_fields_are_those_tested_here():
    assert set(TwinSpec.model_fields) - {"features", "cluster_col", "replacement"} == {
        "name", "twin_type", "brand", "dataset", "outcome", "interventions", "direction", "population", "monotone",
        "search_seconds", "twins", "seed",
    }  # fmt: skip
