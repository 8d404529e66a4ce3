from __future__ import annotations

import pytest
from builders_classifier import MONTHLY, TODAY
from e2i_shared.classifier.features import extract_features
from hypothesis import given, settings
from hypothesis import strategies as st


def test_question_words_and_clauses_are_listed_in_order():
    features = extract_features("Why did TRx drop, and which segments responded most?", [], TODAY)

    assert features.clauses == ["Why did TRx drop", "which segments responded most"]
    assert features.question_words == ["why", "did", "which"]


def test_cues_are_quoted_as_they_were_written():
    features = extract_features("If calls CAUSED the lift, is it better than last year?", [], TODAY)

    assert features.conditional_cues == ["If"]
    assert "CAUSED" in features.causal_cues
    assert {"better", "than"} <= set(features.comparison_cues)


def test_periods_come_with_dates():
    features = extract_features("TRx in the last two quarters", [], TODAY)

    assert [(p.text, p.start, p.end) for p in features.periods] == [
        ("the last two quarters", "2026-04-01", "2026-10-01")
    ]


def test_a_number_inside_a_period_is_no_entity_of_its_own():
    features = extract_features("TRx in the last 6 months", [MONTHLY], TODAY)

    assert [entity.kind for entity in features.entities] == ["kpi", "period"]


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("Why did TRx drop?", True),
        ("kisqali q3 trx", True),
        ("¿Por qué cayeron las ventas?", False),
        ("Warum sind die Verschreibungen gefallen", False),
        ("为什么处方量下降了", False),
        ("Почему упали продажи", False),
        ("", True),
        ("12345 ???", True),
        ("Did Müller visit the café in Zürich?", True),
    ],
)
def test_other_languages_are_noticed(text: str, english: bool):
    assert extract_features(text, [], TODAY).language_ok is english


@settings(max_examples=80, deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_any_text_has_features(text: str):
    features = extract_features(text, [MONTHLY], TODAY)

    assert all(0 <= entity.start < entity.end <= len(text) for entity in features.entities)
