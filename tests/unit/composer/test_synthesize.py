from __future__ import annotations

from typing import Any

import pytest
from builders_composer import (
    KISQALI,
    KISQALI_EDGES,
    KISQALI_PARTS,
    EffectParams,
    EffectResult,
    catalogue,
    datasets,
    drive,
    effect_output,
    runner,
    tool,
)
from e2i_shared.api.classification import Domain
from e2i_shared.api.composition import Claim, CompositionStatus, ValueRef
from e2i_shared.composer.synthesize import synthesize
from e2i_shared.errors import UngroundedAnswerError, UnprocessableError

C, K, P = Domain.CAUSAL, Domain.KPI, Domain.PREDICTION


@pytest.fixture(scope="module")
def finished():
    return drive(KISQALI, KISQALI_PARTS, KISQALI_EDGES)


def again(finished, writer=None, steps=None, record=None):
    done, all_steps = finished
    return synthesize(record or done, steps if steps is not None else all_steps, catalogue(), datasets(), writer)


def test_the_headline_is_the_first_sentence_without_citations(finished):
    answer, _ = again(finished)
    assert answer.headline == (
        "Kisqali, Northeast: each additional rep visit raises TRx by 2.05 TRx on average "
        "(95% interval 1.87 to 2.23; p < 0.001)."
    )


def test_there_is_one_part_per_sub_question_with_its_citations_and_confidence(finished):
    answer, missing = again(finished)
    assert [(p.sub_question, p.citations) for p in answer.parts] == [("Q1", [1]), ("Q2", [2, 3]), ("Q3", [4])]
    assert all(0 < p.confidence <= 1 for p in answer.parts)
    assert missing == []


def test_every_sentence_of_a_part_is_cited(finished):
    answer, _ = again(finished)
    for part in answer.parts:
        assert all(claim.value_refs for claim in part.claims)
        assert part.text.count("[") >= len(part.claims)


def test_charts_come_from_the_tools(finished):
    answer, _ = again(finished)
    assert answer.charts
    assert all(chart["$schema"].startswith("https://vega.github.io/schema/vega-lite") for chart in answer.charts)


def test_columns_are_called_as_the_question_calls_them(finished):
    answer, _ = again(finished)
    assert "rep visit " in answer.headline
    assert "rep_visits" not in answer.headline
    assert "rep_visits raise" not in answer.text


def test_caveats_hold_the_assumptions(finished):
    answer, _ = again(finished)
    assert "No unmeasured confounding given the covariates." in answer.caveats


def test_the_next_step_is_named(finished):
    answer, _ = again(finished)
    assert "refutation" in answer.next_step
    assert answer.text.endswith(f"Next step: {answer.next_step}")


def test_without_a_plan_nothing_can_be_said(finished):
    record = finished[0].model_copy(update={"plan": None})
    with pytest.raises(UnprocessableError, match="no plan"):
        again(finished, record=record)


class TestPartialAnswers:
    def test_unplanned_and_failed_parts_are_missing_with_their_reasons(self):
        parts = [(K, "What was NRx of Fabhalta"), (P, "forecast Kisqali TRx")]
        record, _ = drive("…", parts)

        assert [p.sub_question for p in record.answer.parts] == ["Q1"]
        assert [m.sub_question for m in record.missing] == ["Q2"]
        assert "forecaster" in record.missing[0].reason
        assert "Not answered:\n- forecast Kisqali TRx: Forecasting" in record.answer.text

    def test_all_sub_questions_are_answered_or_missing(self):
        parts = [
            (C, "Did rep visits raise TRx"),
            (C, "did billboards raise TRx"),
            (K, "TRx by region"),
            (P, "forecast TRx"),
        ]
        record, _ = drive("…", parts)

        covered = [p.sub_question for p in record.answer.parts] + [m.sub_question for m in record.missing]
        assert sorted(covered) == ["Q1", "Q2", "Q3", "Q4"]

    def test_a_part_with_one_failed_step_of_two_is_answered_with_a_caveat(self, finished):
        record, steps = finished
        broken = [
            s.model_copy(
                update={"status": CompositionStatus.FAILED, "output": None, "error_message": "Too few segments."}
            )
            if s.step.tool == "segment_ranker"
            else s
            for s in steps
        ]
        answer, missing = again((record, broken))

        assert missing == []
        assert [p.citations for p in answer.parts][1] == [2]
        assert "Segments ranked: Too few segments." in answer.caveats

    def test_a_step_that_serves_two_questions_answers_both(self):
        parts = [(C, "Did rep visits raise TRx"), (C, "how big was the effect of rep visits on TRx")]
        record, _ = drive("…", parts)
        assert [p.citations for p in record.answer.parts] == [[1], [1]]

    def test_nothing_answered_is_raised_with_all_reasons(self):
        with pytest.raises(UnprocessableError, match="Nothing could be answered") as caught:
            drive("…", [(P, "forecast Kisqali TRx"), (Domain.COHORT, "build a cohort of oncologists")])
        assert "forecaster" in caught.value.message
        assert "cohort_builder" in caught.value.message


