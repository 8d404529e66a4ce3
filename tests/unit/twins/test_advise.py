"""Deploy, skip or refine: each rule alone, and the size of the test to run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from e2i_shared.twins.advise import Finding, advise, min_effect
from e2i_shared.twins.sizing import Noise, Place
from e2i_shared.twins.spec import Thresholds

HEADER = {"outcome": {"name": "sales", "unit": "TRx"}}
PLACE = Place(5_000, "units", None, None, 10.0, binary=False, plain=Noise(3.0), adjusted=Noise(3.0))
GOOD = Finding(
    effect=1.0,
    lower=0.8,
    upper=1.2,
    baseline=10.0,
    sd=3.0,
    confidence=0.95,
    fidelity=0.9,
    extrapolation=False,
    place=PLACE,
    duration_weeks=None,
    best_segment=None,
)
USUAL = Thresholds()


def advice(direction="increase", header=None, thresholds=USUAL, **changes: object):
    return advise(replace(GOOD, **changes), header or HEADER, thresholds, direction)


def test_a_large_and_certain_effect_is_deployed():
    found = advice()

    assert found.recommendation == "deploy"
    assert found.min_effect == 0.5
    assert found.change == []


def test_an_effect_under_the_least_worth_having_is_skipped():
    found = advice(effect=0.4, lower=0.2, upper=0.6)

    assert found.recommendation == "skip"
    assert "under the least worth having (0.5)" in found.rationale


def test_an_interval_wholly_under_it_is_skipped_for_that_reason():
    assert "Even the better end" in advice(effect=0.2, lower=0.1, upper=0.3).rationale


@pytest.mark.parametrize(
    ("change", "why", "what"),
    [
        ({"lower": -0.1, "upper": 2.1}, "includes zero", "More data"),
        ({"confidence": 0.69}, "confidence is 0.69", "larger dose"),
        ({"fidelity": 0.69}, "fidelity is 0.69", "Validate"),
        ({"extrapolation": True}, "extrapolated", "inside the recorded"),
    ],
)
def test_each_thing_lacking_means_refine_and_says_what_to_change(change, why, what):
    found = advice(**change)

    assert found.recommendation == "refine"
    assert why in found.rationale
    assert any(what in c for c in found.change)


def test_exactly_at_the_thresholds_is_enough():
    assert advice(confidence=0.7, fidelity=0.7).recommendation == "deploy"


def test_where_less_is_wanted_a_fall_is_the_gain():
    assert advice("decrease", effect=-1.0, lower=-1.2, upper=-0.8).recommendation == "deploy"
    assert advice("decrease").recommendation == "skip"
    assert advice(effect=-1.0, lower=-1.2, upper=-0.8).recommendation == "skip"


def test_a_group_that_gains_is_pointed_out_when_the_whole_is_skipped():
    found = advice(effect=0.1, lower=0.0, upper=0.2, best_segment="specialty = Oncology")

    assert "specialty = Oncology" in found.change[0]


def test_a_baseline_near_zero_is_no_scale():
    assert min_effect(10.0, 3.0, USUAL) == 0.5
    assert min_effect(-10.0, 3.0, USUAL) == 0.5
    assert min_effect(0.001, 3.0, USUAL) == pytest.approx(0.15)


def test_a_test_is_sized_for_the_effect_or_for_the_least_worth_having():
    assert advice(effect=0.001).sample_size_per_arm == advice(effect=0.5).sample_size_per_arm
    assert advice(effect=2.0).sample_size_per_arm < advice(effect=0.5).sample_size_per_arm


def test_what_the_population_cannot_show_is_said_with_what_would_help():
    found = advice(place=replace(PLACE, members=40), effect=0.6, lower=0.5, upper=0.7)

    assert found.recommendation == "deploy"
    assert found.duration_weeks is None
    assert found.sample_size_per_arm > 300
    assert found.available_per_arm == 20
    assert "This population cannot show an effect of 0.6" in found.rationale
    assert "larger dose" in found.change[-1]
