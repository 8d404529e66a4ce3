"""Judged classifications become labelled rows, or are named as unclear; nothing is made up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from builders_classifier import ask
from e2i_shared.api.classification import ClassificationFeedback, RoutingPattern, StoredClassification
from e2i_shared.classifier.corpus import load
from e2i_shared.classifier.feedback import export
from e2i_shared.classifier.routes import pattern_of

if TYPE_CHECKING:
    from pathlib import Path

    from e2i_shared.api.classification import Classification

TWO = "Did rep visits raise Kisqali TRx? And is the email feed complete?"
LINKED = "Did rep visits raise Kisqali TRx, and which segments responded most to them?"
ONE = "Did rep visits raise Kisqali TRx in the Northeast?"


def judged(said: Classification, **feedback: object) -> StoredClassification:
    return StoredClassification(
        classification=said, created_at="2026-10-15T00:00:00+00:00", feedback=ClassificationFeedback(**feedback)
    )


@pytest.mark.parametrize("query", [ONE, TWO, LINKED])
def test_a_right_route_labels_itself(query: str):
    said = ask(query)

    row = export([judged(said, was_correct=True)]).rows[0]

    assert row["pattern"] == said.routing_pattern.value
    assert row["domains"] == [score.domain.value for score in said.domains]
    assert [part["text"] for part in row["sub_questions"]] == [part.text for part in said.sub_questions]
    assert len(row["dependencies"]) == len(said.dependencies)


def test_a_wrong_route_takes_the_pattern_and_the_domain_that_the_judge_names():
    feedback = {"was_correct": False, "correct_pattern": RoutingPattern.SINGLE_AGENT, "notes": "this is MONITORING"}

    row = export([judged(ask(ONE), **feedback)]).rows[0]

    assert (row["pattern"], row["domains"]) == ("SINGLE_AGENT", ["MONITORING"])
    assert [(part["start"], part["end"]) for part in row["sub_questions"]] == [(0, len(ONE))]


def test_parts_that_stand_alone_lose_their_edges():
    said = ask(LINKED)
    assert said.dependencies

    row = export([judged(said, was_correct=False, correct_pattern=RoutingPattern.PARALLEL_DELEGATION)]).rows[0]

    assert (row["pattern"], row["dependencies"]) == ("PARALLEL_DELEGATION", [])


@pytest.mark.parametrize("arrow", ["->", "→", "to"])
def test_edges_are_read_from_the_notes(arrow: str):
    notes = f"CAUSAL, MONITORING; Q2 {arrow} Q1 LOGICAL_SEQUENCE"
    feedback = {"was_correct": False, "correct_pattern": RoutingPattern.TOOL_COMPOSER, "notes": notes}

    row = export([judged(ask(TWO), **feedback)]).rows[0]

    assert [(edge["from"], edge["to"], edge["type"]) for edge in row["dependencies"]] == [
        ("Q2", "Q1", "LOGICAL_SEQUENCE")
    ]
    assert row["domains"] == ["MONITORING", "CAUSAL"]


def test_an_unclear_question_keeps_no_parts():
    feedback = {"was_correct": False, "correct_pattern": RoutingPattern.CLARIFICATION_NEEDED}

    row = export([judged(ask(ONE), **feedback)]).rows[0]

    assert (row["domains"], row["sub_questions"], row["dependencies"]) == ([], [], [])


@pytest.mark.parametrize(
    "feedback",
    [
        {"was_correct": False},
        {"was_correct": False, "correct_pattern": RoutingPattern.TOOL_COMPOSER},
        {"was_correct": False, "correct_pattern": RoutingPattern.PARALLEL_DELEGATION, "notes": "CAUSAL, GAP and KPI"},
        {
            "was_correct": False,
            "correct_pattern": RoutingPattern.TOOL_COMPOSER,
            "notes": "Q1 -> Q2 LOGICAL_SEQUENCE, Q2 -> Q1 LOGICAL_SEQUENCE",
        },
    ],
    ids=["no pattern", "no edges", "more domains than parts", "a circle"],
)
def test_feedback_that_is_no_label_is_named_and_not_guessed(feedback: dict[str, object]):
    said = ask(TWO)

    found = export([judged(said, **feedback)])

    assert (found.rows, found.unclear) == ([], [said.classification_id])


def test_what_was_not_judged_is_left_out():
    stored = StoredClassification(classification=ask(ONE), created_at="2026-10-15T00:00:00+00:00")

    assert export([stored]).rows == []


def test_a_follow_up_keeps_the_question_it_leaned_on():
    said = ask("and in the Midwest?", ONE)

    assert export([judged(said, was_correct=True)]).rows[0]["context"] == [ONE]


def test_exported_rows_can_be_loaded_as_a_corpus(tmp_path: Path):
    stored = [judged(ask(query), was_correct=True) for query in (ONE, TWO, LINKED)]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in export(stored).rows), encoding="utf-8")

    rows = load(file)

    assert [row.query for row in rows] == [ONE, TWO, LINKED]
    assert all(pattern_of(row.domains, len(row.edges)) == row.pattern for row in rows)
