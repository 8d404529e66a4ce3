"""The executive summary and the full report say what the answer says, and nothing else."""

from __future__ import annotations

import pytest
from builders_composer import KISQALI, KISQALI_EDGES, KISQALI_PARTS, drive
from e2i_shared.api.classification import Domain
from e2i_shared.composer.grounding import check_answer
from e2i_shared.composer.narrative import grade

OPEN = [(Domain.CAUSAL, "Did rep visits raise Kisqali TRx"), (Domain.EXPERIMENT, "what are the stopping boundaries")]


def answered(query=KISQALI, parts=KISQALI_PARTS, edges=KISQALI_EDGES):
    return drive(query, parts, edges)


def problems(record, steps, **changes: str):
    outputs = {s.step.step_number: s.output for s in steps if s.output}
    extra = [q.text for q in record.decomposition.sub_questions] + [b.bound_to for b in record.plan.bindings]
    answer = record.answer.model_copy(update=changes)
    return check_answer(answer, outputs, record.query, missing=record.missing, extra=[*extra, *record.plan.notes])


@pytest.mark.parametrize(
    ("confidence", "word"), [(0.95, "strong"), (0.8, "strong"), (0.7, "moderate"), (0.5, "limited"), (0.1, "weak")]
)
def test_confidence_has_a_name(confidence, word):
    assert grade(confidence) == word


def test_the_summary_has_the_headline_the_other_findings_the_limits_and_the_next_step():
    answer = answered()[0].answer

    assert answer.summary.startswith(f"**{answer.headline}** (")
    assert "- Strongest response: Oncology" in answer.summary
    assert answer.summary.count(answer.headline) == 1
    assert f"Keep in mind: {answer.caveats[0]}" in answer.summary
    assert len(answer.summary) < len(answer.text) < len(answer.report)


def test_the_report_has_a_section_for_every_part_and_a_line_for_every_step():
    record, steps = answered()
    report = record.answer.report

    assert report.startswith(f"# {record.query}")
    assert all(part.text in report and f"### {part.question}" in report for part in record.answer.parts)
    assert all(f"[{s.step.step_number}] {s.step.name} ({s.step.tool}): " in report for s in steps)
    assert all(f"- {caveat}" in report for caveat in record.answer.caveats)


def test_what_is_not_answered_is_said_in_both():
    record, _ = answered("Did rep visits raise Kisqali TRx, and what are the stopping boundaries?", OPEN, ())

    assert "- Not answered: what are the stopping boundaries" in record.answer.summary
    assert "## Not answered" in record.answer.report
    assert record.missing[0].reason in record.answer.report


def test_both_are_grounded():
    record, steps = answered()
    assert problems(record, steps) == []


@pytest.mark.parametrize("where", ["summary", "report"])
@pytest.mark.parametrize(
    ("old", "new"), [("2.05", "2.50"), ("2.05 TRx", "2.05 USD"), ("2.05 TRx", "a third of a TRx"), ("2.05", "two")]
)
def test_a_mutated_number_in_either_is_caught(where, old, new):
    record, steps = answered()
    text = getattr(record.answer, where)
    assert old in text

    found = problems(record, steps, **{where: text.replace(old, new)})

    assert any(p.startswith(where) for p in found)


@pytest.mark.parametrize("where", ["summary", "report"])
def test_a_sentence_added_to_either_is_caught(where):
    record, steps = answered()
    text = getattr(record.answer, where)
    assert problems(record, steps, **{where: text + "\n\nThis is worth $3 million by 2031."})
