from __future__ import annotations

import pytest
from builders_classifier import TODAY, ask, parts
from e2i_shared.classifier.absorb import Asked, absorb, is_statement
from e2i_shared.classifier.clauses import Clause
from e2i_shared.classifier.domains import NONE
from e2i_shared.classifier.reading import read
from e2i_shared.classifier.weights import weights


def pieces(*texts: tuple[str, str, float]):
    """Return a reading of the texts joined, and a part for each with its domain and how sure that is."""
    query, spans = "", []
    for text, _, _ in texts:
        spans.append((len(query), len(query) + len(text)))
        query += text
    seen = read(query, TODAY, weights())
    asked = []
    for (start, end), (_, domain, sure) in zip(spans, texts, strict=True):
        inside = [k for k, word in enumerate(seen.words) if start <= word.start < end]
        asked.append(Asked(Clause(inside[0], inside[0], inside[-1] + 1), {domain: sure, NONE: 1 - sure}))
    return seen, asked


def domains(*texts: tuple[str, str, float]) -> list[str]:
    return [part.domain for part in absorb(*pieces(*texts))]


def test_a_condition_of_the_same_kind_belongs_to_its_question():
    assert domains(("if the laggards caught up, ", "GAP", 0.9), ("what would that be worth", "GAP", 0.9)) == ["GAP"]


def test_a_condition_of_another_kind_is_a_question_of_its_own():
    assert domains(("if samples worked, ", "CAUSAL", 0.9), ("design a test", "EXPERIMENT", 0.9)) == [
        "CAUSAL",
        "EXPERIMENT",
    ]


def test_an_action_that_is_supposed_belongs_to_its_question_whatever_its_kind():
    assert domains(("if we cut calls by half, ", "CAUSAL", 0.9), ("what happens to sales", "EXPERIMENT", 0.95)) == [
        "EXPERIMENT"
    ]


def test_the_surer_of_an_action_and_its_question_names_the_kind():
    assert domains(
        ("if every doctor got a card, ", "EXPERIMENT", 0.95), ("where would sales be", "PREDICTION", 0.6)
    ) == ["EXPERIMENT"]


def test_a_condition_that_restates_an_earlier_part_belongs_to_what_hangs_on_it():
    found = domains(
        ("which deciles respond? ", "SEGMENTATION", 0.99),
        ("if decile 9 responds, ", "SEGMENTATION", 0.9),
        ("size a test", "EXPERIMENT", 0.9),
    )

    assert found == ["SEGMENTATION", "EXPERIMENT"]


def test_a_doubtful_subordinate_clause_is_taken_in():
    assert domains(("which regions lag ", "GAP", 0.95), ("after adjusting for mix", "CAUSAL", 0.4)) == ["GAP"]


def test_a_weak_piece_that_does_not_ask_is_taken_in():
    assert domains(("estimate the effect, ", "CAUSAL", 0.99), ("errors by doctor", "SEGMENTATION", 0.4)) == ["CAUSAL"]


def test_a_weak_piece_that_asks_stays():
    assert len(domains(("estimate the effect, ", "CAUSAL", 0.99), ("who gained most", "SEGMENTATION", 0.4))) == 2


def test_one_part_alone_is_left_alone():
    assert domains(("if samples worked", "CAUSAL", 0.3)) == ["CAUSAL"]


def test_the_joined_part_covers_both_clauses():
    seen, asked = pieces(("if we cut calls, ", "EXPERIMENT", 0.9), ("what happens", "EXPERIMENT", 0.9))

    joined = absorb(seen, asked)[0].clause

    assert (joined.first, joined.last) == (0, len(seen.words))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Our numbers slipped in August. ", True),
        ("We changed the call plan in July; ", True),
        ("Did our numbers slip in August? ", False),
        ("I'd like to know what changed. ", False),
        ("TRx for patients who discontinued. ", False),
        ("Show what changed. ", False),
        ("Kisqali TRx by month. ", False),
    ],
)
def test_telling_is_told_from_asking(text: str, told: bool):
    seen = read(text + "Why?", TODAY, weights())

    assert is_statement(seen, Clause(0, 0, len(seen.words) - 1)) is told


def test_what_is_told_before_a_question_is_no_part_of_it():
    assert parts(ask("Our Remibrutinib numbers slipped in August. What was the main reason for the drop?")) == [
        "CAUSAL"
    ]


def test_a_state_of_our_own_is_a_condition_and_an_action_of_ours_is_tried_out():
    state = domains(("If our forecast comes in under plan", "PREDICTION", 0.9), (", tell me the gap", "GAP", 0.9))
    action = domains(("If we cut calls by 10%", "EXPERIMENT", 0.9), (", what happens to TRx", "CAUSAL", 0.9))

    assert state == ["PREDICTION", "GAP"]
    assert len(action) == 1
