from __future__ import annotations

from typing import Any

import pytest
from builders_composer import effect_output, refutation_output
from e2i_shared.api.composition import AnswerPart, CompositionStatus, MissingPart
from e2i_shared.composer.caveats import caveats_of, next_step_of
from e2i_shared.composer.model import Binding, Plan, PlanStep, StepRecord

PLAN = Plan(dataset="d", dataset_version=1, steps=[], levels=[])


def record(number, tool, output=None, status=CompositionStatus.COMPLETED, error=None, serves="Q1"):
    step = PlanStep(
        step_number=number, name=f"The {tool}", tool=tool, runtime="layer", inputs={}, serves=serves, level=1
    )
    return number, StepRecord(step=step, status=status, output=output, error_message=error)


def caveats(*records: Any, plan=PLAN, missing=()):
    return caveats_of(plan, dict(records), missing)


def test_fuzzy_readings_come_first():
    plan = PLAN.model_copy(
        update={
            "bindings": [
                Binding(phrase="Nrotheast", bound_to="region = Northeast", dataset="d", fuzzy=True),
                Binding(phrase="TRx", bound_to="trx", dataset="d"),
            ],
            "notes": ["A note."],
        }
    )
    assert caveats(plan=plan) == ["Nrotheast was read as region = Northeast.", "A note."]


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (effect_output(warnings=["Few treated rows."]), "Few treated rows."),
        (effect_output(n_clusters=8), "few clusters"),
        (effect_output(overlap={"share_outside": 0.3}), "overlap weakly"),
        (refutation_output(gate_decision="block"), "did not pass every refutation test"),
        (refutation_output(gate_decision="review"), "did not pass every refutation test"),
    ],
)
def test_what_the_diagnostics_show_is_said(output, words):
    assert any(words in c for c in caveats(record(1, "causal_effect_estimator", output)))


def test_assumptions_come_last():
    output = effect_output(warnings=["W."], assumptions=["A.", "B.", "C."])
    assert caveats(record(1, "causal_effect_estimator", output)) == ["W.", "A.", "B."]


def test_what_failed_is_said_unless_its_part_is_missing_anyway():
    failed = record(1, "cate_analyzer", status=CompositionStatus.FAILED, error="Too few rows.", serves="Q2")
    assert caveats(failed) == ["The cate_analyzer: Too few rows."]
    assert caveats(failed, missing=["Q2"]) == []


def test_a_step_that_just_did_not_run_says_so():
    assert caveats(record(1, "x", status=CompositionStatus.SKIPPED)) == ["The x: it did not run"]


def test_nothing_is_said_twice_and_not_more_than_twelve_things():
    same = effect_output(warnings=["W."], assumptions=[])
    assert caveats(record(1, "a", same), record(2, "b", same)) == ["W."]
    assert len(caveats(record(1, "a", effect_output(warnings=[f"W{i}." for i in range(20)])))) == 12


PART = AnswerPart(sub_question="Q1", question="q", text="t", citations=[1], confidence=0.5)
GONE = MissingPart(sub_question="Q2", question="q", reason="r")


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([record(1, "causal_effect_estimator", effect_output())], "refutation tests before acting"),
        ([record(1, "refutation_runner", refutation_output(gate_decision="block"))], "failed refutation tests"),
        (
            [
                record(1, "causal_effect_estimator", {}),
                record(2, "refutation_runner", refutation_output()),
                record(3, "segment_ranker", {}),
            ],
            "how large a test",
        ),
        ([record(1, "gap_calculator", {})], "which lever"),
    ],
)
def test_the_next_step_follows_from_what_was_run(records, words):
    assert words in next_step_of([PART], [], dict(records))


def test_there_may_be_no_next_step():
    assert next_step_of([PART], [], dict([record(1, "kpi_lookup", {})])) is None
    assert next_step_of([], [GONE], {}) is None
