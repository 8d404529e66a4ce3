"""Clauses that are no questions of their own join the one they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders_composer import dependency
from e2i_shared.api.classification import Domain, SubQuestion
from e2i_shared.composer.fragments import join_fragments

if TYPE_CHECKING:
    from collections.abc import Sequence

S, E, C, H = Domain.SEGMENTATION, Domain.EXPERIMENT, Domain.CAUSAL, Domain.COHORT


def joined(query: str, *parts: tuple[Domain, str], edges: Sequence[tuple[str, str]] = ()):
    questions = [SubQuestion(id=f"Q{i}", text=text, domain=domain) for i, (domain, text) in enumerate(parts, 1)]
    made, kept = join_fragments(query, questions, [dependency(a, b) for a, b in edges])
    return [(q.id, q.domain, q.text) for q in made], [(d.from_, d.to) for d in kept]


def test_a_premise_joins_the_question_after_it():
    query = "With 200 additional rep visits for Kisqali, which HCPs should get them to raise TRx?"
    parts = [(E, "With 200 additional rep visits for Kisqali"), (S, "which HCPs should get them to raise TRx")]

    assert joined(query, *parts, edges=[("Q1", "Q2")]) == ([("Q1", S, query.rstrip("?"))], [])


def test_an_exclusion_joins_the_cohort_before_it():
    query = "Build a cohort of patients in the South, excluding those with a copay card"
    parts = [(H, "Build a cohort of patients in the South"), (H, "excluding those with a copay card")]

    assert joined(query, *parts, edges=[("Q1", "Q2")]) == ([("Q1", H, query)], [])


def test_what_is_left_is_renumbered_with_its_dependencies():
    query = "Did calls raise TRx? We have 500 more calls. Who should get them?"
    parts = [(C, "Did calls raise TRx"), (E, "We have 500 more calls"), (S, "Who should get them")]

    questions, edges = joined(query, *parts, edges=[("Q1", "Q2"), ("Q2", "Q3"), ("Q1", "Q3")])

    assert questions == [
        ("Q1", C, "Did calls raise TRx"),
        ("Q2", S, "We have 500 more calls. Who should get them"),
    ]
    assert edges == [("Q1", "Q2")]


@pytest.mark.parametrize(
    "parts",
    [
        [(C, "Did calls raise TRx"), (S, "which specialties responded most")],
        [(H, "Build a cohort of oncologists"), (H, "build a cohort of allergists")],
        [(E, "We want to size a test"), (S, "who responds most")],
        [(E, "how many HCPs would 80% power need"), (C, "does it hold up")],
    ],
)
def test_questions_of_their_own_stay(parts):
    questions, _ = joined(" and ".join(text for _, text in parts), *parts)
    assert [text for _, _, text in questions] == [text for _, text in parts]


def test_reworded_clauses_are_joined_by_their_own_words():
    questions, _ = joined("…", (E, "We have 500 calls"), (S, "Who should receive them"))
    assert questions == [("Q1", S, "We have 500 calls Who should receive them")]
