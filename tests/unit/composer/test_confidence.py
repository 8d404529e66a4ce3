from __future__ import annotations

from typing import Any

import pytest
from builders_composer import cate_output, effect_output, refutation_output, sensitivity_output
from e2i_shared.api.composition import CompositionStatus
from e2i_shared.composer.confidence import part_confidence, step_confidence
from e2i_shared.composer.model import PlanStep, StepRecord
from hypothesis import given
from hypothesis import strategies as st


def effect(**changes: Any):
    return step_confidence("causal_effect_estimator", effect_output(**changes))


def test_a_clean_observational_effect_has_the_base_confidence():
    assert effect() == pytest.approx(0.85)


def test_an_experiment_is_trusted_more():
    assert effect(method="difference_in_means") == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("changes", "factor"),
    [
        ({"overlap": {"share_outside": 0.25}}, 0.7),
        ({"overlap": {"share_outside": 0.05}}, 1.0),
        ({"overlap": None}, 1.0),
        ({"balance": [{"column": "a", "smd_before": 0.4, "smd_after": -0.2}]}, 0.75),
        ({"balance": [{"column": "a", "smd_before": 0.4, "smd_after": 0.05}]}, 1.0),
        ({"n_clusters": 12}, 0.8),
        ({"n_clusters": None}, 1.0),
        ({"n": 60}, 0.8),
        ({"ate": 0.1, "ci_lower": -0.4, "ci_upper": 0.6}, 0.85),
        ({"warnings": ["one"]}, 0.95),
        ({"warnings": ["one", "two", "three", "four", "five"]}, 0.95**3),
    ],
)
def test_each_weakness_lowers_it_by_its_factor(changes, factor):
    assert effect(**changes) == pytest.approx(0.85 * factor)


@pytest.mark.parametrize(("gate", "factor"), [("proceed", 1.0), ("review", 0.6), ("block", 0.25)])
def test_the_gate_of_the_refutation_decides(gate, factor):
    assert step_confidence("refutation_runner", refutation_output(gate_decision=gate)) == pytest.approx(0.85 * factor)


def test_a_weak_e_value_lowers_it():
    weak = sensitivity_output(e_value_ci=1.05)
    assert step_confidence("sensitivity_analyzer", weak) < step_confidence("sensitivity_analyzer", sensitivity_output())


def test_segments_that_may_not_differ_are_trusted_less():
    assert step_confidence("cate_analyzer", cate_output(heterogeneity_p=0.4)) == pytest.approx(0.85 * 0.6)


def test_counting_and_arithmetic_are_trusted():
    assert step_confidence("kpi_lookup", {"value": 1}) == pytest.approx(0.95)
    assert step_confidence("power_calculator", {"power": 0.8}) == pytest.approx(0.9)


def record(number, tool, output, depends=()):
    step = PlanStep(
        step_number=number,
        name=tool,
        tool=tool,
        runtime="layer",
        inputs={},
        depends_on=list(depends),
        serves="Q1",
        level=1,
    )
    return StepRecord(step=step, status=CompositionStatus.COMPLETED, output=output)


def test_a_part_is_as_trusted_as_its_weakest_step():
    book = {
        1: record(1, "kpi_lookup", {"value": 1}),
        2: record(2, "causal_effect_estimator", effect_output(n_clusters=5)),
    }
    assert part_confidence([1, 2], book) == pytest.approx(0.68)
    assert part_confidence([1], book) == pytest.approx(0.95)


def test_a_part_is_no_more_trusted_than_what_it_builds_on():
    book = {
        1: record(1, "causal_effect_estimator", effect_output(overlap={"share_outside": 0.5})),
        2: record(2, "cate_analyzer", cate_output(), [1]),
        3: record(3, "segment_ranker", {"heterogeneity_p": 0.001}, [2]),
    }
    assert part_confidence([3], book) == pytest.approx(0.85 * 0.7, abs=0.006)


def test_a_part_without_steps_has_none():
    assert part_confidence([], {}) == 0.0


@given(
    st.dictionaries(
        st.sampled_from(["ate", "n", "n_clusters", "warnings", "gate_decision", "overlap", "balance"]),
        st.none() | st.just([]),
        max_size=5,
    )
)
def test_confidence_lies_between_zero_and_one_whatever_is_missing(output):
    assert 0 < step_confidence("causal_effect_estimator", output) <= 1
