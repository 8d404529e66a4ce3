"""What may be asked, and the key under which the answer is cached."""

from __future__ import annotations

import pytest
from builders_twins import twin_spec
from e2i_shared.twins.spec import InterventionConfig, SimulationSpec, Thresholds, cache_key
from pydantic import ValidationError


def test_a_simulation_has_ten_thousand_twins_unless_told_otherwise():
    spec = SimulationSpec(intervention_type="email_campaign")

    assert spec.twin_count == 10_000
    assert spec.confidence_level == 0.95


@pytest.mark.parametrize("count", [99, 50_001, 0, -5])
def test_too_few_or_too_many_twins_are_refused(count):
    with pytest.raises(ValidationError, match="twin_count"):
        SimulationSpec(intervention_type="email_campaign", twin_count=count)


@pytest.mark.parametrize("level", [0.2, 1.0, 95])
def test_a_confidence_level_that_is_none_is_refused(level):
    with pytest.raises(ValidationError, match="confidence_level"):
        SimulationSpec(intervention_type="email_campaign", confidence_level=level)


def test_a_dose_and_a_change_of_dose_exclude_each_other():
    with pytest.raises(ValidationError, match="one of dose, dose_change"):
        InterventionConfig(dose=3, dose_change_pct=20)


@pytest.mark.parametrize(
    "given", [{"dose": float("nan")}, {"dose_change": float("inf")}, {"uptake": 0}, {"uptake": 1.5}]
)
def test_doses_and_uptakes_that_mean_nothing_are_refused(given):
    with pytest.raises(ValidationError):
        InterventionConfig(**given)


def test_an_unknown_setting_is_refused_by_name():
    with pytest.raises(ValidationError, match="intensity"):
        InterventionConfig(intensity=3)


def test_an_intervention_named_twice_is_refused():
    with pytest.raises(ValidationError, match="each may be named once"):
        twin_spec(interventions=["email", "email"])


def test_the_outcome_is_no_intervention():
    with pytest.raises(ValidationError, match="is the outcome"):
        twin_spec(interventions=["sales"])


def test_the_same_question_to_the_same_model_has_the_same_key():
    spec = SimulationSpec(intervention_type="email", seed=3)

    assert cache_key(spec, "abc") == cache_key(spec.model_copy(), "abc", Thresholds())


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 4},
        {"twin_count": 5_000},
        {"config": {"uptake": 0.5}},
        {"population_filters": [{"column": "region", "value": "East"}]},
        {"confidence_level": 0.9},
        {"segments": ["region"]},
    ],
)
def test_another_question_has_another_key(other):
    spec = SimulationSpec(intervention_type="email", seed=3)
    changed = SimulationSpec.model_validate(spec.model_dump() | other)

    assert cache_key(changed, "abc") != cache_key(spec, "abc")


def test_another_model_threshold_or_history_has_another_key():
    spec = SimulationSpec(intervention_type="email")
    keys = {
        cache_key(spec, "abc"),
        cache_key(spec, "abd"),
        cache_key(spec, "abc", Thresholds(min_effect_threshold=0.1)),
        cache_key(spec, "abc", None, [1.0]),
    }

    assert len(keys) == 4


def test_a_one_way_curve_is_of_a_trained_intervention():
    assert twin_spec(monotone={"visits": "increasing"}).monotone == {"visits": "increasing"}
    with pytest.raises(ValidationError, match="'calls' is none of the interventions"):
        twin_spec(monotone={"calls": "increasing"})
