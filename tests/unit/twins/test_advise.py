"""Deploy, skip or refine: each rule alone, and the size of the test to run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from e2i_shared.causal.power import Level, MeansT
from e2i_shared.twins.advise import Finding, advise, min_effect, sample_size
from e2i_shared.twins.spec import Thresholds

HEADER = {
    "outcome": {"name": "sales", "unit": "TRx", "binary": False},
    "cluster_name": None,
    "cluster_size": 1.0,
    "icc": None,
}
GOOD = Finding(
    effect=1.0,
    lower=0.8,
    upper=1.2,
    baseline=10.0,
    sd=3.0,
    confidence=0.95,
    fidelity=0.9,
    extrapolation=False,
    units=5_000,
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


def test_the_sample_size_is_that_of_the_power_calculation():
    size, unit = sample_size(GOOD, HEADER, USUAL, 0.5)

    assert size == pytest.approx(MeansT(3.0).sample_size(1.0, 0.8, Level()), abs=2)
    assert unit == "unit"


def test_a_tiny_effect_is_not_sized_for_more_than_is_worth_having():
    tiny, _ = sample_size(replace(GOOD, effect=0.001), HEADER, USUAL, 0.5)
    least, _ = sample_size(replace(GOOD, effect=0.5), HEADER, USUAL, 0.5)

    assert tiny == least


def test_clusters_are_counted_as_clusters_with_their_design_effect():
    header = HEADER | {"cluster_name": "hcp_id", "cluster_size": 24.0, "icc": 0.3}
    rows, _ = sample_size(GOOD, HEADER, USUAL, 0.5)
    clusters, unit = sample_size(GOOD, header, USUAL, 0.5)

    assert unit == "hcp_id"
    assert rows is not None
    assert clusters == pytest.approx(rows * (1 + 23 * 0.3) / 24, abs=1.5)


def test_a_rate_is_sized_as_a_rate_and_an_impossible_one_not_at_all():
    header = HEADER | {"outcome": {"name": "retained", "unit": None, "binary": True}}
    rate = replace(GOOD, baseline=0.4, effect=0.1, sd=0.49)

    assert sample_size(rate, header, USUAL, 0.02)[0] == pytest.approx(387, abs=3)
    assert sample_size(replace(rate, effect=0.7), header, USUAL, 0.02)[0] is None


def test_the_duration_grows_where_the_population_cannot_fill_both_arms():
    small = advice(units=100, effect=0.6, lower=0.5, upper=0.7)

    assert small.sample_size_per_arm is not None
    assert small.sample_size_per_arm > 50
    assert small.duration_weeks > 12
    assert advice(duration_weeks=26).duration_weeks == 26
    assert advice().duration_weeks == 12