class Writer:
    """A writer with prepared answers; remembers what it was asked."""

    def __init__(self, *texts: Any) -> None:
        self.texts, self.asked = list(texts), []

    def __call__(self, question, claims, problems) -> Any:
        self.asked.append((question, list(problems)))
        text = self.texts.pop(0) if self.texts else None
        return [claims[0].model_copy(update={"text": text})] if text else claims


class TestAWriter:
    QUERY = "Did rep visits raise TRx?"

    @pytest.fixture
    def one(self):
        return drive(self.QUERY, [(C, self.QUERY)])

    def test_its_words_are_used_and_the_numbers_stay_ours(self, one):
        writer = Writer("Visits help: {0} more (95% interval {1} to {2}; {3}).")
        answer, _ = again(one, writer)
        assert answer.headline == "Visits help: 2.05 TRx more (95% interval 1.87 to 2.23; p < 0.001)."
        assert len(writer.asked) == 1

    def test_an_ungrounded_answer_is_asked_for_once_more_with_the_problems(self, one):
        writer = Writer("Visits lift TRx by 12%: {0}.", "Visits lift TRx by {0}.")
        answer, _ = again(one, writer)
        assert answer.headline == "Visits lift TRx by 2.05 TRx."
        assert any("12%" in p for p in writer.asked[1][1])

    def test_a_second_ungrounded_answer_is_replaced_by_the_template(self, one):
        writer = Writer("Visits lift TRx by 12%: {0}.", "Visits lowered TRx by {0}.")
        answer, _ = again(one, writer)
        assert answer.headline.startswith("Each additional rep visit raises TRx by 2.05 TRx")
        assert len(writer.asked) == 2

    @pytest.mark.parametrize("text", ["It doubled: {0}.", "{0} and {9}.", "Since 2020: {0}.", "$5 each: {0}."])
    def test_no_invented_number_gets_through(self, one, text):
        try:
            answer, _ = again(one, Writer(text, text))
        except UngroundedAnswerError:
            pytest.fail("a bad writer must not fail the answer")
        assert answer.headline.startswith("Each additional rep visit")


def test_a_template_that_were_ungrounded_would_be_refused(monkeypatch, finished):
    from e2i_shared.composer import synthesize as module

    def lie(_told) -> Any:
        return [Claim(text="It is 42 or {0}.", value_refs=[ValueRef(step=1, pointer="/ate", format=".2f")])]

    monkeypatch.setattr(module, "claims_of", lie)
    with pytest.raises(UngroundedAnswerError, match="'42'"):
        again(finished)


@pytest.mark.parametrize(
    "changes",
    [
        {"ate": -0.52, "ci_lower": -0.61, "ci_upper": -0.43},
        {"ate": 0.01, "ci_lower": -0.5, "ci_upper": 0.52, "p_value": 0.9},
        {"ate": 1794.34, "ci_lower": 550.6, "ci_upper": 3038.1, "p_value": 0.0048},
        {"ate": 0.00042, "ci_lower": 0.0001, "ci_upper": 0.0008},
        {"ate": 1e9, "ci_lower": 9e8, "ci_upper": 1.1e9},
        {"ate": 1.0, "ci_lower": 0.5, "ci_upper": 1.5},
        {"warnings": ["12 of 6720 rows lack treatment or outcome and are left out.", "3 covariates stay unbalanced."]},
        {"n_clusters": 5},
        {"p_value": 0.0499},
    ],
)
def test_whatever_the_tool_returns_the_answer_is_grounded(changes):
    tools = catalogue(
        causal_effect_estimator=tool(
            "causal_effect_estimator", "CAUSAL", EffectParams, EffectResult, effect_output(**changes)
        )
    )
    query = "Did rep visits raise TRx in decile 8 to 10 of the Northeast?"
    record, _ = drive(query, [(C, query)], tools=tools, run=runner(tools))
    assert record.answer.headline


@pytest.mark.parametrize("odd", ["$1 million", "{{x}}", "${n2}", "{0}", "<script>alert(1)</script>", "100% [1]"])
def test_odd_text_in_the_question_is_repeated_as_it_is(odd):
    query = f"Did rep visits raise TRx, says {odd}?"
    parts = [(C, query), (P, f"forecast {odd}")]
    record, _ = drive(query, parts)
    assert odd in record.answer.text
    assert record.answer.headline.startswith("Each additional rep visit")
