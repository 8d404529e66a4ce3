"""Questions in plain English through the real classifier, planner, tools and answer, on the sample with its known truth."""

from __future__ import annotations

import re

import pytest
from builders_composer import sample
from builders_questions import asked
from e2i_shared.api.common import Filter
from e2i_shared.composer.pointers import lookup

KISQALI = "Did more rep visits raise Kisqali TRx in the Northeast, which specialties responded most, and how large a test would confirm it?"
QUESTIONS = {
    KISQALI: {"causal_effect_estimator", "cate_analyzer", "segment_ranker", "power_calculator"},
    "Did copay cards reduce discontinuation for patients with commercial insurance, and does that survive refutation?": {
        "causal_effect_estimator",
        "refutation_runner",
        "sensitivity_analyzer",
    },
    "How did Kisqali TRx trend over the last 6 months by region, and which territories trail the median?": {
        "kpi_lookup",
        "gap_calculator",
    },
    "What was Fabhalta NRx last quarter compared with the previous quarter?": {"kpi_lookup"},
    "Which territories are below target TRx for Fabhalta?": {"gap_calculator"},
}


@pytest.mark.parametrize(("query", "tools"), QUESTIONS.items())
def test_questions_are_answered_by_the_tools_they_need(query, tools):
    record, steps = asked(query)

    assert {s.step.tool for s in steps} == tools
    assert all(s.status == "COMPLETED" for s in steps), [s.error_message for s in steps]
    assert record.status == "COMPLETED"
    assert record.missing == []
    assert len(record.answer.parts) == len(record.decomposition.sub_questions)


@pytest.mark.parametrize("query", QUESTIONS)
def test_every_part_has_sentences_numbers_citations_and_confidence(query):
    record, _ = asked(query)
    for part in record.answer.parts:
        assert part.claims
        assert re.search(r"\d", part.text)
        assert part.citations
        assert 0 < part.confidence <= 1


@pytest.mark.parametrize("query", QUESTIONS)
def test_every_number_traces_to_a_stored_output(query):
    record, steps = asked(query)
    outputs = {s.step.step_number: s.output for s in steps}
    for ref in (r for p in record.answer.parts for c in p.claims for r in c.value_refs):
        assert lookup(outputs[ref.step], ref.pointer) is not None


def test_the_estimate_agrees_with_the_planted_truth():
    record, steps = asked(KISQALI)
    output = steps[0].output
    where = [Filter(column="brand", value="Kisqali"), Filter(column="region", value="Northeast")]
    truth = sample().truth_for("rep_visits", "trx", where)

    assert abs(output["ate"] - truth.effect) <= 3 * output["std_error"]
    assert record.answer.headline.startswith("Kisqali, Northeast: each additional rep visit raises TRx by")


def test_the_specialty_that_truly_responds_most_is_ranked_first():
    record, steps = asked(KISQALI)
    where = [Filter(column="brand", value="Kisqali"), Filter(column="region", value="Northeast")]
    truth = sample().truth_by("rep_visits", "trx", "specialty", where)
    best = max(truth, key=lambda level: truth[level].effect)
    ranked = next(s.output for s in steps if s.step.tool == "segment_ranker")

    assert ranked["ranked_segments"][0]["level"] == best
    assert f"first: {best}" in record.answer.parts[1].text


def test_the_shipped_tools_fit_together_in_every_plan():
    for query in QUESTIONS:
        record, _ = asked(query)
        assert record.plan.missing == []
        assert record.plan.levels
